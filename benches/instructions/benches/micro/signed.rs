//! Providers that callgrind does not count, and the plain code beside them.

use std::hint::black_box;

use bytes::Bytes;
use hmac::Hmac;
use idempotency_core::provider::{Shopify, Slack, StandardWebhooks, Twilio, senders};
use idempotency_core::testing;
use idempotency_instructions::Operation;
use idempotency_instructions::signed::{NOW, SECRET, check, event, hmac_sha256, received};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// A status of about this many bytes in the form of Twilio's, with more parameters than it sends.
fn form(bytes: usize) -> Bytes {
    let mut text = "MessageSid=SM3f1a2b4c5d6e7f8091a2b3c4d5e6f708&MessageStatus=delivered".to_owned();
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&format!(
            "&Parameter{number}=Rocket+Rides%2C+354+Oyster+Point+Blvd%2C+South+San+Francisco%2C+CA+94080"
        ));
    }
    Bytes::from(text)
}

/// Twilio's signature check alone.
pub fn hmac_sha1(bytes: usize) -> Operation {
    check::<Hmac<Sha1>>(form(bytes))
}

/// The check alone, and the digest of a body whose sender does not sign the key.
pub fn hmac_and_fingerprint(bytes: usize) -> Operation {
    let body = event(bytes);
    let mut check = hmac_sha256(bytes);
    Box::new(move |round| {
        check(round);
        black_box(Sha256::digest(black_box(&body)));
    })
}

/// Its id is not signed, so the body's digest is the fingerprint.
pub fn shopify(bytes: usize) -> Operation {
    let body = event(bytes);
    let headers = testing::shopify(SECRET, "98880550-7158-44d4-b7cd-2c97c8a091b5", "orders/paid", &body);
    received(Shopify::new(SECRET).expect("it is a secret"), headers, body)
}

/// Its signature covers the decoded parameters in order.
pub fn twilio(bytes: usize) -> Operation {
    const URL: &str = "https://example.com/hook";
    let body = form(bytes);
    let headers = testing::twilio(SECRET, URL, &body);
    received(Twilio::new(SECRET, URL).expect("they are a secret and a url"), headers, body)
}

pub fn slack(bytes: usize) -> Operation {
    let text = String::from_utf8(event(bytes).into()).expect("it is text");
    let body = Bytes::from(text.replacen("\"id\"", "\"event_id\"", 1));
    received(Slack::new(SECRET).expect("it is a secret"), testing::slack(SECRET, &body, NOW), body)
}

pub fn standard_webhooks(bytes: usize) -> Operation {
    let body = event(bytes);
    let headers = testing::standard_webhooks(SECRET, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", &body, NOW);
    received(StandardWebhooks::new(SECRET).expect("it is a secret"), headers, body)
}

/// Checkout.com, as one of the senders that are described by a scheme.
pub fn scheme(bytes: usize) -> Operation {
    let body = event(bytes);
    let headers = testing::scheme(&senders::CHECKOUT, SECRET, "", &body, NOW);
    received(senders::CHECKOUT.with_secret(SECRET).expect("it is a secret"), headers, body)
}
