//! The senders that do not sign just a body: those that sign inside it, or a whole request.

use std::time::Duration;

use data_encoding::{BASE64, HEXLOWER, HEXLOWER_PERMISSIVE};
use hmac::Hmac;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Uri};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{FORM, JSON, headers, hmac};

/// Returns the headers and the body that Mailgun sends for an event, which is a JSON object, signed at the Unix time `now`.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::testing;
/// let event = r#"{"id":"DACSsAdVSeGpLid7TN03WA","event":"opened"}"#;
/// let (headers, body) = testing::mailgun("secret", "token", event, Duration::from_secs(1_767_225_600));
/// let request = testing::post("/webhooks/mailgun", headers, body);
/// assert!(request.body().contains(r#""timestamp":"1767225600""#));
/// ```
///
/// # Panics
/// If the token has a character that JSON escapes.
#[must_use]
pub fn mailgun(secret: &str, token: &str, event: &str, now: Duration) -> (HeaderMap, String) {
    assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric()), "a token has letters and digits only");
    let timestamp = now.as_secs();
    let parts = [timestamp.to_string(), token.to_owned()];
    let signature = hmac::<Hmac<Sha256>>(secret.as_bytes(), &parts.each_ref().map(|part| part.as_bytes()));
    let signature = HEXLOWER.encode(&signature);
    let signed = format!(r#"{{"timestamp":"{timestamp}","token":"{token}","signature":"{signature}"}}"#);
    (headers(JSON, &[]), format!(r#"{{"signature":{signed},"event-data":{event}}}"#))
}

/// Returns the headers and the body that Adyen sends for items, each of which is a `NotificationRequestItem` without its signature.
///
/// # Panics
/// If the key is not hexadecimal, or an item is no JSON object.
#[must_use]
pub fn adyen(key: &str, items: &[&str]) -> (HeaderMap, String) {
    let key = HEXLOWER_PERMISSIVE.decode(key.as_bytes()).expect("an hmac key is hexadecimal");
    let signed = items.iter().map(|item| {
        let mut item: Value = serde_json::from_str(item).expect("an item is json");
        let paths = [
            "/pspReference",
            "/originalReference",
            "/merchantAccountCode",
            "/merchantReference",
            "/amount/value",
            "/amount/currency",
            "/eventCode",
            "/success",
        ];
        let fields = paths.map(|path| match item.pointer(path) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        });
        let signature = BASE64.encode(&hmac::<Hmac<Sha256>>(&key, &[fields.join(":").as_bytes()]));
        item["additionalData"]["hmacSignature"] = signature.into();
        json!({ "NotificationRequestItem": item })
    });
    let items: Vec<_> = signed.collect();
    (headers(JSON, &[]), json!({ "live": "false", "notificationItems": items }).to_string())
}

/// Returns the headers and the form that Braintree sends for a notification in XML. The keys are `public_key|private_key`.
///
/// # Panics
/// If one of the keys is missing.
#[must_use]
pub fn braintree(keys: &str, xml: &str) -> (HeaderMap, String) {
    let (public, private) = keys.split_once('|').expect("there are two keys");
    let payload = format!("{}\n", BASE64.encode(xml.as_bytes()));
    let signature = HEXLOWER.encode(&hmac::<Hmac<Sha1>>(&Sha1::digest(private), &[payload.as_bytes()]));
    let form = format!(
        "bt_signature={}&bt_payload={}",
        form_encoded(&format!("{public}|{signature}")),
        form_encoded(&payload)
    );
    (headers(FORM, &[]), form)
}

/// Returns the headers and the form that Mailchimp Transactional (Mandrill) sends to a URL for events, which are JSON objects.
#[must_use]
pub fn mandrill(key: &str, url: &str, events: &[&str]) -> (HeaderMap, String) {
    let (name, events) = ("mandrill_events", format!("[{}]", events.join(",")));
    let signed = [url.as_bytes(), name.as_bytes(), events.as_bytes()];
    let signature = BASE64.encode(&hmac::<Hmac<Sha1>>(key.as_bytes(), &signed));
    (headers(FORM, &[("x-mandrill-signature", &signature)]), format!("{name}={}", form_encoded(&events)))
}

fn form_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() || byte == b'_' {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

/// Returns the headers that Contentful sends with a body to a path with its query, signed at the Unix time `now`.
///
/// The key is signed, and so are the topic and the content type.
///
/// # Panics
/// If `path` is no path, or a header value is not printable ASCII.
#[must_use]
pub fn contentful(secret: &str, key: &str, topic: &str, path: &str, body: &[u8], now: Duration) -> HeaderMap {
    let names = "content-type,x-contentful-idempotency-key,x-contentful-signed-headers,\
                 x-contentful-timestamp,x-contentful-topic";
    let time = now.as_millis().to_string();
    let signed = [
        ("content-type", JSON),
        ("x-contentful-idempotency-key", key),
        ("x-contentful-signed-headers", names),
        ("x-contentful-timestamp", &time),
        ("x-contentful-topic", topic),
    ];
    let uri: Uri = path.parse().expect("the path is one");
    let path = crate::provider::contentful_path(&uri).expect("the query has no question mark");
    let text = signed.map(|(name, value)| format!("{name}:{value}")).join(";");
    let head = format!("{}\n{path}\n{text}\n", Method::POST);
    let signature = HEXLOWER.encode(&hmac::<Hmac<Sha256>>(secret.as_bytes(), &[head.as_bytes(), body]));
    let mut all = HeaderMap::new();
    for (name, value) in signed.into_iter().chain([("x-contentful-signature", &*signature)]) {
        let value = HeaderValue::from_str(value).expect("a header value is printable ascii");
        all.insert(HeaderName::from_static(name), value);
    }
    all
}

/// Returns the headers that Cloudinary sends with a body, signed with SHA-256 at the Unix time `now`.
#[must_use]
pub fn cloudinary(secret: &str, body: &[u8], now: Duration) -> HeaderMap {
    let time = now.as_secs().to_string();
    let signature = Sha256::new().chain_update(body).chain_update(&time).chain_update(secret).finalize();
    headers(JSON, &[("x-cld-timestamp", &time), ("x-cld-signature", &HEXLOWER.encode(&signature))])
}

/// Returns the headers of a CloudEvent in the binary mode, with this bearer token.
///
/// # Panics
/// If a value is not printable ASCII.
#[must_use]
pub fn cloud_events(token: &str, source: &str, id: &str, event_type: &str) -> HeaderMap {
    let authorization = format!("Bearer {token}");
    let names = [
        ("authorization", authorization.as_str()),
        ("ce-specversion", "1.0"),
        ("ce-id", id),
        ("ce-source", source),
        ("ce-type", event_type),
    ];
    headers(JSON, &names)
}
