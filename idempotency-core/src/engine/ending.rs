//! The ending: how an execution ends, as a store call and as an event for the observer.

use super::{Event, Idempotency};
use crate::{Completion, Hold, Release, StoreError};

/// How an execution ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// The work is done. It is completed, and never released instead.
    Complete,
    /// The attempt gives its lease up.
    Release(Release),
}

impl Ending {
    /// Sends the ending to the store, once.
    pub(super) async fn send(
        self,
        engine: &Idempotency,
        completion: &Completion,
    ) -> Result<Hold, StoreError> {
        match self {
            Self::Complete => engine.store().complete(completion).await,
            Self::Release(release) => engine.store().release(&completion.lease, release).await,
        }
    }

    /// The event for the store's answer.
    pub(super) fn event(self, hold: Hold) -> Event<'static> {
        match (self, hold) {
            (Self::Complete, Hold::Held) => Event::Completed,
            (Self::Release(Release::Abandoned), Hold::Held) => Event::Abandoned,
            (Self::Release(_), Hold::Held) => Event::Released,
            (_, Hold::Lost) => Event::Superseded,
        }
    }

    /// The event for the store's answer to a repetition in the background.
    ///
    /// If a repeated release is answered with `Lost`, an earlier one may have taken effect and another claim
    /// may hold the key. Either way this attempt holds nothing.
    pub(super) fn late_event(self, hold: Hold) -> Event<'static> {
        match self {
            Self::Complete => self.event(hold),
            Self::Release(_) => self.event(Hold::Held),
        }
    }

    /// The event if the store did not answer in time and the ending is repeated in the background.
    pub(super) fn failed_event<'a>(self, error: &'a StoreError) -> Event<'a> {
        match self {
            Self::Complete => Event::Unrecorded(error),
            Self::Release(_) => Event::ReleaseFailed(error),
        }
    }
}
