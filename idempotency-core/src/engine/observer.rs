//! The observer: sees every decision as a typed value.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::RecordError;
use crate::protocol::Instance;
use crate::rejection::Rejection;
use crate::{Fence, ScopedKey, StoreError, Version};

/// Sees every decision of an engine. The engine calls it in place, so it must not block.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// Observes one decision.
    fn observe(&self, observation: &Observation<'_>);
}

/// A decision and its circumstances.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// The engine's name. Over HTTP, this is the provider's name.
    pub provider: &'a str,
    /// The name of the scope's endpoint, such as `stripe /webhooks/stripe`.
    pub endpoint: &'a str,
    /// The request's path as it was sent, without its query.
    ///
    /// `None` outside HTTP, and if the request had none.
    pub path: Option<&'a str>,
    /// The `instance` of the problem answer, for a request without a key to find it by.
    pub instance: Option<&'a Instance>,
    /// The key in its scope. `None` if the request never had one.
    pub key: Option<&'a ScopedKey>,
    /// The number of the attempt, if a claim was granted.
    pub attempt: Option<u32>,
    /// The attempt's fencing token, if a claim was granted.
    pub fence: Option<Fence>,
    /// The time since the delivery arrived, for decisions, or since the grant, for later events.
    pub duration: Duration,
    /// What was decided.
    pub event: Event<'a>,
}

