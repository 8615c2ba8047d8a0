//! Wise: its two keys, what its signature covers, and a key that no retry changes.

use data_encoding::BASE64;
use serde_json::json;

use super::signer::Rsa;
use super::source::{Answer, Source};
use super::*;

const BODY: &str = r#"{"data":{"current_state":"processing","occurred_at":"2026-01-01T00:00:00Z"},"subscription_id":"s","event_type":"transfers#state-change","sent_at":"2026-01-01T00:00:01Z"}"#;

fn signed(body: &str) -> Request {
    let signature = BASE64.encode(&Rsa::new().sign(body.as_bytes()));
    Request::new(Default::default(), body.to_owned(), NOW).with("x-signature-sha256", &signature)
}

fn wise() -> Wise {
    Wise::new(PublicKeys::fixed(Rsa::new().jwk("k").to_string()).unwrap())
}

#[test]
fn the_published_keys_verify_their_own_environment_only() {
    let example = named("wise", "example-of-wise").request();
    let delivery = delivery(example.received_by(&Wise::sandbox()));
    assert_eq!(delivery.attributes().event_type(), Some("transfers#state-change"));
    assert_unauthenticated(&Wise::production(), &example, "an event of the sandbox");
}

#[test]
fn only_the_time_of_sending_does_not_change_the_key() {
    let of = |body: &str| delivery(signed(body).received_by(&wise()));
    let first = of(BODY);
    let retry = BODY.replace("00:00:01Z", "00:05:00Z");
    assert_ne!(retry, BODY);
    assert_eq!(address(&first), address(&of(&retry)));
    assert_eq!(first.fingerprint(), None, "a key that is signed needs no content");
    for (from, to) in [
        ("processing", "cancelled"),
        ("00:00:00Z", "00:00:02Z"),
        (r#""subscription_id":"s""#, r#""subscription_id":"t""#),
        ("transfers#state-change", "transfers#active-cases"),
        // The parts of a key do not run into each other.
        (r#""s","event_type":"transfers"#, r#""s;transfers","event_type":""#),
    ] {
        let other = BODY.replace(from, to);
        assert_ne!(other, BODY);
        assert_ne!(address(&first), address(&of(&other)), "{to}");
    }
}

/// docs.wise.com, "Transfer active cases": `data` has `resource` and `active_cases`, and no time.
fn active_cases(cases: &str, sent_at: &str) -> KeyDigest {
    let body = format!(
        r#"{{"data":{{"resource":{{"type":"transfer","id":111}},"active_cases":[{cases}]}},"subscription_id":"s","event_type":"transfers#active-cases","sent_at":"{sent_at}"}}"#
    );
    address(&delivery(signed(&body).received_by(&wise())))
}

#[test]
fn a_case_that_is_opened_again_is_another_event() {
    let case = r#""deposit_amount_less_invoice""#;
    let opened = active_cases(case, "2026-01-01T12:00:00Z");
    assert_ne!(opened, active_cases("", "2026-01-02T12:00:00Z"));
    assert_ne!(opened, active_cases(case, "2026-01-03T12:00:00Z"));
    assert_eq!(opened, active_cases(case, "2026-01-01T12:00:00Z"), "a retry with the same time of sending");
}

#[test]
fn the_time_of_sending_is_part_of_the_key_only_without_a_time_of_the_event() {
    let of = |data: &str, sent_at: &str| {
        let body =
            format!(r#"{{"data":{data},"subscription_id":"s","event_type":"t","sent_at":"{sent_at}"}}"#);
        address(&delivery(signed(&body).received_by(&wise())))
    };
    for (data, has_time) in [
        (r#"{"occurred_at":"2026-01-01T00:00:00Z"}"#, true),
        (r#"{"resource":{"updatedAt":"2026-01-01T00:00:00Z"}}"#, true),
        (r#"{"occurred_at":"2026-01-01T00:00:00Z","resource":[]}"#, true),
        (r#"{"occurred_at":null,"resource":{"id":1}}"#, false),
        (r#"{"occurred_at":"2026-01-01T00:00:00Z","occurred_at":null}"#, false),
        (r#"{"resource":{"occurred_at":"2026-01-01T00:00:00Z"}}"#, false),
        ("{}", false),
        ("[]", false),
        ("1", false),
    ] {
        assert_eq!(of(data, "a") == of(data, "b"), has_time, "{data}");
    }
}

#[test]
fn an_event_without_the_parts_of_its_key_is_refused() {
    for (body, expected) in [
        ("[]", RejectionKind::Malformed),
        ("", RejectionKind::Malformed),
        (r#"{"data":{},"data":{},"subscription_id":"s","event_type":"t"}"#, RejectionKind::Malformed),
        (r#"{"subscription_id":"s","event_type":"t"}"#, RejectionKind::KeyMissing),
        (r#"{"data":{},"subscription_id":"","event_type":"t"}"#, RejectionKind::KeyMissing),
        (r#"{"data":{},"subscription_id":["s"],"event_type":"t"}"#, RejectionKind::KeyMissing),
        (r#"{"data":{},"subscription_id":"s"}"#, RejectionKind::KeyMissing),
    ] {
        assert_eq!(refused(signed(body).received_by(&wise())), expected, "{body}");
    }
}

#[test]
fn every_changed_byte_of_the_body_and_of_the_signature_is_refused() {
    let request = signed(BODY);
    assert!(request.received_by(&wise()).is_ok());
    for at in 0..BODY.len() {
        let mut body = BODY.as_bytes().to_vec();
        body[at] ^= 1 << (at % 8);
        assert_unauthenticated(&wise(), &bearing(&request, body), &format!("byte {at} of the body"));
    }
    let signature = BASE64.decode(request.headers["x-signature-sha256"].as_bytes()).unwrap();
    for at in 0..signature.len() {
        let mut changed = signature.clone();
        changed[at] ^= 1 << (at % 8);
        let changed = request.clone().with("x-signature-sha256", &BASE64.encode(&changed));
        assert_unauthenticated(&wise(), &changed, &format!("byte {at} of the signature"));
    }
    for value in ["", "AAAA", "%", &BASE64.encode(&signature[..255])] {
        assert_unauthenticated(&wise(), &request.clone().with("x-signature-sha256", value), value);
    }
}

#[tokio::test]
async fn a_source_that_is_down_makes_the_delivery_unavailable() {
    let source = Source::new();
    source.set("wise", Answer::Down);
    let (cached, clock) = source.cached();
    let wise = Wise::new(cached);
    assert_eq!(refused(receive(&wise, &signed(BODY)).await), RejectionKind::Unavailable);
    source.set("wise", Answer::Document(json!({"keys": [Rsa::new().jwk("k")]}).to_string()));
    clock.advance(Duration::from_secs(10));
    assert!(receive(&wise, &signed(BODY)).await.is_ok());
}
