//! The points around the store's operations.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::{
    Claim, Claimed, Hold, Lease, Outcome, RecordView, Resolution, ScopedKey, Store, StoreError,
};

use super::Point;
use super::armed::Armed;

/// A store before and after whose operations the process may be struck.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    armed: Arc<Armed>,
}

impl FaultyStore {
    /// Puts the points around a store.
    pub(super) fn new(inner: Arc<dyn Store>, armed: Arc<Armed>) -> Self {
        Self { inner, armed }
    }

    /// The point after an operation is reached when the store has answered.
    async fn between<T>(
        &self,
        before: Point,
        after: Point,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.armed.reach(before);
        let answer = operation.await?;
        self.armed.reach(after);
        Ok(answer)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for FaultyStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.between(Point::BeforeClaim, Point::AfterClaim, self.inner.claim(claim)).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.between(Point::BeforeRenew, Point::AfterRenew, self.inner.renew(lease, duration)).await
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        let operation = self.inner.complete(lease, outcome, retention);
        self.between(Point::BeforeComplete, Point::AfterComplete, operation).await
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        self.between(Point::BeforeRelease, Point::AfterRelease, self.inner.release(lease)).await
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        self.between(Point::BeforeSettled, Point::AfterSettled, self.inner.settled(key, timeout)).await
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        self.inner.load(key).await
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        self.inner.forget(key).await
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        self.inner.resolve(key, resolution).await
    }
}
