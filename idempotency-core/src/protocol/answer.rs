//! The HTTP answers: one table for every adapter.

use std::time::Duration;

use http::header::{ALLOW, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};

use super::problem::{Instance, Problem};
use super::status::Status;
use crate::rejection::RejectionKind;
use crate::{Policy, RecordedResponse};

/// Every case in which this crate answers instead of the handler.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The sender does not use the request's method.
    MethodNotAllowed {
        /// The methods that the sender uses, as the value of `Allow`.
        allow: HeaderValue,
    },
    /// The provider refused the request.
    Rejected {
        /// The kind of rejection.
        kind: RejectionKind,
        /// The challenge, as the value of `WWW-Authenticate`.
        challenge: HeaderValue,
    },
    /// The request's method, URI or headers are malformed.
    HeadUnreadable,
    /// The request's body is over the limit.
    BodyTooLarge,
    /// The request's body ended early.
    BodyUnreadable,
    /// The request's body did not arrive in time.
    BodyTimedOut,
    /// The key has been executed, with this answer.
    Replayed(RecordedResponse),
    /// The key is in flight.
    Conflict {
        /// The time until the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale,
    /// The key may or may not have been executed.
    InDoubt,
    /// Some items of a batch are not completed: another process holds them, they failed, or they are in doubt.
    BatchIncomplete,
    /// The store is out of reach.
    Outage,
    /// The inner service was not ready in time.
    NotReady,
}

/// `idempotent-replayed`, as Stripe calls it.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The bounds of `Retry-After` in seconds. An earlier retry is too soon for a result. A later one waits needlessly, because
/// most handlers end long before their lease.
const RETRY_AFTER_RANGE: (u64, u64) = (1, 5);

impl Answer {
    /// The response for this answer under a policy. `instance` names this occurrence of it.
    #[must_use]
    pub fn response(&self, policy: &Policy, instance: &Instance) -> RecordedResponse {
        if let Self::Replayed(recorded) = self
            && let Some(answer) = replayed(recorded.clone())
        {
            return answer;
        }
        let answer = self.problem().answer(self.status(policy), instance);
        match self {
            Self::MethodNotAllowed { allow } => answer.with_header(ALLOW, allow.clone()),
            Self::Rejected { kind: RejectionKind::Unauthenticated, challenge } => {
                answer.with_header(WWW_AUTHENTICATE, challenge.clone())
            }
            Self::Rejected { kind: RejectionKind::KeyMissing | RejectionKind::Malformed, .. } => {
                documented(answer, policy)
            }
            Self::Rejected { kind: RejectionKind::Unavailable, .. } | Self::Outage | Self::NotReady => {
                with_retry_after(answer, Duration::MAX)
            }
            Self::Conflict { retry_after } => {
                with_retry_after(documented(with_status(answer, Status::Conflict), policy), *retry_after)
            }
            Self::BatchIncomplete => with_retry_after(with_status(answer, Status::Conflict), Duration::MAX),
            Self::Mismatch => documented(with_status(answer, Status::Mismatch), policy),
            // A record that cannot be replayed is in doubt, never free.
            Self::InDoubt | Self::Replayed(_) => documented(with_status(answer, Status::InDoubt), policy),
            Self::Stale => with_status(answer, Status::Stale),
            Self::Rejected { kind: RejectionKind::NotFound, .. }
            | Self::HeadUnreadable
            | Self::BodyTooLarge
            | Self::BodyUnreadable
            | Self::BodyTimedOut => answer,
        }
    }

