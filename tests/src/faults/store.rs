//! The points around the store's operations.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, Version};

use super::Point;
use super::armed::Armed;

/// A store with a point before and after each operation.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    armed: Arc<Armed>,
}

impl FaultyStore {
    /// Puts the points around a store.
    pub fn new(inner: Arc<dyn Store>, armed: Arc<Armed>) -> Self {
        Self { inner, armed }
    }

    /// Runs an operation between two points. The second is reached once the store has answered.
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

    /// The same for an operation on several keys.
    async fn many<T>(&self, before: Point, after: Point, operation: impl Future<Output = Vec<T>>) -> Vec<T> {
        self.armed.reach(before);
        let answers = operation.await;
        self.armed.reach(after);
        answers
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for FaultyStore {
    fn namespace(&self) -> &Namespace {
        self.inner.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.between(Point::BeforeClaim, Point::AfterClaim, self.inner.claim(claim)).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.between(Point::BeforeRenew, Point::AfterRenew, self.inner.renew(lease, duration)).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.between(Point::BeforeComplete, Point::AfterComplete, self.inner.complete(completion)).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.between(Point::BeforeRelease, Point::AfterRelease, self.inner.release(lease, release)).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.inner.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.inner.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        let operation = self.inner.wait_for_change(key, timeout);
        self.between(Point::BeforeWait, Point::AfterWait, operation).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let operation = self.inner.claim_many(claims);
        self.many(Point::BeforeClaim, Point::AfterClaim, operation).await
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        let operation = self.inner.renew_many(leases, duration);
        self.many(Point::BeforeRenew, Point::AfterRenew, operation).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        let operation = self.inner.complete_many(completions);
        self.many(Point::BeforeComplete, Point::AfterComplete, operation).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        let operation = self.inner.release_many(leases, release);
        self.many(Point::BeforeRelease, Point::AfterRelease, operation).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.inner.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.inner.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.inner.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.inner.list(filter, page).await
    }
}