/// The decision itself.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The provider refused the request.
    Rejected(&'a Rejection),
    /// The request's method is not one that the sender uses.
    MethodNotAllowed,
    /// The request's method, URI or headers could not be read.
    HeadUnreadable,
    /// The request's body was longer than the policy's limit.
    ///
    /// A genuine delivery is lost unless its sender shortens it.
    BodyTooLarge,
    /// The request's body ended early.
    BodyUnreadable,
    /// The request's body did not arrive within the policy's time.
    BodyTimedOut,
    /// The handler's service was not ready within the policy's time, so the handler did not run.
    NotReady,
    /// The provider answered a handshake.
    Handshake,
    /// The request is no delivery: the handler runs without a claim.
    Bypassed,
    /// The claim was granted: an attempt starts.
    Granted,
    /// The event has no order, for this reason, although older events of its type are discarded.
    ///
    /// It runs even if a newer one has completed.
    Unordered(&'static str),
    /// The recorded outcome answered the delivery.
    Replayed,
    /// The recorded outcome cannot be replayed: it is of another type, or was written by another version.
    OutcomeUnreadable,
    /// The key is in flight elsewhere.
    Conflict,
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale {
        /// That version.
        newest: Version,
    },
    /// The store does not know whether the key was executed.
    InDoubt,
    /// The store is out of reach, and nothing is executed.
    Outage(&'a StoreError),
    /// The store is out of reach, and the handler runs without a claim, as the policy says.
    Unprotected(&'a StoreError),
    /// This renewal of the lease failed.
    RenewalFailed(&'a StoreError),
    /// The lease is lost: another attempt may be executing.
    LeaseLost,
    /// The outcome is recorded.
    Completed,
    /// The handler succeeded, and its outcome is not recorded yet.
    ///
    /// The recording is repeated in the background.
    Unrecorded(&'a StoreError),
    /// Another claim took over, so this attempt's outcome is not recorded.
    Superseded,
    /// The attempt gave up, and a retry runs at once.
    Released,
    /// The effect of the attempt is unknown, so the key is in doubt.
    ///
    /// An example is a panic under [`OnExpired::InDoubt`](crate::OnExpired).
    Abandoned,
    /// The attempt gave up, and the store has not recorded the release yet.
    ///
    /// The release is repeated in the background.
    ReleaseFailed(&'a StoreError),
    /// The execution was suspended, to continue elsewhere.
    Suspended,
    /// A suspended execution continues here.
    Adopted,
    /// A recording or a release was repeated for the duration of a lease, and is given up.
    ///
    /// Although the handler ended, the next delivery takes the key over or is in doubt. If the observation
    /// has no attempt, a claim whose answer was lost could not be undone. The key may then be in doubt,
    /// although nothing was executed under it.
    LeftToExpire(&'a StoreError),
    /// The handler's recorder did not record the completion, or may not have. The attempt has failed.
    RecorderFailed(&'a RecordError),
    /// The handler ran longer than its recorder's limit and was dropped. The attempt has failed.
    OverLimit,
    /// The handler failed, or answered with a status that is not recorded. The attempt has failed.
    HandlerFailed(HandlerFailure),
    /// The handler's success is marked as [`DoNotRecord`](crate::DoNotRecord), so its writes are undone.
    WritesRolledBack,
    /// The handler panicked.
    Panicked,
}

/// How a handler failed, without any text or content of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum HandlerFailure {
    /// The handler answered with this status.
    Status(StatusCode),
    /// The handler of an API refused the request with this status, a 4xx that is not recorded.
    Refusal(StatusCode),
    /// The handler answered with this status, and the body of its answer broke off.
    BrokenBody(StatusCode),
    /// The handler returned an error of this type.
    Error(&'static str),
    /// The handler failed this item of its batch.
    Item,
}

impl fmt::Display for HandlerFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) | Self::Refusal(status) => write!(f, "status {}", status.as_u16()),
            Self::BrokenBody(status) => write!(f, "status {}, and a body that broke off", status.as_u16()),
            Self::Error(kind) => write!(f, "an error of type {kind}"),
            Self::Item => f.write_str("this item of the batch"),
        }
    }
}

/// Logs decisions with `tracing`.
///
/// [`Event::LeftToExpire`] is logged at `ERROR`, other events that need attention at `WARN`, and the rest at
/// `DEBUG`.
///
/// Keys appear as digests.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TracingObserver;

impl Observer for TracingObserver {
    fn observe(&self, observation: &Observation<'_>) {
        let Observation { provider, endpoint, path, instance, key, attempt, fence, duration, event } =
            observation;
        let key = key.map(|key| key.digest());
        let fence = fence.map(Fence::get);
        macro_rules! log {
            ($level:ident, $cause:expr) => {
                tracing::$level!(
                    target: "idempotency",
                    provider,
                    endpoint,
                    path,
                    instance = instance.map(tracing::field::display),
                    key = key.map(tracing::field::display),
                    attempt,
                    fence,
                    ?duration,
                    cause = $cause,
                    "{}", event.name()
                )
            };
        }
        match event {
            Event::Outage(error)
            | Event::Unprotected(error)
            | Event::RenewalFailed(error)
            | Event::Unrecorded(error)
            | Event::ReleaseFailed(error) => log!(warn, Some(tracing::field::display(WithSources(*error)))),
            Event::LeftToExpire(error) => log!(error, Some(tracing::field::display(WithSources(*error)))),
            Event::RecorderFailed(error) => log!(warn, Some(tracing::field::display(WithSources(*error)))),
            Event::Unordered(reason) => log!(warn, Some(*reason)),
            // Any client can have its requests refused, and must not fill the log.
            Event::HandlerFailed(failure @ HandlerFailure::Refusal(_)) => {
                log!(debug, Some(tracing::field::display(failure)));
            }
            // The sender gets no acknowledgement and sends the delivery again, so an operator should see why.
            Event::HandlerFailed(failure) => log!(warn, Some(tracing::field::display(failure))),
            Event::Rejected(rejection) => {
                log!(warn, Some(tracing::field::display(WithSources(*rejection))));
            }
            Event::LeaseLost
            | Event::Superseded
            | Event::InDoubt
            | Event::Mismatch
            | Event::WritesRolledBack
            | Event::OverLimit
            | Event::Panicked
            | Event::Abandoned
            | Event::OutcomeUnreadable
            | Event::MethodNotAllowed
            | Event::HeadUnreadable
            | Event::BodyTooLarge
            | Event::BodyUnreadable
            | Event::BodyTimedOut
            | Event::NotReady => log!(warn, None::<&str>),
            _ => log!(debug, None::<&str>),
        }
    }
}

impl Event<'_> {
    /// The event's name in snake case, for labels. It is stable.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rejected(_) => "rejected",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::HeadUnreadable => "head_unreadable",
            Self::BodyTooLarge => "body_too_large",
            Self::BodyUnreadable => "body_unreadable",
            Self::BodyTimedOut => "body_timed_out",
            Self::NotReady => "not_ready",
            Self::Handshake => "handshake",
            Self::Bypassed => "bypassed",
            Self::Granted => "granted",
            Self::Unordered(_) => "unordered",
            Self::Replayed => "replayed",
            Self::OutcomeUnreadable => "outcome_unreadable",
            Self::Conflict => "conflict",
            Self::Mismatch => "mismatch",
            Self::Stale { .. } => "stale",
            Self::InDoubt => "in_doubt",
            Self::Outage(_) => "outage",
            Self::Unprotected(_) => "unprotected",
            Self::RenewalFailed(_) => "renewal_failed",
            Self::LeaseLost => "lease_lost",
            Self::Completed => "completed",
            Self::Unrecorded(_) => "unrecorded",
            Self::Superseded => "superseded",
            Self::Released => "released",
            Self::Abandoned => "abandoned",
            Self::ReleaseFailed(_) => "release_failed",
            Self::Suspended => "suspended",
            Self::Adopted => "adopted",
            Self::LeftToExpire(_) => "left_to_expire",
            Self::RecorderFailed(_) => "recorder_failed",
            Self::OverLimit => "over_limit",
            Self::HandlerFailed(_) => "handler_failed",
            Self::WritesRolledBack => "writes_rolled_back",
            Self::Panicked => "panicked",
        }
    }
}

/// Prints an error and its causes in order.
pub(crate) struct WithSources<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some errors include their causes in their own text.
            if !last.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            last = text;
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreErrorKind;

    #[test]
    fn an_error_is_printed_with_all_its_causes_in_order() {
        let inner = StoreError::new("disk", StoreErrorKind::Full).with_source("no room");
        let outer = StoreError::new("files", StoreErrorKind::Unknown).with_source(inner);
        let text = WithSources(&outer).to_string();
        let at = ["files", "disk", ": no room"].map(|part| text.find(part).expect("each error is printed"));
        assert!(at.is_sorted(), "{text}");
    }

    #[test]
    fn a_cause_that_an_error_prints_itself_is_printed_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("refused: {0}")]
        struct Printing(#[source] std::io::Error);

        let error = StoreError::new("files", StoreErrorKind::Unavailable);
        let text = WithSources(&error.with_source(Printing(std::io::Error::other("no route")))).to_string();
        assert_eq!(text.matches("no route").count(), 1, "{text}");
    }
}
