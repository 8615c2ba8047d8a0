//! Signs payloads as senders do, and delivers them several times, to test handlers.
//!
//! There is one function per sender. Each takes the secret first, then the values that the sender puts into
//! headers, then the body. It returns the headers to send with exactly that body.
//!
//! - [`scheme`] does the same for every [`Scheme`]. If the sender has a key pair, [`public_key`] is what the provider takes.
//! - `aws_sns`, `google_pubsub`, `paypal`, `plaid` and `wise` (feature `public-keys`) sign with a test key. Their providers take
//!   `TEST_PUBLIC_KEYS`.
//! - [`Signer`] signs for any sender of your own.
//! - Microsoft Graph and Figma sign nothing, so they have no signer: put the `clientState` or the passcode into the body.
//!
//! [`post`] makes a request of the headers and the body. [`Answers`] asserts that an event which was delivered several times
//! was executed once.
//!
//! ```
//! use std::time::Duration;
//! use idempotency_core::testing;
//! let body = br#"{"id":"evt_1","type":"customer.updated"}"#;
//! let headers = testing::stripe("whsec_test", body, Duration::from_secs(1_767_225_600));
//! assert!(headers["stripe-signature"].to_str().unwrap().starts_with("t=1767225600,v1="));
//! ```

mod answers;
#[cfg(feature = "memory")]
pub mod crash;
#[cfg(feature = "public-keys")]
mod public_keys;
pub(crate) mod refusals;
mod requests;
mod signer;
mod tokens;

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit, Mac};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use crate::provider::Scheme;

pub use answers::Answers;
#[cfg(feature = "public-keys")]
pub use public_keys::{TEST_PUBLIC_KEYS, aws_sns, google_pubsub, paypal, plaid, wise};
pub use requests::{adyen, braintree, cloud_events, cloudinary, contentful, mailgun, mandrill};
pub use signer::Signer;
pub use tokens::{livekit, monday, netlify, qstash};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Returns the headers that Stripe sends with a body, signed at the Unix time `now`.
#[must_use]
pub fn stripe(secret: &str, body: &[u8], now: Duration) -> HeaderMap {
    let timestamp = now.as_secs();
    let signature = hmac::<Hmac<Sha256>>(secret.as_bytes(), &[format!("{timestamp}.").as_bytes(), body]);
    headers(JSON, &[("stripe-signature", &format!("t={timestamp},v1={}", HEXLOWER.encode(&signature)))])
}

/// Returns the headers that Shopify sends with a body, for an event of this topic.
///
/// The shop is `test.myshopify.com`.
///
/// # Panics
/// If a header value is not printable ASCII.
#[must_use]
pub fn shopify(secret: &str, event_id: &str, topic: &str, body: &[u8]) -> HeaderMap {
    let signature = BASE64.encode(&hmac::<Hmac<Sha256>>(secret.as_bytes(), &[body]));
    let names = [
        ("x-shopify-event-id", event_id),
        ("x-shopify-topic", topic),
        ("x-shopify-shop-domain", "test.myshopify.com"),
        ("x-shopify-hmac-sha256", &signature),
    ];
    headers(JSON, &names)
}

/// Returns the headers that Twilio sends with a form as its body, to this URL, which includes its query.
#[must_use]
pub fn twilio(auth_token: &str, url: &str, form: &[u8]) -> HeaderMap {
    let mut parameters: Vec<_> = crate::provider::form::fields(form).collect();
    parameters.sort_unstable();
    parameters.dedup();
    let mut parts = vec![url.as_bytes()];
    parts.extend(parameters.iter().flat_map(|(name, value)| [&**name, &**value]));
    let signature = BASE64.encode(&hmac::<Hmac<Sha1>>(auth_token.as_bytes(), &parts));
    headers(FORM, &[("x-twilio-signature", &signature)])
}

/// Returns the headers that Twilio sends with a JSON body, and the URL to send them to.
///
/// The URL has the body's hash appended, as Twilio does.
#[must_use]
pub fn twilio_json(auth_token: &str, url: &str, body: &[u8]) -> (HeaderMap, String) {
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{separator}bodySHA256={}", HEXLOWER.encode(&Sha256::digest(body)));
    let signature = BASE64.encode(&hmac::<Hmac<Sha1>>(auth_token.as_bytes(), &[url.as_bytes()]));
    (headers(JSON, &[("x-twilio-signature", &signature)]), url)
}

/// Returns the headers that GitHub sends with a body, for a delivery of this event type.
///
/// # Panics
/// If a header value is not printable ASCII.
#[must_use]
pub fn github(secret: &str, delivery: &str, event: &str, body: &[u8]) -> HeaderMap {
    let signature = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(secret.as_bytes(), &[body]));
    let names = [
        ("x-github-delivery", delivery),
        ("x-github-event", event),
        ("x-hub-signature-256", &format!("sha256={signature}")),
    ];
    headers(JSON, &names)
}

