//! Signed bodies: what a provider does with one, beside the bare HMAC.

use std::hint::black_box;
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderValue, Method, Uri};
use idempotency_core::Scope;
use idempotency_core::provider::{GitHub, Incoming, Provider, Received, Stripe};
use sha2::Sha256;

const SECRET: &str = "whsec_test";
const NOW: u64 = 1_767_225_600;

/// An event of about `N` bytes in the form of Stripe's: pretty-printed, the id first, mostly short fields of an object.
fn event<const N: usize>() -> Bytes {
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
        if text.len() + TAIL.len() >= N {
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

/// The check alone.
pub(crate) fn hmac<const N: usize>() -> Box<dyn FnMut(u64)> {
    let body = event::<N>();
    let timestamp = NOW.to_string();
    let expected =
        HEXLOWER.decode(digest(&[timestamp.as_bytes(), b".", &body]).as_bytes()).expect("it is hex");
    Box::new(move |_| {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("hmac takes keys of any length");
        mac.update(timestamp.as_bytes());
        mac.update(b".");
        mac.update(black_box(&body));
        mac.verify_slice(&expected).expect("it is signed");
    })
}

fn received(provider: impl Provider, headers: HeaderMap, body: Bytes) -> Box<dyn FnMut(u64)> {
    let (runtime, scope) = (crate::runtime(), Scope::endpoint("test /hook"));
    let uri = Uri::from_static("/hook");
    Box::new(move |_| {
        let now = Duration::from_secs(NOW);
        let incoming = Incoming::new(&Method::POST, &uri, &headers, black_box(&body), now, &scope);
        let received = runtime.block_on(provider.receive(&incoming));
        assert!(matches!(received, Ok(Received::Delivery(_))));
    })
}

pub(crate) fn stripe<const N: usize>() -> Box<dyn FnMut(u64)> {
    let (body, timestamp) = (event::<N>(), NOW.to_string());
    let signature = format!("t={timestamp},v1={}", digest(&[timestamp.as_bytes(), b".", &body]));
    let mut headers = HeaderMap::new();
    headers.insert("stripe-signature", HeaderValue::try_from(signature).expect("it is ascii"));
    received(Stripe::new(SECRET).expect("it is a secret"), headers, body)
}

/// Its id is not signed, so the body's digest is the fingerprint, which is a second digest of the body.
pub(crate) fn github<const N: usize>() -> Box<dyn FnMut(u64)> {
    let body = event::<N>();
    let mut headers = HeaderMap::new();
    let signature = format!("sha256={}", digest(&[&body]));
    headers.insert("x-hub-signature-256", HeaderValue::try_from(signature).expect("it is ascii"));
    headers.insert("x-github-event", HeaderValue::from_static("push"));
    headers.insert("x-github-delivery", HeaderValue::from_static("72d3162e-cc78-11e3-81ab-4c9367dc0958"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    received(GitHub::new(SECRET).expect("it is a secret"), headers, body)
}
