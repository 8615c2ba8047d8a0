//! The record that a store keeps for each key.

mod label;
mod parts;
mod transition;
mod view;

use std::time::Duration;

use crate::{Completed, Fence, Fingerprint, Grant, Outcome, Owner, ScopedOrder};

pub use label::Label;
pub(crate) use label::truncate_endpoint;
pub use parts::{Part, Parts, UnknownBindingPart};
pub use transition::Transition;
pub use view::{RecordView, StateView};

/// The record of a key. The lease is a field of the record, and the record outlives it.
///
/// The methods are the protocol's table as pure functions: time is a parameter, and nothing is written. A store that
/// can run Rust in a critical section calls them. Other stores mirror each of them in one script or one statement.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Record {
    /// The state: in flight, released or completed.
    pub state: State,
    /// The owner of the last grant.
    pub owner: Owner,
    /// The fence of the last grant.
    pub fence: Fence,
    /// The number of attempts. An attempt whose handler never started does not count.
    pub attempts: u32,
    /// The fingerprint that a retry must match, if the claim had one.
    pub fingerprint: Option<Fingerprint>,
    /// The resource and version of the event, if it has an order.
    pub order: Option<ScopedOrder>,
    /// The optional parts: the label, and parts that later versions add.
    pub parts: Parts,
}

impl Record {
    /// The maximum retention of a record whose handler has never started. No network delays a copy of a claim for
    /// longer.
    pub const KEPT_WITHOUT_ATTEMPT: Duration = Duration::from_secs(300);

    /// Creates the record of a first attempt without fingerprint, order or parts. For stores that decode records.
    #[must_use]
    pub fn new(state: State, owner: Owner, fence: Fence) -> Self {
        let parts = Parts::default();
        Self { state, owner, fence, attempts: 1, fingerprint: None, order: None, parts }
    }

    /// Returns how long to keep a released record, given the claim's retention. If no handler has ever started, that is
    /// at most as long as late copies of its claims may arrive, so that a burst of refused deliveries does not fill the
    /// store.
    #[must_use]
    pub fn kept_after_release(&self, retention: Duration) -> Duration {
        match self.attempts {
            0 => retention.min(Self::KEPT_WITHOUT_ATTEMPT),
            _ => retention,
        }
    }

    /// Returns the last grant.
    #[must_use]
    pub fn grant(&self) -> Grant {
        Grant::new(self.fence, self.attempts)
    }
}

/// The stored state of a record. "In doubt" is not stored: an expired lease is in doubt under
/// [`OnExpired::InDoubt`](crate::OnExpired), and so is a record that cannot be read.
///
/// This enum is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these states")]
pub enum State {
    /// An execution is under way.
    InFlight {
        /// The time on the store's clock at which the lease runs out unless it is renewed.
        deadline: Duration,
    },
    /// The holder gave up. The next claim is granted at once.
    Released,
    /// The key was executed.
    Completed {
        /// The recorded outcome.
        outcome: Outcome,
        /// The time of completion, since 1970 on the store's clock.
        at: Duration,
        /// The end of the retention, since 1970 on the store's clock.
        until: Duration,
    },
}

impl Record {
    /// Returns the answer to a claim, if the record is completed.
    #[must_use]
    pub fn completed(&self) -> Option<Completed> {
        match &self.state {
            State::Completed { outcome, at, until } => {
                let completed = Completed::new(outcome.clone(), self.grant(), *at, *until);
                Some(Completed { fingerprint: self.fingerprint, ..completed })
            }
            State::InFlight { .. } | State::Released => None,
        }
    }
}