/// Returns the headers that Slack sends with a body, which is JSON or a form, signed at the Unix time `now`.
#[must_use]
pub fn slack(secret: &str, body: &[u8], now: Duration) -> HeaderMap {
    let timestamp = now.as_secs().to_string();
    let signature = hmac::<Hmac<Sha256>>(secret.as_bytes(), &[b"v0:", timestamp.as_bytes(), b":", body]);
    let names = [
        ("x-slack-request-timestamp", timestamp.as_str()),
        ("x-slack-signature", &format!("v0={}", HEXLOWER.encode(&signature))),
    ];
    headers(if body.starts_with(b"{") { JSON } else { FORM }, &names)
}

/// Returns the headers that a Standard Webhooks sender sends with a body, signed at the Unix time `now`.
///
/// The secret is `whsec_` and base64 for a `v1` signature, or `whsk_` and base64 of an Ed25519 private key
/// for a `v1a` signature.
///
/// # Panics
/// If the secret is neither, or the id is not printable ASCII.
#[must_use]
pub fn standard_webhooks(secret: &str, id: &str, body: &[u8], now: Duration) -> HeaderMap {
    let timestamp = now.as_secs().to_string();
    let head = format!("{id}.{timestamp}.");
    let signature = match secret.strip_prefix("whsk_") {
        Some(key) => {
            let key = decoded(key);
            let seed = key.first_chunk().expect("an ed25519 private key has 32 bytes or more");
            let signature = SigningKey::from_bytes(seed).sign(&[head.as_bytes(), body].concat());
            format!("v1a,{}", BASE64.encode(&signature.to_bytes()))
        }
        None => {
            let secret = decoded(secret.strip_prefix("whsec_").unwrap_or(secret));
            format!("v1,{}", BASE64.encode(&hmac::<Hmac<Sha256>>(&secret, &[head.as_bytes(), body])))
        }
    };
    let names =
        [("webhook-id", id), ("webhook-timestamp", timestamp.as_str()), ("webhook-signature", &signature)];
    headers(JSON, &names)
}

/// Returns the headers that the sender of a [`Scheme`] sends with a body, signed at the Unix time `now`.
///
/// Each header that the key may be in has the id, and so has each signed header. A time or a key in the body is yours to
/// write.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::senders;
/// use idempotency_core::testing;
/// let body = br#"{"id":"evt_1","type":"payment_approved"}"#;
/// let headers = testing::scheme(&senders::CHECKOUT, "secret", "", body, Duration::from_secs(1_767_225_600));
/// assert_eq!(headers["cko-signature"].len(), 64);
/// ```
///
/// For a sender that signs with a private key, any text is the secret: a key pair is made of it. The provider takes its
/// [`public_key`].
///
/// # Panics
/// If the scheme does not make a provider, the secret is not in the sender's form, or a header value is not printable ASCII.
#[must_use]
pub fn scheme(scheme: &Scheme, secret: &str, id: &str, body: &[u8], now: Duration) -> HeaderMap {
    scheme.sign(secret, id, body, now)
}

/// Returns the public key that goes with the signatures of [`scheme`] under this secret, in the form that a provider takes.
/// `None` if the sender has no key pair: its provider takes the secret itself.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::provider::senders;
/// use idempotency_core::testing;
/// let discord = senders::DISCORD.with_secret(testing::public_key(&senders::DISCORD, "test").expect("discord has a key pair"))?;
/// let body = br#"{"id":"786008729715212338","type":2}"#;
/// let headers = testing::scheme(&senders::DISCORD, "test", "", body, Duration::from_secs(1_767_225_600));
/// # Ok::<(), idempotency_core::provider::SchemeError>(())
/// ```
#[must_use]
pub fn public_key(scheme: &Scheme, secret: &str) -> Option<String> {
    scheme.public_key(secret)
}

/// Makes a POST request with these headers, as a sender does.
///
/// ```
/// use idempotency_core::testing;
/// let body = r#"{"action":"opened"}"#;
/// let headers = testing::github("secret", "delivery-1", "issues", body.as_bytes());
/// let request = testing::post("/webhooks/github", headers, body);
/// assert_eq!(request.headers()["x-github-delivery"], "delivery-1");
/// ```
///
/// # Panics
/// If `uri` is not a URI.
#[must_use]
pub fn post<B>(uri: &str, headers: HeaderMap, body: B) -> Request<B> {
    let mut request = Request::post(uri).body(body).expect("the uri is valid");
    *request.headers_mut() = headers;
    request
}

fn decoded(text: &str) -> Vec<u8> {
    crate::provider::standard_webhooks::decoded(text.as_bytes())
        .expect("a standard webhooks secret is base64")
}

pub(crate) fn hmac<M: Mac + KeyInit>(secret: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(secret).expect("hmac takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn headers(content_type: &'static str, names: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    for (name, value) in names {
        let value = HeaderValue::from_str(value).expect("a header value is printable ascii");
        headers.insert(HeaderName::from_static(name), value);
    }
    headers
}
