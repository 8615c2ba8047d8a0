//! The answers of a store, as a history keeps them.

use super::{Answer, Seen, micros, outcome_id};
use idempotency_core::store::{Adopted, Claimed, Hold, RecordView, StateView};

impl From<&Claimed> for Answer {
    fn from(claimed: &Claimed) -> Self {
        match claimed {
            Claimed::Granted(grant) => Self::Granted { fence: grant.fence.get(), attempt: grant.attempt },
            Claimed::Completed(completed) => Self::Completed { outcome: outcome_id(&completed.outcome) },
            Claimed::InFlight { retry_after } => Self::InFlight { retry_after: micros(*retry_after) },
            Claimed::Mismatch => Self::Mismatch,
            Claimed::Stale { newest } => Self::Stale { newest: newest.get() },
            Claimed::InDoubt => Self::InDoubt,
        }
    }
}

impl From<&Hold> for Answer {
    fn from(hold: &Hold) -> Self {
        match hold {
            Hold::Held => Self::Held,
            Hold::Lost => Self::Lost,
        }
    }
}

impl From<&Adopted> for Answer {
    fn from(adopted: &Adopted) -> Self {
        match adopted {
            Adopted::Granted(grant) => Self::Granted { fence: grant.fence.get(), attempt: grant.attempt },
            Adopted::Lost => Self::Lost,
        }
    }
}

impl From<&bool> for Answer {
    fn from(done: &bool) -> Self {
        Self::Done(*done)
    }
}

impl From<&Option<RecordView>> for Answer {
    fn from(view: &Option<RecordView>) -> Self {
        let Some(view) = view else { return Self::Free };
        let state = match &view.state {
            StateView::InFlight { lease_left } => Seen::InFlight { lease_left: micros(*lease_left) },
            StateView::Abandoned => Seen::Abandoned,
            StateView::Released => Seen::Released,
            StateView::Completed(completed) => Seen::Completed { outcome: outcome_id(&completed.outcome) },
            _ => Seen::Unreadable,
        };
        Self::Record { state, fence: view.fence.get(), attempts: view.attempts }
    }
}
