//! Problem bodies (RFC 9457): the form of every answer that is made here.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use crate::RecordedResponse;

/// A problem: a stable type, a title for people, and nothing that a store or a verifier said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The last part of `urn:idempotency:…`, stable over releases.
    pub(super) kind: &'static str,
    pub(super) title: &'static str,
}

impl Problem {
    /// The answer: `application/problem+json` with `type`, `title` and `status` (RFC 9457, section 3.1).
    pub(super) fn answer(self, status: StatusCode) -> RecordedResponse {
        let Self { kind, title } = self;
        let body =
            format!(r#"{{"type":"urn:idempotency:{kind}","title":"{title}","status":{}}}"#, status.as_u16());
        RecordedResponse::new(status, Bytes::from(body))
            .with_header(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))
    }
}
