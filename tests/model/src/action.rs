//! An action: one step of the world.

use idempotency_core::Fence;

/// One step of the world. Each operation is the arrival of one copy of a request at the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The store's clock advances.
    Tick,
    /// A claim of this attempt arrives. With its first one the attempt takes up one of the arrivals.
    Claim {
        /// The attempt.
        attempt: usize,
        /// Which arrival it is about.
        arrival: usize,
    },
    /// The second half of a claim that a mutant makes in two steps.
    Set {
        /// The attempt.
        attempt: usize,
    },
    /// A request under a lease arrives.
    Hold {
        /// The attempt.
        attempt: usize,
        /// The fence of its lease.
        fence: Fence,
        /// What it asks for.
        operation: Operation,
    },
    /// A waiter's patience ends.
    Wait {
        /// The attempt that waits.
        attempt: usize,
    },
    /// An operator resolves a record.
    Resolve {
        /// The key.
        key: usize,
        /// Whether the operator says that it was executed.
        executed: bool,
    },
    /// An operator deletes a record.
    Forget {
        /// The key.
        key: usize,
    },
    /// A record becomes unreadable.
    Corrupt {
        /// The key.
        key: usize,
    },
}

/// What is asked for under a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these operations")]
pub enum Operation {
    /// To prolong it.
    Renew,
    /// To record the outcome.
    Complete,
    /// To give up.
    Release,
}

impl Operation {
    pub(crate) const ALL: [Self; 3] = [Self::Renew, Self::Complete, Self::Release];
}
