//! Problem bodies (RFC 9457): the form of every answer that this crate makes.

use std::fmt;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::{KeyDigest, RecordedResponse};

/// A problem: a stable type and texts for people. It includes no message of a store or a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The last part of `urn:idempotency:…`, stable across releases.
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
    /// What the client should do.
    pub(super) detail: &'static str,
    /// Whether sending the same request again may succeed.
    pub(super) retryable: bool,
}

impl Problem {
    /// The `application/problem+json` answer with the members of RFC 9457, section 3.1, and the extension `retryable`.
    pub(super) fn answer(self, status: StatusCode, instance: &Instance) -> RecordedResponse {
        let Self { kind, title, detail, retryable } = self;
        // Neither the constant texts nor an instance have a character that JSON must escape.
        let body = format!(
            r#"{{"type":"urn:idempotency:{kind}","title":"{title}","status":{},"detail":"{detail}","instance":"{instance}","retryable":{retryable}}}"#,
            status.as_u16()
        );
        RecordedResponse::new(status, Bytes::from(body))
            .with_header(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))
    }
}

/// The name of one occurrence of a problem, which a client quotes and an operator looks up.
///
/// It only shows what its reader may know. For a request without an authenticated key, it has random bits, which are also in
/// the observation. For a delivery, it has the digest of the key, as logs and the calls for operators use it, and the time of
/// the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance(Kind);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Request([u8; 16]),
    Delivery { key: KeyDigest, millis: u128 },
}

impl Instance {
    /// An occurrence for a request without an authenticated key, named by random bits.
    #[must_use]
    pub fn of_request(random: [u8; 16]) -> Self {
        Self(Kind::Request(random))
    }

    /// An occurrence for a delivery of a key, answered at this time since 1970.
    #[must_use]
    pub fn of_delivery(key: KeyDigest, answered: std::time::Duration) -> Self {
        Self(Kind::Delivery { key, millis: answered.as_millis() })
    }
}

/// A URN: `urn:uuid:…` (RFC 9562, version 4), or `urn:idempotency:occurrence:<digest>:<milliseconds since 1970>`.
impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Request(random) => {
                let bits = u128::from_be_bytes(*random);
                let version_and_variant = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
                let hex = format!("{version_and_variant:032x}");
                write!(
                    f,
                    "urn:uuid:{}-{}-{}-{}-{}",
                    &hex[..8],
                    &hex[8..12],
                    &hex[12..16],
                    &hex[16..20],
                    &hex[20..]
                )
            }
            Kind::Delivery { key, millis } => write!(f, "urn:idempotency:occurrence:{key}:{millis}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_of_a_request_is_a_uuid_of_version_4() {
        assert_eq!(
            Instance::of_request([0xff; 16]).to_string(),
            "urn:uuid:ffffffff-ffff-4fff-bfff-ffffffffffff"
        );
        assert_eq!(
            Instance::of_request([0; 16]).to_string(),
            "urn:uuid:00000000-0000-4000-8000-000000000000"
        );
    }

    #[test]
    fn a_problem_is_json_with_every_member() {
        let problem = Problem { kind: "k", title: "T", detail: "D", retryable: true };
        let answer = problem.answer(StatusCode::CONFLICT, &Instance::of_request([7; 16]));
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:idempotency:k",
                "title": "T",
                "status": 409,
                "detail": "D",
                "instance": "urn:uuid:07070707-0707-4707-8707-070707070707",
                "retryable": true,
            })
        );
    }
}
