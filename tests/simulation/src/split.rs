//! `SplitStore`: a store on a server that, like a cluster, cannot change record and mark in one step.

use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, ScopedOrder, StateView, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};

use crate::network::RemoteStore;
use crate::planted::Bug;

/// A store at the far end of a network.
pub trait Server: Store {
    /// How the client changes record and mark, if the server cannot change both in one step.
    fn split(&self) -> Option<Split> {
        None
    }

    /// Raises a mark for a client that changes it in a separate step.
    fn raise(&self, _: ScopedOrder) {}
}

impl Server for MemoryStore {}

/// How a client changes record and mark: correctly, or with a bug.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Split {
    /// The bug.
    pub bug: Option<Bug>,
}

/// The client of a server that, like a cluster, stores records and marks apart.
///
/// A claim is granted on the record, then reads the mark, and gives a stale grant back. A completion raises the mark,
/// then completes the record. The network may lose, delay and repeat each step, and the client may die in between.
#[derive(Debug)]
pub struct SplitStore {
    remote: RemoteStore,
    split: Split,
}

impl SplitStore {
    pub(crate) fn new(remote: RemoteStore, split: Split) -> Self {
        Self { remote, split }
    }

    fn has(&self, bug: Bug) -> bool {
        self.split.bug == Some(bug)
    }

    /// The mark, if the order is below it.
    async fn newer(&self, order: Option<ScopedOrder>) -> Result<Option<Version>, StoreError> {
        let Some(order) = order else { return Ok(None) };
        let newest = self.remote.newest(order.resource).await?;
        Ok(newest.filter(|newest| order.version < *newest))
    }
}

#[async_trait]
impl Store for SplitStore {
    fn namespace(&self) -> &Namespace {
        self.remote.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let unknown = |_| StoreError::new("simulated", StoreErrorKind::Unknown);
        if self.has(Bug::NoSecondLook) {
            let newer = self.newer(claim.order).await?;
            return match (self.remote.claim(claim).await?, newer) {
                (Claimed::Granted(grant), Some(newest)) => {
                    let _ = self.remote.release(&claim.granted(grant.fence), Release::Unstarted).await;
                    Ok(Claimed::Stale { newest })
                }
                (answer, _) => Ok(answer),
            };
        }
        let answer = self.remote.claim(claim).await?;
        let Claimed::Granted(grant) = answer else { return Ok(answer) };
        let lease = claim.granted(grant.fence);
        if let Some(newest) = self.newer(claim.order).await.map_err(unknown)? {
            let _ = self.remote.release(&lease, Release::Unstarted).await.map_err(unknown)?;
            return Ok(Claimed::Stale { newest });
        }
        Ok(answer)
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let hold = self.remote.renew(lease, duration).await?;
        if hold == Hold::Lost && self.has(Bug::MarkRaisedByLoser) {
            let _ = self.remote.raise(lease).await;
        }
        Ok(hold)
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let unknown = |_| StoreError::new("simulated", StoreErrorKind::Unknown);
        if self.has(Bug::MarkRaisedAfter) {
            let hold = self.remote.complete(completion).await?;
            if hold == Hold::Held {
                self.remote.raise(&completion.lease).await.map_err(unknown)?;
            }
            return Ok(hold);
        }
        self.remote.raise(&completion.lease).await.map_err(unknown)?;
        self.remote.complete(completion).await.map_err(unknown)
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.remote.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.remote.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.remote.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.remote.wait_for_change(key, timeout).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.remote.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.remote.forget(key).await
    }

    /// The mark may be raised first: only an abandoned record is resolved, and the operator knows that it was executed.
    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let unknown = |_| StoreError::new("simulated", StoreErrorKind::Unknown);
        if matches!(resolution, Resolution::Completed(_)) {
            let view = self.remote.load(key).await?;
            let Some(view) = view.filter(|view| view.state == StateView::Abandoned) else { return Ok(false) };
            if let Some(order) = view.order {
                self.remote.raise_by_hand(order).await.map_err(unknown)?;
            }
        }
        self.remote.resolve(key, resolution).await.map_err(unknown)
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.remote.list(filter, page).await
    }
}
