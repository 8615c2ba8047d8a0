//! Secrets: which are refused at the start, which are used raw, and where they come from.

use std::time::Duration;

use http::Uri;
use idempotency_core::provider::{
    GitHub, Provider, RejectionKind, Secret, SecretError, Secrets, Shopify, Slack, StandardWebhooks, Stripe,
};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &[u8] = br#"{"id":"evt_1","type":"customer.updated","event_id":"Ev1"}"#;

/// A secret with a newline, quotes, `sk_…` or `v1,whsec_…` was accepted, and then every delivery was 401.
#[test]
fn a_malformed_secret_is_refused_at_the_start() {
    type Make = fn(&str) -> Result<Box<dyn Provider>, SecretError>;
    let makers: [(&str, Make); 5] = [
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", |text| Ok(Box::new(Stripe::new(text)?))),
        ("shpat_0123456789abcdef", |text| Ok(Box::new(Shopify::new(text)?))),
        ("ghp_16C7e42F292c6912E7710c838347Ae178B4a", |text| Ok(Box::new(GitHub::new(text)?))),
        ("xoxb-17653672481-19874698323", |text| Ok(Box::new(Slack::new(text)?))),
        ("v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", |text| Ok(Box::new(StandardWebhooks::new(text)?))),
    ];
    for (other_credential, make) in makers {
        let whole = make(&format!(" \t{SECRET}\r\n")).unwrap();
        let genuine = match whole.name() {
            "stripe" => testing::stripe(SECRET, BODY, NOW),
            "shopify" => testing::shopify(SECRET, "e1", "a/b", BODY),
            "github" => testing::github(SECRET, "d1", "push", BODY),
            "slack" => testing::slack(SECRET, BODY, NOW),
            _ => testing::standard_webhooks(SECRET, "msg_1", BODY, NOW),
        };
        let received = Request::new(genuine, BODY, NOW).received_by(&*whole);
        assert!(received.is_ok(), "{}: blanks at the ends are part of a secret", whole.name());
        for text in [format!("{SECRET}\n{OTHER}"), format!("a\0{SECRET}")] {
            assert_eq!(make(&text).unwrap_err(), SecretError::NotOneLine, "{}", whole.name());
        }
        for quote in ['"', '\'', '`'] {
            let quoted = format!("{quote}{SECRET}{quote}");
            assert_eq!(make(&quoted).unwrap_err(), SecretError::Quoted, "{}", whole.name());
        }
        let error = make(other_credential).unwrap_err();
        assert!(matches!(error, SecretError::Malformed(_)), "{}", whole.name());
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(&other_credential[8..]), "{shown}");
    }
    assert_eq!(Secret::new([0xff; 32]).unwrap_err(), SecretError::NotOneLine);
    assert_eq!(Secret::raw([0xff; 32]).unwrap().expose(), [0xff; 32]);
    assert_eq!(Secret::raw(" \n").unwrap_err(), SecretError::Blank);
}

/// There was no way to use a raw secret with Standard Webhooks.
#[test]
fn a_raw_secret_of_standard_webhooks_is_used_unchanged() {
    let raw = "not base64: it is used as it stands!";
    let encoded = format!("whsec_{}", data_encoding::BASE64.encode(raw.as_bytes()));
    let headers = testing::standard_webhooks(&encoded, "msg_1", BODY, NOW);
    let request = Request::new(headers, BODY, NOW);
    assert!(matches!(StandardWebhooks::new(raw), Err(SecretError::Malformed(_))));
    let provider = StandardWebhooks::from_raw_secret(raw).unwrap();
    assert!(request.received_by(&provider).is_ok());
    let secrets = Secrets::one(Secret::raw(raw).unwrap());
    assert!(request.received_by(&StandardWebhooks::from_secrets(secrets)).is_ok());
}

#[test]
fn secrets_of_a_source_are_used_and_its_refusals_passed_on() {
    use idempotency_core::provider::{Incoming, Rejection, SecretSource};
    /// Without `Debug`, like many clients of a vault.
    struct ByTenant;
    #[async_trait::async_trait]
    impl SecretSource for ByTenant {
        async fn secrets(&self, incoming: &Incoming<'_>) -> Result<std::sync::Arc<[Secret]>, Rejection> {
            match incoming.uri.path() {
                "/webhooks" => Ok([Secret::new(SECRET).unwrap()].into()),
                "/none" => Ok([].into()),
                _ => Err(Rejection::unavailable("the vault is closed")),
            }
        }
    }
    let stripe = Stripe::from_secrets(Secrets::from_source(ByTenant));
    let mut request = Request::new(testing::stripe(SECRET, BODY, NOW), BODY, NOW);
    assert!(request.received_by(&stripe).is_ok());
    request.uri = Uri::from_static("/none");
    assert_eq!(request.received_by(&stripe).unwrap_err().kind(), RejectionKind::Unauthenticated);
    let secrets = Secrets::from_source(ByTenant).with_secret(Secret::new(SECRET).unwrap());
    assert!(request.received_by(&Stripe::from_secrets(secrets)).is_ok(), "a fixed secret is tried as well");
    assert!(format!("{stripe:?}").contains("[SecretSource]"));
    request.uri = Uri::from_static("/closed");
    assert_eq!(request.received_by(&stripe).unwrap_err().kind(), RejectionKind::Unavailable);
}
