//! Topics and URLs that are not, which would refuse every delivery.

use idempotency_core::provider::{
    AwsSns, Mandrill, PublicKeys, SchemeError, Secret, SecretError, Secrets, SettingError, senders,
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
    let made = |url: &str| Mandrill::new(url, "key").map(drop);
    let from_secrets =
        |url: &str| Mandrill::from_secrets(url, Secrets::one(Secret::new("key").unwrap())).map(drop);
    let scheme = |url: &str| senders::SQUARE.with_url(url).with_secret("key").map(drop);
    for url in [URL, "http://127.0.0.1:3000/webhooks/mandrill", "https://user:password@example.com/a?b=c"] {
        assert_eq!((made(url), from_secrets(url), scheme(url)), (Ok(()), Ok(()), Ok(())), "{url}");
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
        &format!("{URL}#fragment"),
    ] {
        let refused = (Err(SettingError::Url), Err(SettingError::Url), Err(SchemeError::Url));
        assert_eq!((made(url), from_secrets(url), scheme(url)), refused, "{url:?}");
    }
    let message = SettingError::Url.to_string();
    assert!(message.contains("expected an absolute http or https url"), "{message}");
    assert_eq!(Mandrill::new(URL, " ").map(drop), Err(SettingError::Secret(SecretError::Blank)));
}
