//! The record: what a store keeps per key.

mod label;
mod parts;
mod transition;
mod view;

use std::time::Duration;

use crate::{Completed, Fence, Fingerprint, Grant, Outcome, Owner, ScopedOrder};

pub use label::Label;
pub(crate) use label::cut;
pub use parts::{Part, Parts, UnknownBindingPart};
pub use transition::Transition;
pub use view::{RecordView, StateView};

/// What a store keeps per key. The lease is a field of it; the record outlives the lease.
///
/// Its methods are the protocol's table as pure functions: time is a parameter, and nothing is written. A store that
/// can run Rust in a critical section applies them; the others mirror them in one script or one statement.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Record {
    /// In flight, released or completed.
    pub state: State,
    /// The attempt that was granted last.
    pub owner: Owner,
    /// The fence of the last grant.
    pub fence: Fence,
    /// How many attempts there have been. Those whose handler never started do not count.
    pub attempts: u32,
    /// What must match on a retry, where it was given.
    pub fingerprint: Option<Fingerprint>,
    /// Which resource the event is about and how new it is, where it has an order.
    pub order: Option<ScopedOrder>,
    /// What else it carries: what it is of, and what later versions add.
    pub parts: Parts,
}

impl Record {
    /// How long the record of a key is kept under which no handler has ever started. Longer than any network delays a copy of a
    /// claim.
    pub(crate) const KEPT_WITHOUT_ATTEMPT: Duration = Duration::from_secs(300);

    /// A record of a first attempt without fingerprint, order and parts, for a store that reads one back.
    #[must_use]
    pub fn new(state: State, owner: Owner, fence: Fence) -> Self {
        let parts = Parts::default();
        Self { state, owner, fence, attempts: 1, fingerprint: None, order: None, parts }
    }

    /// How long it is kept once it was released, of a claim's retention. Where no handler has ever started, no longer than
    /// copies of its claims may be under way: a burst of refused deliveries leaves nothing behind.
    #[must_use]
    pub fn kept_after_release(&self, retention: Duration) -> Duration {
        match self.attempts {
            0 => retention.min(Self::KEPT_WITHOUT_ATTEMPT),
            _ => retention,
        }
    }

    /// The last grant.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant::new(self.fence, self.attempts)
    }
}

/// The state of a record. In doubt is not stored: it is what an expired lease means under
/// [`OnExpired::InDoubt`](crate::OnExpired), and what a record that cannot be read is.
///
/// This enum is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these states")]
pub enum State {
    /// An execution is under way, until `deadline` on the store's clock unless the lease is renewed.
    InFlight {
        /// When the lease runs out, on the store's clock.
        deadline: Duration,
    },
    /// Its holder gave up; the next claim is granted at once.
    Released,
    /// It was executed.
    Completed {
        /// What came of it.
        outcome: Outcome,
        /// When, since 1970 on the store's clock.
        at: Duration,
        /// Until when the record answers for its key, since 1970 on the store's clock.
        until: Duration,
    },
}

impl Record {
    /// What a claim is told of it where it is completed.
    #[must_use]
    pub fn completed(&self) -> Option<Completed> {
        match &self.state {
            State::Completed { outcome, at, until } => {
                Some(Completed::new(outcome.clone(), self.grant(), *at, *until))
            }
            State::InFlight { .. } | State::Released => None,
        }
    }
}
