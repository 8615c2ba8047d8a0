//! The senders that put a token into a header (RFC 7515), signed with a shared secret.

use std::time::Duration;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use hmac::Hmac;
use http::HeaderMap;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{JSON, headers, hmac};

/// The lifetime of a token that expires, in seconds.
const LIFE: u64 = 300;

/// Returns the headers that LiveKit sends with a body, signed at the Unix time `now`.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::testing;
/// let body = br#"{"event":"room_started","id":"EV_1"}"#;
/// let headers = testing::livekit("APIkey", "secret", body, Duration::from_secs(1_767_225_600));
/// assert_eq!(headers["content-type"], "application/webhook+json");
/// ```
#[must_use]
pub fn livekit(api_key: &str, secret: &str, body: &[u8], now: Duration) -> HeaderMap {
    let now = now.as_secs();
    let claims = format!(
        r#"{{"sha256":"{}","iss":{},"exp":{},"nbf":{now}}}"#,
        BASE64.encode(&Sha256::digest(body)),
        quoted(api_key),
        now + LIFE,
    );
    let token = hs256(r#"{"alg":"HS256"}"#, &claims, secret);
    headers("application/webhook+json", &[("authorization", &token)])
}

/// Returns the headers that monday.com sends to this URL from this account, signed at the Unix time `now`.
///
/// They go with any body, because the token does not cover it.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::testing;
/// let url = "https://example.com/webhooks/monday";
/// let headers = testing::monday("secret", url, 1_825_529, Duration::from_secs(1_767_225_600));
/// let body = r#"{"event":{"triggerUuid":"07ee1ddcef26d16962374c9401232d92"}}"#;
/// let request = testing::post("/webhooks/monday", headers, body);
/// ```
#[must_use]
pub fn monday(secret: &str, url: &str, account: u64, now: Duration) -> HeaderMap {
    let now = now.as_secs();
    let claims = format!(
        r#"{{"accountId":{account},"userId":1,"aud":{},"exp":{},"shortLivedToken":"test","iat":{now}}}"#,
        quoted(url),
        now + LIFE,
    );
    headers(JSON, &[("authorization", &hs256(JWT, &claims, secret))])
}

/// Returns the headers that Netlify sends with a body, for an event of this type, such as `deploy_created`.
///
/// ```
/// use idempotency_core::testing;
/// let headers = testing::netlify("secret", "deploy_created", br#"{"id":"1","state":"ready"}"#);
/// assert_eq!(headers["x-netlify-event"], "deploy_created");
/// ```
///
/// # Panics
/// If the event is not printable ASCII.
#[must_use]
pub fn netlify(secret: &str, event: &str, body: &[u8]) -> HeaderMap {
    let claims = format!(r#"{{"iss":"netlify","sha256":"{}"}}"#, HEXLOWER.encode(&Sha256::digest(body)));
    headers(JSON, &[("x-netlify-event", event), ("x-webhook-signature", &hs256(JWT, &claims, secret))])
}

/// Returns the headers that QStash sends with a body to this URL, signed at the Unix time `now`.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::testing;
/// let url = "https://example.com/webhooks/qstash";
/// let headers = testing::qstash("sig_test", url, "msg_1", b"{}", Duration::from_secs(1_767_225_600));
/// assert_eq!(headers["upstash-message-id"], "msg_1");
/// ```
///
/// # Panics
/// If the message's id is not printable ASCII.
#[must_use]
pub fn qstash(secret: &str, url: &str, message_id: &str, body: &[u8], now: Duration) -> HeaderMap {
    let now = now.as_secs();
    let claims = format!(
        r#"{{"iss":"Upstash","sub":{},"exp":{},"nbf":{now},"iat":{now},"jti":"jwt_test","body":"{}"}}"#,
        quoted(url),
        now + LIFE,
        BASE64URL_NOPAD.encode(&Sha256::digest(body)),
    );
    let names = [
        ("upstash-message-id", message_id),
        ("upstash-retried", "0"),
        ("upstash-signature", &hs256(JWT, &claims, secret)),
    ];
    headers(JSON, &names)
}

/// The header of most tokens that are signed with HMAC-SHA256.
const JWT: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

fn hs256(header: &str, claims: &str, secret: &str) -> String {
    let signed = signed(header, claims);
    let signature = hmac::<Hmac<Sha256>>(secret.as_bytes(), &[signed.as_bytes()]);
    format!("{signed}.{}", BASE64URL_NOPAD.encode(&signature))
}

/// The signed part of a token.
pub(super) fn signed(header: &str, claims: &str) -> String {
    let [header, claims] = [header, claims].map(|part| BASE64URL_NOPAD.encode(part.as_bytes()));
    format!("{header}.{claims}")
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> Value {
    Value::from(text)
}
