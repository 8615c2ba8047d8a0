//! Topics and URLs that are not, which would refuse every delivery.

use idempotency_core::provider::{
    AwsSns, Mandrill, Monday, PublicKeys, QStash, SchemeError, Secret, SecretError, Secrets, SettingError,
    Twilio, senders,
};
use idempotency_core::testing::TEST_PUBLIC_KEYS;

const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:orders";
const URL: &str = "https://example.com/webhooks";

#[test]
fn a_topic_that_is_not_one_is_refused_with_the_form_of_its_arn() {
    let keys = || PublicKeys::fixed(TEST_PUBLIC_KEYS).unwrap();
    let topics = |first: &str, second: &str| AwsSns::new(first, keys())?.with_topic(second).map(drop);
    assert_eq!(topics(TOPIC, "arn:aws-cn:sns:cn-north-1:123456789012:orders.fifo"), Ok(()));
    for text in [
        "",
        " ",
        "orders",
        &format!(" {TOPIC}"),
        &format!("{TOPIC}\n"),
        "arn:aws:sqs:us-west-2:123456789012:secret-queue",
        &format!("{TOPIC}:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55"),
    ] {
        assert_eq!(topics(text, TOPIC), Err(SettingError::Topic), "{text:?}");
        assert_eq!(topics(TOPIC, text), Err(SettingError::Topic), "{text:?}");
    }
    let message = SettingError::Topic.to_string();
    assert!(message.contains("expected arn:<partition>:sns:<region>:<12 digits>:<name>"), "{message}");
}

#[test]
fn a_url_that_is_not_the_endpoints_is_refused_with_what_is_expected() {
    let secrets = || Secrets::one(Secret::new("key").unwrap());
    let made = |url: &str| {
        [
            Mandrill::new(url, "key").map(drop),
            Mandrill::from_secrets(url, secrets()).map(drop),
            Monday::new(url, "key").map(drop),
            Monday::from_secrets(url, secrets()).map(drop),
            QStash::new(url, "key").map(drop),
            QStash::from_secrets(url, secrets()).map(drop),
        ]
    };
    let twilio =
        |url: &str| [Twilio::new("token", url).map(drop), Twilio::from_secrets(secrets(), url).map(drop)];
    let scheme = |url: &str| senders::SQUARE.with_url(url).with_secret("key").map(drop);
    for url in [URL, "http://127.0.0.1:3000/webhooks/mandrill", "https://user:password@example.com/a?b=c"] {
        assert_eq!((made(url), scheme(url)), (std::array::from_fn(|_| Ok(())), Ok(())), "{url}");
        assert_eq!(twilio(url), [Ok(()), Ok(())], "{url}");
    }
    for url in [
        "",
        " ",
        "example.com/webhooks",
        "/webhooks",
        "https://",
        "htps://example.com/webhooks",
        &format!(" {URL}"),
        &format!("{URL}\n"),
    ] {
        for refused in made(url).into_iter().chain(twilio(url)) {
            assert_eq!(refused, Err(SettingError::Url), "{url:?}");
        }
        assert_eq!(scheme(url), Err(SchemeError::Url), "{url:?}");
    }
    let with_fragment = format!("{URL}#rc=2");
    for refused in made(&with_fragment) {
        assert_eq!(refused, Err(SettingError::Url));
    }
    assert_eq!(scheme(&with_fragment), Err(SchemeError::Url));
    // Twilio reads it, and signs the rest.
    assert_eq!(twilio(&with_fragment), [Ok(()), Ok(())]);
    let message = SettingError::Url.to_string();
    assert!(message.contains("expected an absolute http or https url"), "{message}");
    assert_eq!(Mandrill::new(URL, " ").map(drop), Err(SettingError::Secret(SecretError::Blank)));
}
