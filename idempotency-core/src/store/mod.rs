//! The store contract, rule by rule, and the stores that keep it.

#[cfg(feature = "memory")]
pub mod memory;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "memory")]
mod sync;

#[cfg(feature = "conformance")]
pub mod conformance;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Claim, Claimed, Hold, Lease, Outcome, RecordView, Resolution, ScopedKey, StoreError};

/// Keeps one record per key and changes it in atomic steps.
///
/// Rules for an implementation, each checked by the `conformance` suite:
/// - **Atomic.** Each operation is one step at the store: one script, one statement, one critical section. Every check
///   comes before the first write.
/// - **Repeatable.** Doing an operation k times, late or out of order, is doing it once. The owner tells a repeat from
///   a rival.
/// - **One clock**, the store's own. Callers give durations, never instants.
/// - **Unreadable is never free.** A record that cannot be decoded, is of a foreign type, or belongs to another key is
///   in doubt.
/// - **Fenced.** A lease that was superseded changes nothing, ever again.
/// - **Cancel safe.** A dropped future leaves the store as if the operation had been carried out, or had not.
///
/// [`Record`](crate::Record) has the table of states as pure functions.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Tries to become the one who executes.
    ///
    /// Atomic: of any number of concurrent claims of one key at most one is granted. In this order: another
    /// fingerprint answers `Mismatch`; a completed record answers its outcome; a claim by the owner that holds the key
    /// answers the same grant; a live lease answers `InFlight`; an expired one is taken over or in doubt, as the claim
    /// says; a delivery older than its resource's mark answers `Stale` instead of any grant.
    ///
    /// # Errors
    /// When the store cannot tell. After [`may_have_executed`](StoreError::may_have_executed), claim again with the
    /// same owner.
    ///
    /// # Cancel safety
    /// A dropped claim may have been granted; the lease then runs out by itself.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Prolongs the lease to `duration` from now. `Held` also when late, if nobody took over.
    ///
    /// # Errors
    /// When the store cannot tell; the lease then stands as it was, or was renewed.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError>;

    /// Records the outcome, to be kept for `retention` from now, and raises the resource's mark to the delivery's
    /// version. `Held` also when late, if nobody took over, and for a repeat.
    ///
    /// # Errors
    /// When the store cannot tell. Repeat it; never release instead.
    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError>;

    /// Gives up, so that the next claim is granted at once. Fence and attempts are kept.
    ///
    /// # Errors
    /// When the store cannot tell; the lease then runs out by itself.
    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError>;

    /// Returns when the record may have changed since before the call, or at the latest after `timeout`.
    ///
    /// Never touches the record, and holds no pooled connection while it waits.
    ///
    /// # Errors
    /// When the store cannot be reached; callers may claim again all the same.
    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError>;

    /// Looks at a record, for operators.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError>;

    /// Deletes a record, whatever its state: the next delivery executes. Answers whether there was one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError>;

    /// Settles a record whose lease ran out. Answers whether there was something to settle: a record that is free,
    /// completed, unreadable or held is left as it is. The fence grows: the holder that abandoned the key has lost it.
    ///
    /// Settled as completed, it raises its resource's mark to the delivery's version in the same step, as a completion
    /// does, where the key says which resource that is (see [`ScopedKey::beside`]): a record has the version alone. Where
    /// it does not say so the mark stays, and an older version may still start.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        (**self).claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        (**self).renew(lease, duration).await
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        (**self).complete(lease, outcome, retention).await
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        (**self).release(lease).await
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        (**self).settled(key, timeout).await
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        (**self).load(key).await
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        (**self).forget(key).await
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        (**self).resolve(key, resolution).await
    }
}
