//! The observer: who sees every decision, as typed values.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::RecordError;
use crate::protocol::Instance;
use crate::rejection::Rejection;
use crate::{Fence, ScopedKey, StoreError, Version};

/// Sees every decision of an engine. It is called where the decision falls, so it must not block.
pub trait Observer: fmt::Debug + Send + Sync + 'static {
    /// One decision.
    fn observe(&self, observation: &Observation<'_>);
}

/// One decision and what it was about.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Observation<'a> {
    /// The engine's name: the provider's, over HTTP.
    pub provider: &'a str,
    /// The endpoint's name: that of its scope, such as `stripe /webhooks/stripe`.
    pub endpoint: &'a str,
    /// The request's path as it was sent, without its query; `None` outside HTTP, and where the request had none.
    pub path: Option<&'a str>,
    /// What a problem's `instance` says, where the request has no key that it could be found by.
    pub instance: Option<&'a Instance>,
    /// The key in its scope; `None` where the request never had one.
    pub key: Option<&'a ScopedKey>,
    /// Which attempt it is, where one was granted.
    pub attempt: Option<u32>,
    /// The attempt's fencing token, where one was granted.
    pub fence: Option<Fence>,
    /// How long it took: from the delivery's arrival for decisions, from the grant for what follows.
    pub duration: Duration,
    /// What was decided.
    pub event: Event<'a>,
}

/// What was decided.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The provider refused the request.
    Rejected(&'a Rejection),
    /// The request came by a method that the sender does not use.
    MethodNotAllowed,
    /// The request's method, URI or headers could not be read.
    HeadUnreadable,
    /// The request's body was longer than the policy's limit. A genuine delivery is lost unless its sender shortens it.
    BodyTooLarge,
    /// The request's body ended before it was whole.
    BodyUnreadable,
    /// The request's body did not arrive in the policy's time.
    BodyTimedOut,
    /// The handler's service was not ready in the policy's time: the handler did not run.
    NotReady,
    /// The provider answered a handshake.
    Handshake,
    /// The request is no delivery: the handler runs without a claim.
    Bypassed,
    /// The claim was granted: an attempt starts.
    Granted,
    /// The event is of a type whose older events are discarded, and has no order itself, for this reason. It runs, also if a
    /// newer one has completed.
    Unordered(&'static str),
    /// The recorded outcome answers.
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
    /// It is not known whether the key was executed.
    InDoubt,
    /// The store is out of reach; nothing is executed.
    Outage(&'a StoreError),
    /// The store is out of reach; the handler runs without a claim, as the policy says.
    Unprotected(&'a StoreError),
    /// The lease could not be renewed this time.
    RenewalFailed(&'a StoreError),
    /// The lease is lost: another attempt may be executing.
    LeaseLost,
    /// The outcome is recorded.
    Completed,
    /// The handler succeeded, and its outcome is not recorded yet: that is repeated in the background.
    Unrecorded(&'a StoreError),
    /// Another claim took over: this attempt's outcome is not the key's.
    Superseded,
    /// The attempt gave up; a retry runs at once.
    Released,
    /// The effect of the attempt is not known, as after a panic under [`OnExpired::InDoubt`](crate::OnExpired): the key is in
    /// doubt.
    Abandoned,
    /// The attempt gave up, and the store has not taken the release yet: that is repeated in the background.
    ReleaseFailed(&'a StoreError),
    /// The execution was written down, to go on elsewhere.
    WrittenDown,
    /// An execution that was written down goes on here.
    Adopted,
    /// A recording or a release was repeated for the time of a lease, and is given up: the next delivery takes the key over or is
    /// in doubt, although the handler ended. Without an attempt: a claim whose answer was lost could not be undone, and the
    /// key may be in doubt, although nothing was executed under it.
    Unsettled(&'a StoreError),
    /// The handler's recorder did not record the completion, or it is not known whether it did: the attempt has failed.
    NotRecorded(&'a RecordError),
    /// The handler panicked.
    Panicked,
    /// The runtime shut down and dropped the work.
    Dropped,
}

/// Reports to `tracing`: [`Event::Unsettled`] at `ERROR`, other events that need attention at `WARN`, the rest at `DEBUG`.
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
        macro_rules! tell {
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
            | Event::ReleaseFailed(error) => tell!(warn, Some(tracing::field::display(WithSources(*error)))),
            Event::Unsettled(error) => tell!(error, Some(tracing::field::display(WithSources(*error)))),
            Event::NotRecorded(error) => tell!(warn, Some(tracing::field::display(WithSources(*error)))),
            Event::Unordered(reason) => tell!(warn, Some(*reason)),
            Event::Rejected(rejection) => {
                tell!(warn, Some(tracing::field::display(WithSources(*rejection))));
            }
            Event::LeaseLost
            | Event::Superseded
            | Event::InDoubt
            | Event::Mismatch
            | Event::Panicked
            | Event::Abandoned
            | Event::OutcomeUnreadable
            | Event::MethodNotAllowed
            | Event::HeadUnreadable
            | Event::BodyTooLarge
            | Event::BodyUnreadable
            | Event::BodyTimedOut
            | Event::NotReady
            | Event::Dropped => tell!(warn, None::<&str>),
            _ => tell!(debug, None::<&str>),
        }
    }
}

impl Event<'_> {
    /// Its name, in snake case and stable, for labels.
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
            Self::WrittenDown => "written_down",
            Self::Adopted => "adopted",
            Self::Unsettled(_) => "unsettled",
            Self::NotRecorded(_) => "not_recorded",
            Self::Panicked => "panicked",
            Self::Dropped => "dropped",
        }
    }
}

/// An error with its causes, one after the other.
struct WithSources<'a>(&'a (dyn Error + 'static));

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = self.0.to_string();
        f.write_str(&told)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            // Some errors tell their causes themselves.
            if !told.ends_with(&text) {
                write!(f, ": {text}")?;
            }
            told = text;
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
    fn an_error_is_told_with_all_its_causes_in_order() {
        let inner = StoreError::new("disk", StoreErrorKind::Full).with_source("no room");
        let outer = StoreError::new("files", StoreErrorKind::Unknown).with_source(inner);
        let told = WithSources(&outer).to_string();
        let at = ["files", "disk", ": no room"].map(|part| told.find(part).expect("it is told"));
        assert!(at.is_sorted(), "{told}");
    }

    #[test]
    fn a_cause_that_an_error_tells_itself_is_told_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("refused: {0}")]
        struct Telling(#[source] std::io::Error);

        let error = StoreError::new("files", StoreErrorKind::Unavailable);
        let told = WithSources(&error.with_source(Telling(std::io::Error::other("no route")))).to_string();
        assert_eq!(told.matches("no route").count(), 1, "{told}");
    }
}
