//! The answers over HTTP: one table, used by every adapter.

use std::time::Duration;

use http::header::{LINK, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

use super::problem::Problem;
use super::status::Status;
use crate::rejection::RejectionKind;
use crate::{Outcome, Policy, RecordedResponse};

/// Every case in which the answer is made here and not by the handler.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The provider refused the request.
    Rejected(RejectionKind),
    /// The request's body is longer than the limit.
    BodyTooLarge,
    /// The request's body ended before it was whole.
    BodyUnreadable,
    /// The key has been executed, with this outcome.
    Replayed(Outcome),
    /// The key is in flight, for about this long.
    Conflict {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale,
    /// Nobody can tell whether the key was executed.
    InDoubt,
    /// Items of a batch are not done: another process holds them, they failed, or it is not known whether they were executed.
    BatchIncomplete,
    /// The store is out of reach.
    Outage,
}

/// `idempotent-replayed`, as Stripe calls it.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A retry sooner than this has nothing to find, one later than this waits for nothing: most handlers end long before
/// their lease.
const RETRY_AFTER_RANGE: (u64, u64) = (1, 5);

impl Answer {
    /// The answer's status, headers and body under a policy.
    #[must_use]
    pub fn response(&self, policy: &Policy) -> RecordedResponse {
        match self {
            Self::Rejected(kind) => rejected(*kind, policy),
            Self::BodyTooLarge => {
                problem("body-too-large", "The body is over the limit").answer(StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::BodyUnreadable => {
                problem("body-unreadable", "The body ended early").answer(StatusCode::BAD_REQUEST)
            }
            Self::Replayed(outcome) => match RecordedResponse::from_outcome(outcome).and_then(replayed) {
                Some(answer) => answer,
                // What cannot be read is in doubt, never free.
                None => Self::InDoubt.response(policy),
            },
            Self::Conflict { retry_after } => {
                let status = policy.duplicate_in_flight();
                let answer =
                    problem("in-flight", "A request with this key is still being processed").answer(status);
                with_retry_after(with_status(answer, Status::Conflict), *retry_after)
            }
            Self::Mismatch => with_status(
                problem("mismatch", "This key was used for another request")
                    .answer(StatusCode::UNPROCESSABLE_ENTITY),
                Status::Mismatch,
            ),
            Self::Stale => with_status(
                problem("stale", "A newer version has already been processed").answer(StatusCode::OK),
                Status::Stale,
            ),
            Self::InDoubt => with_status(
                problem("in-doubt", "Whether this was processed is not known").answer(policy.in_doubt()),
                Status::InDoubt,
            ),
            Self::BatchIncomplete => with_retry_after(
                with_status(
                    problem("batch-incomplete", "Some items of the batch are not processed yet")
                        .answer(StatusCode::SERVICE_UNAVAILABLE),
                    Status::Conflict,
                ),
                Duration::MAX,
            ),
            Self::Outage => with_retry_after(
                problem("unavailable", "Try again later").answer(StatusCode::SERVICE_UNAVAILABLE),
                Duration::MAX,
            ),
        }
    }
}

/// Marks a recorded answer as a replay, whatever it said of itself when it was new; `None` where it has no room for it.
fn replayed(mut recorded: RecordedResponse) -> Option<RecordedResponse> {
    recorded.headers.try_insert(REPLAYED, HeaderValue::from_static("true")).ok()?;
    recorded.headers.try_insert(Status::HEADER, Status::Replayed.header_value()).ok()?;
    Some(recorded)
}

fn rejected(kind: RejectionKind, policy: &Policy) -> RecordedResponse {
    match kind {
        RejectionKind::Unauthenticated => {
            problem("unauthenticated", "The request is not authentic").answer(StatusCode::UNAUTHORIZED)
        }
        RejectionKind::KeyMissing => documented(
            problem("key-missing", "The request has no key").answer(StatusCode::BAD_REQUEST),
            policy,
        ),
        RejectionKind::Malformed => documented(
            problem("malformed", "The request or its key cannot be read").answer(StatusCode::BAD_REQUEST),
            policy,
        ),
        RejectionKind::Unavailable => Answer::Outage.response(policy),
    }
}

/// Links to the API's documentation (draft-ietf-httpapi-idempotency-key-header-07, section 2.6).
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

fn problem(kind: &'static str, title: &'static str) -> Problem {
    Problem { kind, title }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_says_once_what_it_is() {
        let recorded = RecordedResponse::new(StatusCode::OK, "")
            .with_header(HeaderName::from_static("idempotency-status"), HeaderValue::from_static("executed"))
            .with_header(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("false"));
        let answer = Answer::Replayed(recorded.to_outcome()).response(&Policy::webhook());
        assert_eq!(answer.headers.get_all("idempotency-status").iter().collect::<Vec<_>>(), ["replayed"]);
        assert_eq!(answer.headers.get_all("idempotent-replayed").iter().collect::<Vec<_>>(), ["true"]);
    }

    #[test]
    fn stored_bytes_of_as_many_headers_as_a_map_holds_are_no_panic() {
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
        let answer = Answer::Replayed(response.to_outcome()).response(&Policy::webhook());
        assert_eq!(answer.status, Policy::webhook().in_doubt());
    }
}
