//! A store that counts its operations, and fails, hangs or holds them on demand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};
use tokio::sync::{Semaphore, watch};

/// An operation of a store.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// `claim`
    Claim,
    /// `renew`
    Renew,
    /// `complete`
    Complete,
    /// `release`
    Release,
    /// `wait_for_change`
    Wait,
}

/// A fault of an operation.
#[derive(Clone, Debug)]
pub enum Fault {
    /// It is not executed, and the error says so.
    Unavailable,
    /// It is executed, and its answer is lost.
    AnswerLost,
    /// It is not executed, and there is no answer.
    Hangs,
    /// It waits for a permit, then is executed.
    Held(Arc<Semaphore>),
}

/// A store under observation. Clones share its counts and faults.
#[derive(Clone, Debug)]
pub struct Watched {
    inner: Arc<dyn Store>,
    faults: Arc<Mutex<HashMap<Operation, (Fault, usize)>>>,
    seen: Arc<watch::Sender<HashMap<Operation, usize>>>,
}

impl Watched {
    /// Watches a store.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, faults: Arc::default(), seen: Arc::new(watch::Sender::new(HashMap::new())) }
    }

    /// Makes an operation fail from now on.
    pub fn breaks(&self, operation: Operation, fault: Fault) {
        self.breaks_times(operation, fault, usize::MAX);
    }

    /// Makes an operation fail this many times, and succeed after that.
    pub fn breaks_times(&self, operation: Operation, fault: Fault, times: usize) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, (fault, times));
    }

    /// Ends all faults.
    pub fn recovers(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The number of calls of an operation.
    pub fn count(&self, operation: Operation) -> usize {
        self.seen.borrow().get(&operation).copied().unwrap_or_default()
    }

    /// Waits until an operation was called this many times.
    pub async fn asked(&self, operation: Operation, times: usize) {
        let mut seen = self.seen.subscribe();
        let enough = seen.wait_for(|seen| seen.get(&operation).is_some_and(|&count| count >= times)).await;
        enough.expect("the store outlives the wait");
    }

    fn fault(&self, operation: Operation) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let (fault, left) = faults.get_mut(&operation)?;
        *left = left.checked_sub(1)?;
        Some(fault.clone())
    }

    async fn meet<T>(
        &self,
        operation: Operation,
        answer: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.seen.send_modify(|seen| *seen.entry(operation).or_default() += 1);
        match self.fault(operation) {
            None => answer.await,
            Some(Fault::Unavailable) => Err(StoreError::new("broken", StoreErrorKind::Unavailable)),
            Some(Fault::AnswerLost) => {
                answer.await?;
                Err(StoreError::new("broken", StoreErrorKind::Unknown).with_source("secret-host:6379"))
            }
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Held(gate)) => {
                gate.acquire().await.expect("the gate is never closed").forget();
                answer.await
            }
        }
    }
}

#[async_trait]
impl Store for Watched {
    fn namespace(&self) -> &Namespace {
        self.inner.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.meet(Operation::Claim, self.inner.claim(claim)).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.meet(Operation::Renew, self.inner.renew(lease, duration)).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.meet(Operation::Complete, self.inner.complete(completion)).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.meet(Operation::Release, self.inner.release(lease, release)).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.inner.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.inner.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.meet(Operation::Wait, self.inner.wait_for_change(key, timeout)).await
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
