//! Signed bodies: what a provider does with one, beside the bare HMAC.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue, Method, Uri};
use idempotency_core::Scope;
use idempotency_core::provider::{GitHub, Incoming, Provider, Received, Stripe};
use sha2::Sha256;

use crate::{Operation, at_once};

/// Also base64, as Standard Webhooks has it.
pub const SECRET: &str = "whsec_test";
/// The time of every signature.
pub const NOW: Duration = Duration::from_secs(1_767_225_600);

/// An event of about this many bytes in the form of Stripe's: pretty-printed, the id first, mostly short fields of an object.
pub fn event(bytes: usize) -> Bytes {
    const HEAD: &str = r#"{
  "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy",
  "object": "event",
  "api_version": "2024-06-20",
  "created": 1767225600,
  "data": {
    "object": {
      "id": "in_1NG8Du2eZvKYlo2C",
      "object": "invoice",
"#;
    const TAIL: &str = r#"      "total": 1099
    }
  },
  "livemode": false,
  "pending_webhooks": 1,
  "request": { "id": "req_1", "idempotency_key": "8a7f" },
  "type": "invoice.paid"
}
"#;
    const FIELDS: [&str; 6] = [
        r#"      "account_name": "Rocket Rides","#,
        r#"      "amount_due": 1099,"#,
        r#"      "customer_email": null,"#,
        r#"      "hosted_invoice_url": "https://pay.example.com/i/acct_1M2JTkLkdIwHu7ix/test_YWNjdF8xTTJKVGtMa2RJd0h1N2l4",
      "lines": { "object": "list", "data": [ { "id": "il_1", "amount": 1099, "proration": false } ] },"#,
        r#"      "metadata": { "order": "6735", "note": "line one\nline \"two\"" },"#,
        r#"      "paid": true,"#,
    ];
    let mut text = HEAD.to_owned();
    for (number, field) in FIELDS.iter().cycle().enumerate() {
        if text.len() + TAIL.len() >= bytes {
            break;
        }
        // Field names differ, as in an event.
        text.push_str(&field.replacen(" \"", &format!(" \"f{number}_"), 1));
        text.push('\n');
    }
    Bytes::from(text + TAIL)
}

fn digest(parts: &[&[u8]]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("hmac takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    HEXLOWER.encode(&mac.finalize().into_bytes())
}

/// The check of a body's signature, and nothing else.
pub fn check<M: Mac + KeyInit>(body: Bytes) -> Operation {
    let mac = |body: &[u8]| {
        let mut mac =
            <M as KeyInit>::new_from_slice(SECRET.as_bytes()).expect("hmac takes keys of any length");
        mac.update(b"1767225600.");
        mac.update(body);
        mac
    };
    let expected = mac(&body).finalize().into_bytes();
    Box::new(move |_| mac(black_box(&body)).verify(&expected).expect("it is signed"))
}

/// The check of most senders alone.
pub fn hmac_sha256(bytes: usize) -> Operation {
    check::<Hmac<Sha256>>(event(bytes))
}

/// What a provider makes of a request that it accepts.
pub fn received(provider: impl Provider, headers: HeaderMap, body: Bytes) -> Operation {
    let (uri, scope) = (Uri::from_static("/hook"), Scope::endpoint("test /hook"));
    Box::new(move |_| {
        let incoming = Incoming::new(&Method::POST, &uri, &headers, black_box(&body), NOW, &scope);
        let received = at_once(provider.receive(&incoming));
        assert!(matches!(received, Ok(Received::Delivery(_))), "{received:?}");
    })
}

pub fn stripe(bytes: usize) -> Operation {
    let (body, timestamp) = (event(bytes), NOW.as_secs().to_string());
    let signature = format!("t={timestamp},v1={}", digest(&[timestamp.as_bytes(), b".", &body]));
    let mut headers = HeaderMap::new();
    headers.insert("stripe-signature", HeaderValue::try_from(signature).expect("it is ascii"));
    received(Stripe::new(SECRET).expect("it is a secret"), headers, body)
}

/// Its id is not signed, so the body's digest is the fingerprint, which is a second digest of the body.
pub fn github(bytes: usize) -> Operation {
    let body = event(bytes);
    let mut headers = HeaderMap::new();
    let signature = format!("sha256={}", digest(&[&body]));
    headers.insert("x-hub-signature-256", HeaderValue::try_from(signature).expect("it is ascii"));
    headers.insert("x-github-event", HeaderValue::from_static("push"));
    headers.insert("x-github-delivery", HeaderValue::from_static("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    received(GitHub::new(SECRET).expect("it is a secret"), headers, body)
}
