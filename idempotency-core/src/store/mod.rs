//! The store contract, and the stores that implement it.

#[cfg(feature = "cache")]
pub mod cached;
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

use crate::{KeyDigest, Namespace, StoreError, Version};

pub use crate::claim::{Adopted, Claim, Claimed, Completed, Completion, Grant, Hold, Release, Resolution};
pub use crate::lease::{Lease, Owner};
pub use crate::order::{ResourceDigest, ScopedOrder};
pub use crate::record::{
    Label, Part, Parts, Record, RecordView, State, StateView, Transition, UnknownBindingPart,
};
pub use list::{Cursor, Filter, Listing, Page, StateKind};

/// Keeps one record per key and changes it in atomic steps.
///
/// An implementation must follow these rules, each of which the `conformance` suite checks:
/// - **Atomic.** Each operation is one step at the store: one script, one statement, one critical section. Every check
///   comes before the first write.
/// - **Repeatable.** An operation that is repeated, late or out of order has the effect of one. The owner distinguishes
///   a repeat from a rival.
/// - **One clock**, which is the store's own. Callers pass durations, never instants.
/// - **One address.** A record's address depends only on its key's digest, never on its order. If record and mark
///   cannot change in one step, a completion raises the mark before the record says completed, and a grant checks the
///   mark once it holds the record, and is given back if it is stale.
/// - **Unreadable is never free.** A record that cannot be decoded, is of a foreign type, or belongs to another key is
///   in doubt.
/// - **Fenced.** A superseded lease never changes a record again.
/// - **Kept.** A record in flight outlives its lease by the claim's retention, so an abandoned key does not become free
///   by itself. The fence of a key never falls while its record may still exist.
/// - **Cancel safe.** An operation whose future is dropped has been executed completely or not at all.
///
/// The methods of [`Record`] implement the protocol's table as pure functions.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// Returns the service and environment of the records. It is part of every digest and derived key.
    fn namespace(&self) -> &Namespace;

    /// Claims the right to execute a key.
    ///
    /// Atomic: at most one of any number of concurrent claims of a key is granted. The checks, in this order:
    /// 1. Another fingerprint answers `Mismatch`.
    /// 2. A completed record answers its outcome.
    /// 3. A claim by the owner that holds the key answers the same grant.
    /// 4. A live lease answers `InFlight`.
    /// 5. An expired lease is taken over or in doubt, as the claim says.
    /// 6. A delivery that is older than its resource's mark answers `Stale` instead of any grant.
    ///
    /// # Errors
    /// When the store cannot tell. After [`may_have_executed`](StoreError::may_have_executed), claim again with the
    /// same owner.
    ///
    /// # Cancel safety
    /// A dropped claim may have been granted; the lease then runs out by itself.
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError>;

    /// Renews the lease to last `duration` from now. Answers `Held` even after the lease expired, if no claim has taken
    /// over.
    ///
    /// # Errors
    /// When the store cannot tell. The lease is then either renewed or unchanged.
    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError>;

    /// Records the outcome, keeps it for the completion's retention from now, and raises the resource's mark to the
    /// delivery's version. Answers `Held` even after the lease expired, if no claim has taken over, and for a repeat.
    ///
    /// # Errors
    /// When the store cannot tell. Repeat the completion; never release instead.
    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError>;

    /// Gives the lease up. After [`Release::Failed`] and [`Release::Unstarted`] the next claim is granted at once. The
    /// record keeps its fence and its attempts, except one that never started. [`Release::Abandoned`] ends the lease as
    /// if it had run out.
    ///
    /// # Errors
    /// When the store cannot tell. The lease then runs out by itself.
    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError>;

    /// Passes the lease to a new owner, with a larger fence and the same attempt, to last `duration` from now. The old
    /// owner has lost it. Answers `Granted` even after the lease expired, if no claim has taken over, and for a repeat
    /// by the same new owner.
    ///
    /// # Errors
    /// When the store cannot tell. After [`may_have_executed`](StoreError::may_have_executed), adopt again with the
    /// same new owner.
    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError>;

    /// Returns the newest completed version of a resource, which is its high-water mark.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError>;

    /// Waits until the record may have changed since the start of the call, or until `timeout`.
    ///
    /// Never changes the record, and holds no pooled connection while it waits.
    ///
    /// # Errors
    /// When the store cannot be reached. Callers may claim again nevertheless.
    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError>;

    /// Claims several different keys. Each claim is atomic, but the claims together need not be. The answers are in the
    /// order of the claims. The default implementation claims all keys concurrently. A store overrides it to do so in
    /// one round trip.
    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        join_all(claims.iter().map(|claim| self.claim(claim))).await
    }

    /// Renews several leases, in the same way as [`claim_many`](Self::claim_many).
    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.renew(lease, duration))).await
    }

    /// Completes several keys, in the same way as [`claim_many`](Self::claim_many).
    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        join_all(completions.iter().map(|completion| self.complete(completion))).await
    }

    /// Gives up several leases, in the same way as [`claim_many`](Self::claim_many).
    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        join_all(leases.iter().map(|lease| self.release(lease, release))).await
    }

    /// Reads a record, for operators.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError>;

    /// Deletes a record in any state, so that the next delivery executes. Answers whether there was a record.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError>;

    /// Resolves a record whose lease has run out. Answers whether there was such a record: a key that is free, held or
    /// released, and a record that is completed or unreadable, stay as they are. The fence grows, so the holder that
    /// abandoned the key has lost it.
    ///
    /// Resolving as completed raises the resource's mark to the delivery's version, as a completion does.
    ///
    /// # Errors
    /// When the store cannot tell.
    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError>;

    /// Lists records, page by page, for operators. Each page is a bounded amount of work. A record that changes during
    /// the listing may be listed in either form. A record that is created or deleted during it may be missed.
    ///
    /// # Errors
    /// When the store cannot tell, or the cursor is not from this store.
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
