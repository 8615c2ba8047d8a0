//! The ending: how an execution ends, and what of it is told to the store and the observer.

use super::{Event, Idempotency};
use crate::{Completion, Hold, Lease, Outcome, Release, StoreError};

/// How an execution ends.
#[derive(Clone, Debug)]
pub(super) enum Ending {
    /// The work is done: it is completed, and never released instead.
    Complete(Outcome),
    /// The lease is given up.
    Release(Release),
}

impl Ending {
    /// Tells the store, once.
    pub(super) async fn tell(&self, engine: &Idempotency, lease: &Lease) -> Result<Hold, StoreError> {
        match self {
            Self::Complete(outcome) => {
                let retention = engine.policy().retention();
                let completion = Completion::new(lease.clone(), outcome.clone(), retention);
                engine.store().complete(&completion).await
            }
            Self::Release(release) => engine.store().release(lease, *release).await,
        }
    }

    /// What is observed once the store has answered.
    pub(super) fn told(&self, hold: Hold) -> Event<'static> {
        match (self, hold) {
            (Self::Complete(_), Hold::Held) => Event::Completed,
            (Self::Release(Release::Abandoned), Hold::Held) => Event::Abandoned,
            (Self::Release(_), Hold::Held) => Event::Released,
            (_, Hold::Lost) => Event::Superseded,
        }
    }

    /// What is observed once the store has answered a repetition in the background. A release that was lost before may
    /// have been carried out, and the key be another's by now: nothing of this attempt is left.
    pub(super) fn told_late(&self, hold: Hold) -> Event<'static> {
        match self {
            Self::Complete(_) => self.told(hold),
            Self::Release(_) => self.told(Hold::Held),
        }
    }

    /// What is observed where the store did not answer in time, and it goes on in the background.
    pub(super) fn untold<'a>(&self, error: &'a StoreError) -> Event<'a> {
        match self {
            Self::Complete(_) => Event::Unrecorded(error),
            Self::Release(_) => Event::ReleaseFailed(error),
        }
    }
}
