//! Fuzz targets: each takes any bytes, and panics if they break a guarantee.
//!
//! This module only exists under `cfg(fuzzing)` and in this crate's own tests, which run the committed corpus and random
//! bytes. `fuzz/README.md` has the command for a long run.
#![expect(clippy::missing_panics_doc, reason = "a target panics if a guarantee is broken")]

mod request;
#[cfg(test)]
mod tests;

use http::{HeaderMap, HeaderValue};

use crate::provider::{
    GitHub, Handshake, IdempotencyKey, Place, Received, RejectionKind, Scheme, Shopify, Slack,
    StandardWebhooks, Stripe, Twilio,
};
use crate::{Outcome, Provider, RecordedResponse, testing};
use request::{NOW, Request};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A record in Redis.
#[cfg(feature = "redis")]
pub fn redis_record(bytes: &[u8]) {
    crate::store::redis::fuzz::record(bytes);
}

/// A reply of a Redis server.
#[cfg(feature = "redis")]
pub fn redis_reply(bytes: &[u8]) {
    crate::store::redis::fuzz::reply(bytes);
}

/// An outcome that may be a recorded response.
pub fn recorded_response(bytes: &[u8]) {
    let Some(response) = RecordedResponse::from_outcome(&Outcome::new(bytes.to_vec())) else { return };
    for value in response.headers.values() {
        assert!(!value.as_bytes().iter().any(|byte| b"\r\n\0".contains(byte)), "a value splits its header");
    }
    assert!(bytes.ends_with(&response.body), "the body is not in the outcome");
    let again = RecordedResponse::from_outcome(&response.to_outcome());
    assert!(again.is_some_and(|again| again == response), "the answer does not read back");
}

/// The value of an `Idempotency-Key`, compared with a parser that shares no code with the provider's.
pub fn idempotency_key(bytes: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(bytes) else { return };
    let mut request = Request::parse(b"POST /\n\n");
    request.headers.insert("idempotency-key", value);
    let key = match request.received(&IdempotencyKey::global_across_principals()) {
        Ok(Received::Delivery(delivery)) => Some(delivery.key().as_str().as_bytes().to_vec()),
        Ok(other) => panic!("a request with a key is neither a delivery nor refused: {other:?}"),
        Err(rejection) => {
            assert_eq!(rejection.kind(), RejectionKind::Malformed);
            None
        }
    };
    assert_eq!(key, reference_key(bytes));
}

/// An RFC 9651 string (section 3.3.3) or a bare value, of 1 to 255 bytes of printable ASCII.
fn reference_key(value: &[u8]) -> Option<Vec<u8>> {
    let value = value.trim_ascii();
    let key = match value {
        [b'"', rest @ ..] => {
            let (mut key, mut rest) = (Vec::new(), rest);
            loop {
                rest = match rest {
                    [b'"'] => break key,
                    [b'\\', escaped @ (b'"' | b'\\'), rest @ ..] => {
                        key.push(*escaped);
                        rest
                    }
                    [b'"' | b'\\', ..] | [] => return None,
                    [byte, rest @ ..] => {
                        key.push(*byte);
                        rest
                    }
                }
            }
        }
        bare => bare.to_vec(),
    };
    ((1..=255).contains(&key.len()) && key.iter().all(|byte| (0x20..=0x7e).contains(byte))).then_some(key)
}

/// A request in Stripe's form.
pub fn stripe(bytes: &[u8]) {
    let stripe = Stripe::new(SECRET)
        .expect("the secret is valid")
        .discarding_stale(["customer.updated"])
        .expect("the type has an order");
    check(&stripe, bytes, |request| testing::stripe(SECRET, &request.body, NOW));
}

/// A request in Slack's form.
pub fn slack(bytes: &[u8]) {
    let slack = Slack::new(SECRET)
        .expect("the secret is valid")
        .discarding_stale(["channel_rename"])
        .expect("the type has an order");
    check(&slack, bytes, |request| testing::slack(SECRET, &request.body, NOW));
}

/// A request in the form of Standard Webhooks, and a text that may be one of their secrets.
pub fn standard_webhooks(bytes: &[u8]) {
    let sender = StandardWebhooks::new(SECRET)
        .expect("the secret is valid")
        .discarding_stale(["user.updated"])
        .expect("the type has an order");
    check(&sender, bytes, |request| {
        let id = request.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or("msg_1");
        testing::standard_webhooks(SECRET, id, &request.body, NOW)
    });
    let svix = StandardWebhooks::svix(SECRET).expect("the secret is valid");
    let refused = Request::parse(bytes).received(&svix).map_err(|rejection| rejection.kind());
    assert!(refused.is_err(), "a forged request was accepted: {refused:?}");
    if let Ok(text) = std::str::from_utf8(bytes) {
        drop(StandardWebhooks::new(text));
    }
}

