//! A malformed secret beside a valid one is logged once for each change, so that it is found before the valid one is withdrawn.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use idempotency_core::clock::ManualClock;
use idempotency_core::provider::{
    Adyen, Braintree, CachedSecrets, PayPal, Place, Provider, Providers, PublicKeys, RotatingSecrets, Scheme,
    Secret, Secrets, StandardWebhooks,
};
use idempotency_core::testing;
use idempotency_tests::captured::Captured;
use idempotency_tests::vectors::Request;
use tracing::Level;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const LOGGED: &str = "ignoring a malformed secret";
const ACME: Scheme =
    Scheme::hmac_sha256("acme").signature_header("x-sig").secret_in_base64("").key_in(Place::Json("/id"));
const VALID: &str = "dmFsaWQ=";
const MALFORMED: [&str; 2] = ["malformed-1!", "malformed-2!"];

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

/// A genuine delivery to a path.
fn delivery(path: &'static str) -> Request {
    let body = r#"{"id":"evt_1"}"#;
    let mut request = Request::new(testing::scheme(&ACME, VALID, "", body.as_bytes(), NOW), body, NOW);
    request.uri = Uri::from_static(path);
    request
}

fn assert_hidden(log: &Captured) {
    for hidden in MALFORMED.into_iter().chain([VALID]) {
        assert!(!log.text().contains(hidden), "{}", log.text());
    }
}

#[test]
fn a_malformed_secret_beside_a_valid_one_is_logged_once_for_each_change() {
    let rotating = RotatingSecrets::new();
    let providers = Providers::new("/{provider}/{tenant}").unwrap();
    let acme = ACME.with_secrets(Secrets::from_source(rotating.clone())).unwrap();
    let providers = providers.with_provider(acme).unwrap();
    let log = Captured::default();
    let _listening = log.listen(Level::WARN);
    let logged_after = |path: &'static str| {
        for _ in 0..3 {
            delivery(path).received_by(&providers).unwrap();
        }
        log.text().matches(LOGGED).count()
    };
    rotating.replace("acme", "a", [secret(VALID)]);
    rotating.replace("acme", "b", [secret(VALID)]);
    assert_eq!(logged_after("/acme/a"), 0);
    // A change to a malformed secret, to two, and to another one.
    rotating.add("acme", "a", secret(MALFORMED[0]));
    assert_eq!(logged_after("/acme/a"), 1);
    rotating.add("acme", "a", secret(MALFORMED[1]));
    assert_eq!(logged_after("/acme/a"), 2);
    assert!(rotating.withdraw("acme", "a", &secret(MALFORMED[0])));
    assert_eq!(logged_after("/acme/a"), 3);
    // Of another tenant, which changes nothing for the first.
    rotating.add("acme", "b", secret(MALFORMED[1]));
    assert_eq!([logged_after("/acme/b"), logged_after("/acme/a")], [4, 4]);
    // It is mended, and then broken in the same way.
    rotating.replace("acme", "a", [secret(VALID)]);
    assert_eq!(logged_after("/acme/a"), 4);
    rotating.add("acme", "a", secret(MALFORMED[1]));
    assert_eq!(logged_after("/acme/a"), 5);
    let text = log.text();
    for shown in ["provider=\"acme\"", "tenant=\"a\"", "the secret is not"] {
        assert!(text.contains(shown), "{text}");
    }
    assert_hidden(&log);
}

#[tokio::test]
async fn a_malformed_secret_is_logged_once_behind_a_cache() {
    let rotating = RotatingSecrets::new();
    rotating.replace("acme", None, [secret(MALFORMED[0]), secret(VALID)]);
    let cached = CachedSecrets::new(rotating.clone(), Arc::new(ManualClock::new()));
    let providers = Providers::new("/{provider}").unwrap();
    let acme = ACME.with_secrets(Secrets::from_source(cached)).unwrap();
    let providers = providers.with_provider(acme).unwrap();
    let log = Captured::default();
    let _listening = log.listen(Level::WARN);
    let scope = idempotency_core::Scope::endpoint("e");
    for _ in 0..3 {
        let request = delivery("/acme");
        let incoming = idempotency_core::provider::Incoming::new(
            &request.method,
            &request.uri,
            &request.headers,
            &request.body,
            NOW,
            &scope,
        );
        providers.receive(&incoming).await.unwrap();
    }
    assert_eq!(log.text().matches(LOGGED).count(), 1, "{}", log.text());
    assert_hidden(&log);
}

#[test]
fn the_same_malformed_secrets_in_another_order_are_no_change() {
    let rotating = RotatingSecrets::new();
    let acme = ACME.with_secrets(Secrets::from_source(rotating.clone())).unwrap();
    let providers = Providers::new("/{provider}").unwrap().with_provider(acme).unwrap();
    let log = Captured::default();
    let _listening = log.listen(Level::WARN);
    let mut secrets = MALFORMED.into_iter().chain([VALID]).map(secret).collect::<Vec<_>>();
    for _ in 0..3 {
        rotating.replace("acme", None, secrets.clone());
        delivery("/acme").received_by(&providers).unwrap();
        secrets.reverse();
    }
    assert_eq!(log.text().matches(LOGGED).count(), 1, "{}", log.text());
}

#[test]
fn every_provider_that_decodes_its_secrets_says_that_one_is_malformed() {
    let source = |secrets: [Secret; 2]| {
        let rotating = RotatingSecrets::new();
        for provider in ["adyen", "braintree", "paypal", "standard-webhooks"] {
            rotating.replace(provider, None, secrets.clone());
        }
        Secrets::from_source(rotating)
    };
    let text = |malformed, valid| source([secret(malformed), secret(valid)]);
    let keys = || PublicKeys::fixed(testing::TEST_PUBLIC_KEYS).unwrap();
    let item = r#"{"pspReference":"1","merchantAccountCode":"m","merchantReference":"r","eventCode":"A","success":"true",
        "amount":{"value":1,"currency":"EUR"}}"#;
    let body = r#"{"id":"WH-1"}"#;
    let webhook = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (adyen, adyen_body) = testing::adyen("00ff", &[item]);
    let (braintree, braintree_body) = testing::braintree("public|private", "<kind>check</kind>");
    let cases: [(Arc<dyn Provider>, Request); 4] = [
        (
            Arc::new(Adyen::from_secrets(text(MALFORMED[0], "00ff")).unwrap()),
            Request::new(adyen, adyen_body, NOW),
        ),
        (
            Arc::new(Braintree::from_secrets(text(MALFORMED[0], "public|private")).unwrap()),
            Request::new(braintree, braintree_body, NOW),
        ),
        (
            Arc::new(PayPal::from_webhook_ids(text(MALFORMED[0], "4JH86294D6297924G"), keys())),
            Request::new(testing::paypal("4JH86294D6297924G", "t", body.as_bytes(), NOW), body, NOW),
        ),
        (
            Arc::new(StandardWebhooks::from_secrets(text(MALFORMED[0], webhook))),
            Request::new(testing::standard_webhooks(webhook, "m", body.as_bytes(), NOW), body, NOW),
        ),
    ];
    for (provider, mut request) in cases {
        let name = provider.name().to_owned();
        let providers = Providers::new("/{provider}").unwrap().with_provider(provider).unwrap();
        request.uri = format!("/{name}").parse().unwrap();
        let log = Captured::default();
        let _listening = log.listen(Level::WARN);
        for _ in 0..3 {
            request.received_by(&providers).unwrap();
        }
        assert_eq!(log.text().matches(LOGGED).count(), 1, "{name}: {}", log.text());
        assert_hidden(&log);
    }
}
