//! The claim: the request to a store, and its answers.

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
    /// How long the right lasts unless it is renewed. At least 1 ms, since stores count whole milliseconds.
    pub lease: Duration,
    /// How long the record is kept after the lease runs out or is released.
    pub retention: Duration,
    /// Must match the record's fingerprint, if both have one.
    pub fingerprint: Option<Fingerprint>,
    /// The resource that the delivery is about, and how new it is.
    pub order: Option<ScopedOrder>,
    /// The treatment of a key whose lease ran out.
    pub on_expired: OnExpired,
    /// The endpoint and key that the record shows to operators.
    pub label: Label,
}

impl Claim {
    /// A claim without fingerprint and order. It takes over expired leases and is labelled with endpoint and key.
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

    /// The lease of this claim if it is granted with `fence`.
    #[must_use]
    pub fn granted(&self, fence: Fence) -> Lease {
        Lease::new(self.key.clone(), self.order, self.owner, fence)
    }
}

/// The treatment of a key whose lease ran out. The handler may have had its effect by then.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::exhaustive_enums, reason = "a key with an expired lease is executed again or not")]
pub enum OnExpired {
    /// The next delivery executes again: at least once. The effect may happen twice.
    #[default]
    Rerun,
    /// The record is in doubt until an operator settles it: at most once.
    InDoubt,
}

/// A store's answer to a claim.
///
/// This enum is complete: a later answer would be a new protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine must handle every answer")]
pub enum Claimed {
    /// The caller must execute.
    Granted(Grant),
    /// The key has been executed.
    Completed(Completed),
    /// Another owner holds the key.
    InFlight {
        /// The time until the lease runs out unless it is renewed.
        retry_after: Duration,
    },
    /// The key was used with another fingerprint.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale {
        /// The newest completed version.
        newest: Version,
    },
    /// The key may or may not have been executed.
    InDoubt,
}

/// A granted claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Grant {
    /// The fencing token of this grant.
    pub fence: Fence,
    /// The number of this attempt, from 1.
    pub attempt: u32,
}

impl Grant {
    /// A grant with this fence to this attempt.
    #[must_use]
    pub const fn new(fence: Fence, attempt: u32) -> Self {
        Self { fence, attempt }
    }
}

/// The outcome of a key that has been executed, and its times.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Completed {
    /// The outcome of the execution.
    pub outcome: Outcome,
    /// The fence of the attempt that completed. An operator's resolution has its own fence.
    pub fence: Fence,
    /// The number of the attempt that completed, from 1.
    pub attempt: u32,
    /// The time of completion, since 1970 on the clock of the store or of the worker that completed.
    pub completed_at: Duration,
    /// The time until which the record answers for its key, since 1970 on the same clock.
    pub kept_until: Duration,
    /// The fingerprint of the record, if it has one.
    pub fingerprint: Option<Fingerprint>,
}

impl Completed {
    /// A completion at `completed_at`, kept until `kept_until`, both since 1970 on one clock, of a record without a
    /// fingerprint.
    #[must_use]
    pub fn new(outcome: Outcome, grant: Grant, completed_at: Duration, kept_until: Duration) -> Self {
        let Grant { fence, attempt } = grant;
        Self { outcome, fence, attempt, completed_at, kept_until, fingerprint: None }
    }
}

/// A store's answer to `renew`, `complete` and `release`.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "a lost lease means that another execution may be under way"]
#[expect(clippy::exhaustive_enums, reason = "a lease is held or it is not")]
pub enum Hold {
    /// The caller held the lease, and the operation took effect, now or when it was first sent.
    Held,
    /// The caller no longer holds the lease. Nothing changed.
    Lost,
}

/// A store's answer to `adopt`.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an adopted lease must be completed or released"]
#[expect(clippy::exhaustive_enums, reason = "a lease is adopted or it is not")]
pub enum Adopted {
    /// The new owner holds the lease, with a larger fence and the same attempt number.
    Granted(Grant),
    /// The lease had been taken over, adopted or ended. Nothing changed.
    Lost,
}

/// A completion: the record of a holder's finished work.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Completion {
    /// The holder's lease.
    pub lease: Lease,
    /// The outcome of the execution.
    pub outcome: Outcome,
    /// How long the record answers for its key after the completion.
    pub retention: Duration,
}

impl Completion {
    /// A completion under this lease.
    #[must_use]
    pub fn new(lease: Lease, outcome: Outcome, retention: Duration) -> Self {
        Self { lease, outcome, retention }
    }
}

/// How a holder gives up its lease.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Release {
    /// The attempt failed: the next claim is granted at once.
    Failed,
    /// The attempt's handler never started: as for [`Failed`](Self::Failed), but the attempt does not count.
    Unstarted,
    /// The attempt may have had its effect: the lease ends at once, and the next claim's [`OnExpired`] decides about the key.
    Abandoned,
}

/// How an operator settles a record that is in doubt.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Resolution {
    /// The key was executed, with this outcome.
    Completed(Outcome),
    /// The key was not executed, or may be executed again.
    Released,
}
