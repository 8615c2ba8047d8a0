//! An action: one step of the world.

use idempotency_core::Fence;
use idempotency_core::store::Release;

/// One step of the world. Each operation is the arrival of one copy of a request at the store.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The store's clock advances.
    Tick,
    /// A claim of this attempt arrives. The first claim binds the attempt to one of the arrivals.
    Claim {
        /// The attempt.
        attempt: usize,
        /// The arrival that it claims.
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
        /// The operation.
        operation: Operation,
    },
    /// A separate read of the mark arrives: after the grant of this fence, or before any grant (`None`).
    Look {
        /// The attempt.
        attempt: usize,
        /// The fence of its grant.
        fence: Option<Fence>,
    },
    /// A separate request to raise the mark arrives.
    Raise {
        /// The attempt.
        attempt: usize,
        /// The fence of its lease.
        fence: Fence,
    },
    /// An adoption arrives. The first one makes the adopter a new attempt.
    Adopt {
        /// The attempt that suspended its execution.
        attempt: usize,
        /// The fence of the lease that was suspended.
        fence: Fence,
        /// The attempt that resumes it.
        adopter: usize,
    },
    /// A waiter times out.
    Wait {
        /// The attempt that waits.
        attempt: usize,
    },
    /// An operator resolves a record.
    Resolve {
        /// The key.
        key: usize,
        /// Whether it is resolved as executed.
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

/// An operation under a lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the protocol has these operations")]
pub enum Operation {
    /// Prolongs the lease.
    Renew,
    /// Records the outcome.
    Complete,
    /// Gives the lease up.
    Release(Release),
}