/// A request in Twilio's form.
pub fn twilio(bytes: &[u8]) {
    let twilio = Twilio::new(SECRET, "https://example.com").expect("both are valid").with_request_path();
    let twilio = twilio.discarding_stale(["sent", "delivered"]).expect("the statuses have an order");
    check(&twilio, bytes, |request| {
        testing::twilio(SECRET, &format!("https://example.com{}", request.uri), &request.body)
    });
}

/// A request in GitHub's form.
pub fn github(bytes: &[u8]) {
    let github = GitHub::new(SECRET)
        .expect("the secret is valid")
        .discarding_stale(["pull_request"])
        .expect("the type has an order");
    check(&github, bytes, |request| testing::github(SECRET, "id-1", "pull_request", &request.body));
}

/// A request in Shopify's form.
pub fn shopify(bytes: &[u8]) {
    let shopify = Shopify::new(SECRET)
        .expect("the secret is valid")
        .discarding_stale(["products/update"])
        .expect("the type has an order");
    check(&shopify, bytes, |request| testing::shopify(SECRET, "id-1", "products/update", &request.body));
}

/// A scheme with a setting of each kind.
const ACME: Scheme = Scheme::hmac_sha256("acme")
    .signature_header("acme-signature")
    .items(',')
    .timestamp_item("t=")
    .prefix("v1=")
    .signing("{header:acme-webhook-id}.{timestamp}{body}")
    .key_in(Place::FirstOf(&[
        Place::When("/version", &Place::Json("/id")),
        Place::Joined(&[Place::Json("/type"), Place::Json("/data/0/id")]),
        Place::Header("acme-id"),
    ]))
    .type_in(Place::Json("/type"))
    .account_in(Place::Json("/account"))
    .differing_between_attempts(&["/attempt"])
    .handshake(Handshake::EchoJson { pointer: "/challenge", when: ("/type", "check") });

/// A request in the form of a scheme, and bytes that may be JSON.
pub fn scheme(bytes: &[u8]) {
    crate::provider::scheme::pick::check(bytes);
    let acme = ACME.with_secret(SECRET).expect("the secret is valid");
    check(&acme, bytes, |request| {
        let id = request.headers.get("acme-id").and_then(|id| id.to_str().ok()).unwrap_or("id-1");
        testing::scheme(&ACME, SECRET, id, &request.body, NOW)
    });
}

/// A scheme with several events in one request.
const BATCHES: Scheme = Scheme::hmac_sha256("acme")
    .signature_header("acme-signature")
    .events_in("/events/*")
    .key_in(Place::FirstOf(&[Place::Json("/id"), Place::Joined(&[Place::Envelope("/id"), Place::Digest])]))
    .type_in(Place::Json("/data/type"))
    .account_in(Place::Envelope("/account"))
    .differing_between_attempts(&["/attempt"]);

/// A request with several events, and bytes that may be JSON with lists.
pub fn events(bytes: &[u8]) {
    crate::provider::scheme::events::check(bytes);
    let acme = BATCHES.with_secret(SECRET).expect("the secret is valid");
    check(&acme, bytes, |request| testing::scheme(&BATCHES, SECRET, "", &request.body, NOW));
}

/// Checks that a provider refuses the unsigned request, always classifies the signed one in the same way, and refuses it once
/// its body is changed.
fn check(provider: &dyn Provider, bytes: &[u8], sign: impl Fn(&Request) -> HeaderMap) {
    let forged = Request::parse(bytes);
    assert!(forged.received(provider).is_err(), "an unsigned request was accepted");

    let signed = forged.signed_by(sign(&forged));
    let (once, twice) = (signed.received(provider), signed.received(provider));
    match (&once, &twice) {
        (Ok(Received::Delivery(once)), Ok(Received::Delivery(twice))) => {
            assert_eq!(once.key(), twice.key());
            assert_eq!(once.fingerprint(), twice.fingerprint());
            assert_eq!(once.order(), twice.order());
        }
        (Ok(Received::Batch(once)), Ok(Received::Batch(twice))) => {
            let parts = |batch: &[crate::Delivery]| {
                let parts =
                    batch.iter().map(|one| (one.key().clone(), one.scope().clone(), one.fingerprint()));
                parts.collect::<Vec<_>>()
            };
            assert_eq!(parts(once), parts(twice));
        }
        (Ok(Received::Delivery(_) | Received::Batch(_)), _)
        | (_, Ok(Received::Delivery(_) | Received::Batch(_))) => {
            panic!("the same request was classified in two ways")
        }
        _ => {}
    }

    // Longer than the body, so that the parameter is new.
    let addition = format!("&{}=1", "x".repeat(signed.body.len()));
    let changed = Request { body: [&signed.body, addition.as_bytes()].concat().into(), ..signed };
    assert!(changed.received(provider).is_err(), "a changed body was accepted");
}