    fn status(&self, policy: &Policy) -> StatusCode {
        match self {
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::Rejected { kind, .. } => match kind {
                RejectionKind::Unauthenticated => StatusCode::UNAUTHORIZED,
                RejectionKind::KeyMissing | RejectionKind::Malformed => StatusCode::BAD_REQUEST,
                RejectionKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                RejectionKind::NotFound => StatusCode::NOT_FOUND,
            },
            Self::HeadUnreadable | Self::BodyUnreadable => StatusCode::BAD_REQUEST,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimedOut => StatusCode::REQUEST_TIMEOUT,
            Self::Conflict { .. } => policy.conflict_status(),
            Self::Mismatch => policy.mismatch_status(),
            Self::Stale => StatusCode::OK,
            Self::InDoubt | Self::Replayed(_) => policy.in_doubt_status(),
            Self::Outage | Self::NotReady | Self::BatchIncomplete => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn problem(&self) -> Problem {
        match self {
            Self::MethodNotAllowed { .. } => Problem {
                kind: "method-not-allowed",
                title: "The method is not allowed",
                detail: "Use a method from the Allow header.",
                retryable: false,
            },
            Self::Rejected { kind: RejectionKind::Unauthenticated, .. } => Problem {
                kind: "unauthenticated",
                title: "The request is not authentic",
                detail: "Check the signing secret or the credentials, and the clock.",
                retryable: false,
            },
            Self::Rejected { kind: RejectionKind::KeyMissing, .. } => Problem {
                kind: "key-missing",
                title: "The request has no key",
                detail: "Send a key with the request: a new one for each operation, and the same one for its retries.",
                retryable: false,
            },
            Self::Rejected { kind: RejectionKind::Malformed, .. } | Self::HeadUnreadable => Problem {
                kind: "malformed",
                title: "The request or its key cannot be read",
                detail: "Send a well-formed body, each header once, and a key of 1 to 255 printable ASCII characters.",
                retryable: false,
            },
            Self::Rejected { kind: RejectionKind::NotFound, .. } => Problem {
                kind: "not-found",
                title: "There is no endpoint at this path",
                detail: "Check the URL that the sender has.",
                retryable: false,
            },
            Self::BodyTooLarge => Problem {
                kind: "body-too-large",
                title: "The body is too large",
                detail: "Send a smaller body.",
                retryable: false,
            },
            Self::BodyUnreadable => Problem {
                kind: "body-unreadable",
                title: "The body ended early",
                detail: "Nothing was executed. Send the whole request again with the same key.",
                retryable: true,
            },
            Self::BodyTimedOut => Problem {
                kind: "body-timeout",
                title: "The body did not arrive in time",
                detail: "Nothing was executed. Send the whole request again with the same key.",
                retryable: true,
            },
            Self::Conflict { .. } => Problem {
                kind: "in-flight",
                title: "A request with this key is still being processed",
                detail: "Wait for the time in Retry-After, then send the same request again with the same key.",
                retryable: true,
            },
            Self::BatchIncomplete => Problem {
                kind: "batch-incomplete",
                title: "Some items of the batch have not been processed yet",
                detail: "Wait for the time in Retry-After, then send the batch again. Completed items do not run again.",
                retryable: true,
            },
            Self::Mismatch => Problem {
                kind: "mismatch",
                title: "This key was used for a different request",
                detail: "Use a new key for a new operation. A retry must repeat the first request exactly.",
                retryable: false,
            },
            Self::Stale => Problem {
                kind: "stale",
                title: "A newer version has already been processed",
                detail: "No action is needed.",
                retryable: false,
            },
            Self::InDoubt | Self::Replayed(_) => Problem {
                kind: "in-doubt",
                title: "This request may or may not have been processed",
                detail: "Check the result before you use a new key. An operator can resolve this one.",
                retryable: false,
            },
            Self::Rejected { kind: RejectionKind::Unavailable, .. } | Self::Outage => Problem {
                kind: "unavailable",
                title: "The service is temporarily unavailable",
                detail: "Wait for the time in Retry-After, then send the same request again with the same key.",
                retryable: true,
            },
            Self::NotReady => Problem {
                kind: "not-ready",
                title: "The service is busy",
                detail: "Nothing was executed. Wait for the time in Retry-After, then send the same request again with the same key.",
                retryable: true,
            },
        }
    }
}

/// Marks a recorded answer as a replay, in place of its own marks. `None` if it cannot hold more headers.
pub(crate) fn replayed(mut recorded: RecordedResponse) -> Option<RecordedResponse> {
    let status = Status::Replayed(recorded.omitted);
    recorded.headers.try_insert(REPLAYED, HeaderValue::from_static("true")).ok()?;
    recorded.headers.try_insert(Status::HEADER, status.header_value()).ok()?;
    Some(recorded)
}

/// Links to the API's documentation (draft-ietf-httpapi-idempotency-key-header-07, section 2.7).
fn documented(answer: RecordedResponse, policy: &Policy) -> RecordedResponse {
    let link =
        policy.documentation().map(|url| HeaderValue::from_str(&format!("<{url}>; rel=\"describedby\"")));
    match link {
        Some(Ok(link)) => answer.with_header(LINK, link),
        _ => answer,
    }
}

fn with_status(answer: RecordedResponse, status: Status) -> RecordedResponse {
    answer.with_header(Status::HEADER, status.header_value())
}

/// `Retry-After` in whole seconds, rounded up (RFC 9110, section 10.2.3).
fn with_retry_after(answer: RecordedResponse, after: Duration) -> RecordedResponse {
    let (least, most) = RETRY_AFTER_RANGE;
    let seconds = after.as_millis().div_ceil(1000).clamp(u128::from(least), u128::from(most));
    let value = HeaderValue::from_str(&seconds.to_string()).expect("digits are a header value");
    answer.with_header(RETRY_AFTER, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(recorded: RecordedResponse) -> RecordedResponse {
        Answer::Replayed(recorded).response(&Policy::webhook(), &Instance::of_request([1; 16]))
    }

    #[test]
    fn a_replay_has_each_of_its_marks_once() {
        let recorded = RecordedResponse::new(StatusCode::OK, "")
            .with_header(HeaderName::from_static("idempotency-status"), HeaderValue::from_static("executed"))
            .with_header(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("false"));
        let answer = answer(recorded);
        assert_eq!(answer.headers.get_all("idempotency-status").iter().collect::<Vec<_>>(), ["replayed"]);
        assert_eq!(answer.headers.get_all("idempotent-replayed").iter().collect::<Vec<_>>(), ["true"]);
    }

    #[test]
    fn a_malformed_request_is_told_of_its_body_as_well_as_of_its_key() {
        let challenge = HeaderValue::from_static("Webhook-Signature");
        let refused = Answer::Rejected { kind: RejectionKind::Malformed, challenge };
        let answer = refused.response(&Policy::webhook(), &Instance::of_request([1; 16]));
        let body = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(body.contains("a well-formed body") && body.contains("a key of 1 to 255"), "{body}");
    }

    #[test]
    fn a_recorded_answer_with_no_room_for_headers_is_in_doubt() {
        let mut response = RecordedResponse::new(StatusCode::OK, "");
        let mut lines = 0;
        while response
            .headers
            .try_append(
                HeaderName::from_bytes(format!("x-{lines}").as_bytes()).unwrap(),
                HeaderValue::from_static(""),
            )
            .is_ok()
        {
            lines += 1;
        }
        let answer = answer(response);
        assert_eq!(answer.status, Policy::webhook().in_doubt_status());
        assert_eq!(answer.headers["idempotency-status"], "in-doubt");
    }
}
