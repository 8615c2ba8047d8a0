//! The record: what a store keeps per key.

mod transition;

use std::time::Duration;

use crate::{Fence, Fingerprint, Outcome, Owner, Version};

pub use transition::Transition;

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
    /// How many grants there have been.
    pub attempts: u32,
    /// What must match on a retry, where it was given.
    pub fingerprint: Option<Fingerprint>,
    /// How new the event is, where it has an order.
    pub version: Option<Version>,
}

impl Record {
    /// A record of a first attempt without fingerprint and version, for a store that reads one back.
    #[must_use]
    pub fn new(state: State, owner: Owner, fence: Fence) -> Self {
        Self { state, owner, fence, attempts: 1, fingerprint: None, version: None }
    }
}

/// The state of a record. In doubt is not stored: it is what an expired lease means under
/// [`OnExpired::InDoubt`](crate::OnExpired), and what a record that cannot be read is.
///
/// This enum is complete.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these states")]
pub enum State {
    /// Somebody executes, until `deadline` on the store's clock unless the lease is renewed.
    InFlight {
        /// When the lease runs out, on the store's clock.
        deadline: Duration,
    },
    /// Its holder gave up; the next claim is granted at once.
    Released,
    /// It was executed, and this came of it.
    Completed(Outcome),
}

/// A record as an operator sees it, in durations from now.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct RecordView {
    /// Its state now.
    pub state: StateView,
    /// The fence of the last grant. [`Fence::NONE`] where the record cannot be read.
    pub fence: Fence,
    /// How many grants there have been.
    pub attempts: u32,
    /// How new the event is, where it has an order.
    pub version: Option<Version>,
    /// How long the record will be kept.
    pub expires_in: Duration,
}

impl RecordView {
    /// What an operator sees of a record that will be kept for `expires_in`.
    #[must_use]
    pub fn new(record: &Record, now: Duration, expires_in: Duration) -> Self {
        let state = match &record.state {
            State::InFlight { deadline } if *deadline > now => {
                StateView::InFlight { lease_left: *deadline - now }
            }
            State::InFlight { .. } => StateView::Abandoned,
            State::Released => StateView::Released,
            State::Completed(outcome) => StateView::Completed(outcome.clone()),
        };
        Self { state, fence: record.fence, attempts: record.attempts, version: record.version, expires_in }
    }

    /// What an operator sees of a record that cannot be read.
    #[must_use]
    pub fn unreadable(expires_in: Duration) -> Self {
        Self { state: StateView::Unreadable, fence: Fence::NONE, attempts: 0, version: None, expires_in }
    }
}

/// The state of a record as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StateView {
    /// Somebody executes.
    InFlight {
        /// How long the lease lasts unless it is renewed.
        lease_left: Duration,
    },
    /// The lease ran out and nobody took over: the next claim reruns it, or finds it in doubt.
    Abandoned,
    /// Its holder gave up; the next claim is granted at once.
    Released,
    /// It was executed, and this came of it.
    Completed(Outcome),
    /// It is there, but not in a form that this version reads: in doubt.
    Unreadable,
}
