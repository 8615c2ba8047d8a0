//! The senders that sign inside the body.

use std::time::Duration;

use data_encoding::HEXLOWER;
use hmac::Hmac;
use http::HeaderMap;
use sha2::Sha256;

use super::{JSON, headers, hmac};

/// Returns the headers and the body that Mailgun sends for an event, which is a JSON object, signed at `now` since 1970.
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
