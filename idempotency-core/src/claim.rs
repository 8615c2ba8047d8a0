//! The claim: what is asked of a store, and what it answers.

use std::time::Duration;

use crate::{Fence, Fingerprint, Lease, Order, Outcome, Owner, ScopedKey, Version};

/// A claim: the atomic attempt to become the one who executes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The key in its scope.
    pub key: ScopedKey,
    /// The attempt that claims. Repeating a claim with the same owner is harmless.
    pub owner: Owner,
    /// How long the right lasts unless it is renewed. At least 1 ms; stores count whole milliseconds.
    pub lease: Duration,
    /// How long the record is kept. At least the lease.
    pub retention: Duration,
    /// What must match the record, where both have one.
    pub fingerprint: Option<Fingerprint>,
    /// Which resource the delivery is about, and how new it is.
    pub order: Option<Order>,
    /// What becomes of a key whose holder let the lease run out.
    pub on_expired: OnExpired,
}

impl Claim {
    /// A claim without fingerprint and order, rerunning what was abandoned.
    #[must_use]
    pub fn new(key: ScopedKey, owner: Owner, lease: Duration, retention: Duration) -> Self {
        Self { key, owner, lease, retention, fingerprint: None, order: None, on_expired: OnExpired::Rerun }
    }

    /// The lease that an answer of `fence` grants to this claim.
    #[must_use]
    pub fn granted(&self, fence: Fence) -> Lease {
        Lease::new(self.key.clone(), self.order.clone(), self.owner, fence)
    }
}

/// What becomes of a key whose holder let the lease run out: did the effect happen before it died, or not?
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "a holder that died is either tried again or not")]
pub enum OnExpired {
    /// The next delivery executes again: at least once. The effect may happen twice.
    #[default]
    Rerun,
    /// The record is in doubt until an operator settles it: at most once.
    InDoubt,
}

/// What a store answers to a claim.
///
/// This enum is complete: a later answer would be a new protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine must decide every answer")]
pub enum Claimed {
    /// The caller executes.
    Granted {
        /// The fencing token of this grant.
        fence: Fence,
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The key has been executed: here is its outcome.
    Completed(Outcome),
    /// Somebody else holds the key.
    InFlight {
        /// When the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// The key was used with another fingerprint.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale {
        /// That version.
        newest: Version,
    },
    /// Nobody can tell whether the key was executed.
    InDoubt,
}

/// What a store answers to `renew`, `complete` and `release`.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a lost lease means that somebody else may be executing"]
#[expect(clippy::exhaustive_enums, reason = "a lease is held or it is not")]
pub enum Hold {
    /// The lease was the caller's, and the operation took effect (now, or when it was first sent).
    Held,
    /// The lease is not the caller's any more; nothing was changed.
    Lost,
}

/// How an operator settles a record that is in doubt.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Resolution {
    /// It was executed, with this outcome.
    Completed(Outcome),
    /// It was not executed, or may be executed again.
    Released,
}
