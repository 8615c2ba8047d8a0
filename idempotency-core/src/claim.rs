//! The claim: the question to a store, and its answers.

use std::time::Duration;

use crate::{Fence, Fingerprint, Label, Lease, Outcome, Owner, ScopedKey, ScopedOrder, Version};

/// A claim: the atomic request for the right to execute.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Claim {
    /// The key in its scope.
    pub key: ScopedKey,
    /// The attempt that claims. Repeating a claim with the same owner is harmless.
    pub owner: Owner,
    /// How long the right lasts unless it is renewed. At least 1 ms; stores count whole milliseconds.
    pub lease: Duration,
    /// How long the record is kept after its lease has run out, or after it was released.
    pub retention: Duration,
    /// Must match the record's fingerprint, if both have one.
    pub fingerprint: Option<Fingerprint>,
    /// Which resource the delivery is about, and how new it is.
    pub order: Option<ScopedOrder>,
    /// The treatment of a key whose holder let the lease run out.
    pub on_expired: OnExpired,
    /// The endpoint and key that the record shows to operators.
    pub label: Label,
}

impl Claim {
    /// A claim without fingerprint and order, rerunning what was abandoned, labelled with endpoint and key.
    #[must_use]
    pub fn new(key: ScopedKey, owner: Owner, lease: Duration, retention: Duration) -> Self {
        let label = Label::of(&key);
        Self {
            key,
            owner,
            lease,
            retention,
            fingerprint: None,
            order: None,
            on_expired: OnExpired::Rerun,
            label,
        }
    }

    /// The lease that a grant of `fence` gives to this claim.
    #[must_use]
    pub fn granted(&self, fence: Fence) -> Lease {
        Lease::new(self.key.clone(), self.order, self.owner, fence)
    }
}

/// The treatment of a key whose holder let the lease run out, perhaps after its effect.
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
    Granted(Grant),
    /// The key has been executed.
    Completed(Completed),
    /// Another owner holds the key.
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
    /// It is not known whether the key was executed.
    InDoubt,
}

/// A granted claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The fencing token of this grant.
    pub fence: Fence,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

impl Grant {
    /// A grant of this fence to this attempt.
    #[must_use]
    pub const fn new(fence: Fence, attempt: u32) -> Self {
        Self { fence, attempt }
    }
}

/// A key that has been executed: what came of it, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Completed {
    /// What the execution left behind.
    pub outcome: Outcome,
    /// The fence of the attempt that completed. An operator's resolution has a fence of its own.
    pub fence: Fence,
    /// Which attempt completed, from 1.
    pub attempt: u32,
    /// When it completed, since 1970 on the store's clock.
    pub completed_at: Duration,
    /// Until when the record answers for its key, since 1970 on the store's clock.
    pub kept_until: Duration,
}

impl Completed {
    /// A completion at `completed_at`, kept until `kept_until`, both since 1970 on the store's clock.
    #[must_use]
    pub fn new(outcome: Outcome, grant: Grant, completed_at: Duration, kept_until: Duration) -> Self {
        Self { outcome, fence: grant.fence, attempt: grant.attempt, completed_at, kept_until }
    }
}

/// What a store answers to `renew`, `complete` and `release`.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a lost lease means that another execution may be under way"]
#[expect(clippy::exhaustive_enums, reason = "a lease is held or it is not")]
pub enum Hold {
    /// The lease was the caller's, and the operation took effect (now, or when it was first sent).
    Held,
    /// The lease is not the caller's any more; nothing was changed.
    Lost,
}

/// What a store answers to `adopt`.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an adopted lease must be completed or released"]
#[expect(clippy::exhaustive_enums, reason = "a lease is adopted or it is not")]
pub enum Adopted {
    /// The lease is the new owner's, with a larger fence and the same attempt.
    Granted(Grant),
    /// The lease was taken over, adopted or ended before; nothing was changed.
    Lost,
}

/// A completion: what a holder records when its work is done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Completion {
    /// The holder's lease.
    pub lease: Lease,
    /// What the execution left behind.
    pub outcome: Outcome,
    /// How long the record answers for its key, from the completion on.
    pub retention: Duration,
}

impl Completion {
    /// A completion under this lease.
    #[must_use]
    pub fn new(lease: Lease, outcome: Outcome, retention: Duration) -> Self {
        Self { lease, outcome, retention }
    }
}

/// How a holder gives its lease up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Release {
    /// The attempt failed: the next claim is granted at once.
    Failed,
    /// The attempt's handler never started: as [`Failed`](Self::Failed), and the attempt does not count.
    Unstarted,
    /// It is not known what the attempt did: the lease ends at once, and what becomes of the key is what the next claim
    /// says of abandoned ones.
    Abandoned,
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
