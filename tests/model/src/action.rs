//! An action: one step of the world.

use idempotency_core::{Fence, Release};

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
    /// A look at the mark arrives, where it is a step of its own: after the grant of this fence, or before any (`None`).
    Look {
        /// The attempt.
        attempt: usize,
        /// The fence of its grant.
        fence: Option<Fence>,
    },
    /// An order to raise the mark arrives, where that is a step of its own.
    Raise {
        /// The attempt.
        attempt: usize,
        /// The fence of its lease.
        fence: Fence,
    },
    /// An adoption arrives. With its first one the adopter is a new attempt.
    Adopt {
        /// The attempt that wrote its execution down.
        attempt: usize,
        /// The fence of the lease that was written down.
        fence: Fence,
        /// The attempt that takes it up.
        adopter: usize,
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
    Release(Release),
}
