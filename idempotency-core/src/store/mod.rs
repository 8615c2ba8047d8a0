//! The store contract, rule by rule, and the stores that keep it.

mod list;
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
use futures_util::future::join_all;

use crate::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, Namespace, Owner, RecordView, Release,
    Resolution, ResourceDigest, StoreError, Version,
};

pub use list::{Cursor, Filter, Listing, Page, StateKind};

/// Keeps one record per key and changes it in atomic steps.
///
/// Rules for an implementation, each checked by the `conformance` suite:
/// - **Atomic.** Each operation is one step at the store: one script, one statement, one critical section. Every check
///   comes before the first write.
/// - **Repeatable.** Doing an operation k times, late or out of order, is doing it once. The owner tells a repeat from
///   a rival.
/// - **One clock**, the store's own. Callers give durations, never instants.
/// - **One address.** Where a record is kept depends on its key's digest alone, never on its order. Where record and mark
///   cannot change in one step, the mark is raised before the record says completed, and a grant looks at the mark after it
///   holds the record and gives back what is stale.
/// - **Unreadable is never free.** A record that cannot be decoded, is of a foreign type, or belongs to another key is
///   in doubt.
/// - **Fenced.** A lease that was superseded changes nothing, ever again.
/// - **Kept.** A record in flight outlives its lease by the claim's retention, so that an abandoned key does not become
///   free by itself, and the fence of a key never falls while its record could still be there.
/// - **Cancel safe.** A dropped future leaves the store as if the operation had been carried out, or had not.
///
/// [`Record`](crate::Record) has the table of states as pure functions.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// The service and environment that its records belong to. It is part of every digest and derived key.
    fn namespace(&self) -> &Namespace;

    /// Asks for the right to execute a key.
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

    /// Prolongs the lease to `duration` from now. `Held` also when late, if no claim took over.
    ///
    /// # Errors
    /// When the store cannot tell; the lease then stands as it was, or was renewed.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError>;

    /// Records the outcome, to be kept for the completion's retention from now, and raises the resource's mark to the
    /// delivery's version. `Held` also when late, if no claim took over, and for a repeat.
    ///
    /// # Errors
    /// When the store cannot tell. Repeat it; never release instead.
    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError>;

    /// Gives the lease up. After [`Release::Failed`] and [`Release::Unstarted`] the next claim is granted at once; the
    /// fence is kept, and so are the attempts, save one that never started. After [`Release::Abandoned`] the lease has run
    /// out.
    ///
    /// # Errors
    /// When the store cannot tell; the lease then runs out by itself.
    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError>;

    /// Passes a lease to a new owner, with a larger fence and the same attempt, to last `duration` from now. The old owner
    /// has lost it. `Granted` also when late, if no claim took over, and for a repeat by the same new owner.
    ///
    /// # Errors
    /// When the store cannot tell. After [`may_have_executed`](StoreError::may_have_executed), adopt again with the same
    /// new owner.
    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError>;

    /// The newest version of a resource that has completed: its high-water mark.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError>;

    /// Returns when the record may have changed since before the call, or at the latest after `timeout`.
    ///
    /// Never touches the record, and holds no pooled connection while it waits.
    ///
    /// # Errors
    /// When the store cannot be reached; callers may claim again all the same.
    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError>;

    /// Claims several different keys. Each claim is atomic; all together need not be. The answers are in the order of the
    /// claims. The default implementation claims them all at once, so that none waits for another; a store overrides it to
    /// do so in one round trip.
    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        join_all(claims.iter().map(|claim| self.claim(claim))).await
    }

    /// Renews several leases, as [`claim_many`](Self::claim_many) claims.
    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.renew(lease, duration))).await
    }

    /// Completes several keys, as [`claim_many`](Self::claim_many) claims them.
    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        join_all(completions.iter().map(|completion| self.complete(completion))).await
    }

    /// Gives several leases up, as [`claim_many`](Self::claim_many) claims them.
    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.release(lease, release))).await
    }

    /// Reads a record, for operators.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError>;

    /// Deletes a record, whatever its state: the next delivery executes. Answers whether there was one.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError>;

    /// Settles a record whose lease ran out. Answers whether there was something to settle: a record that is free,
    /// completed, unreadable or held is left as it is. The fence grows: the holder that abandoned the key has lost it.
    ///
    /// Settled as completed, it raises its resource's mark to the delivery's version, as a completion does.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError>;

    /// Lists records, page by page, for operators. Each page is a bounded piece of work; a record that changes meanwhile
    /// may be listed in either form, and one that comes or goes meanwhile may be missed.
    ///
    /// # Errors
    /// When the store cannot tell, and where the cursor is not one of its own.
    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError>;
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: Store + ?Sized> Store for Arc<S> {
    fn namespace(&self) -> &Namespace {
        (**self).namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        (**self).claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        (**self).renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        (**self).complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        (**self).release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        (**self).adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        (**self).newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        (**self).wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        (**self).claim_many(claims).await
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        (**self).renew_many(leases, duration).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        (**self).complete_many(completions).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        (**self).release_many(leases, release).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        (**self).load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        (**self).forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        (**self).resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        (**self).list(filter, page).await
    }
}
