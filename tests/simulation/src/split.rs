//! `SplitStore`: a store on a server that cannot change record and mark in one step, as a cluster cannot.

use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::{Filter, Listing, Page};
use idempotency_core::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, MemoryStore, Namespace, Owner, RecordView,
    Release, Resolution, ResourceDigest, ScopedOrder, StateView, Store, StoreError, StoreErrorKind, Version,
};

use crate::network::RemoteStore;
use crate::planted::Bug;

/// What is at the far end of a network.
pub trait Server: Store {
    /// In which way record and mark are changed, where that takes two steps: it is then left to the client.
    fn split(&self) -> Option<Split> {
        None
    }

    /// Raises a mark, where that is left to the client.
    fn raise(&self, _: ScopedOrder) {}
}

impl Server for MemoryStore {}

/// In which way a client changes record and mark: the right one, or with a bug.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Split {
    /// The bug.
    pub bug: Option<Bug>,
}

/// The client of a server that keeps records and marks apart, as a cluster does.
///
/// A claim is granted on the record, then looks at the mark, and gives back what is stale. A completion raises the mark,
/// then completes the record. The network may lose, delay and repeat each step, and the client may die between two.
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

    /// The mark, where an order is below it.
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

    /// Only an abandoned record is settled, and the operator knows that it was executed: its mark may be raised first.
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
