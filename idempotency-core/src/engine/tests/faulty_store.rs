//! A store that fails on request, over a memory store that shares its time with the paused runtime.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use crate::store::ResourceDigest;
use crate::store::memory::MemoryStore;
use crate::store::{Filter, Listing, Page};
use crate::*;

/// How one operation fails.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    /// Does not execute, and answers with this error.
    Refused(StoreErrorKind),
    /// Does not execute, and answers after this time that the store is unavailable.
    RefusedLate(Duration),
    /// Executes, and the answer is lost.
    AnswerLost,
    /// Executes, and the answer says that the store cannot confirm it yet.
    NotConfirmed,
    /// Executes and never answers.
    CarriedOutThenHangs,
    /// Executes and answers after this time.
    AnswersLate(Duration),
    /// Does not execute and never answers.
    Hangs,
}

/// A memory store with a queue of faults for each operation.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultyStore {
    inner: Arc<MemoryStore>,
    faults: Arc<Mutex<HashMap<&'static str, VecDeque<Fault>>>>,
    calls: Arc<Mutex<Vec<&'static str>>>,
    claims: Arc<Mutex<Vec<Claim>>>,
    marks_are_away: Arc<AtomicBool>,
}

impl FaultyStore {
    pub(super) fn new() -> Self {
        Self { inner: Arc::new(MemoryStore::new()), ..Self::default() }
    }

    pub(super) fn fail(&self, operation: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().entry(operation).or_default().extend(faults);
    }

    /// Makes each claim with an order fail after its grant, because its mark cannot be read.
    pub(super) fn lose_marks(&self) {
        self.marks_are_away.store(true, Ordering::Relaxed);
    }

    pub(super) fn calls(&self, operation: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == operation).count()
    }

    /// Sends the last claim once more, as a late copy.
    pub(super) async fn repeat_last_claim(&self) -> Claimed {
        let claim = self.claims.lock().unwrap().last().unwrap().clone();
        self.inner.claim(&claim).await.unwrap()
    }

    fn next(&self, operation: &'static str) -> Option<Fault> {
        self.calls.lock().unwrap().push(operation);
        self.faults.lock().unwrap().get_mut(operation)?.pop_front()
    }

    async fn perform<T>(
        &self,
        operation: &'static str,
        inner: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.next(operation) {
            None => inner.await,
            Some(Fault::Refused(kind)) => Err(StoreError::new("faulty", kind)),
            Some(Fault::RefusedLate(by)) => {
                tokio::time::sleep(by).await;
                Err(StoreError::new("faulty", StoreErrorKind::Unavailable))
            }
            Some(Fault::AnswerLost) => {
                inner.await?;
                Err(StoreError::new("faulty", StoreErrorKind::Unknown))
            }
            Some(Fault::NotConfirmed) => {
                inner.await?;
                Err(StoreError::new("faulty", StoreErrorKind::Unknown).with_store_in_reach())
            }
            Some(Fault::CarriedOutThenHangs) => {
                inner.await?;
                std::future::pending().await
            }
            Some(Fault::AnswersLate(by)) => {
                let answer = inner.await;
                tokio::time::sleep(by).await;
                answer
            }
            Some(Fault::Hangs) => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    fn namespace(&self) -> &Namespace {
        self.inner.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.claims.lock().unwrap().push(claim.clone());
        let answer = self.perform("claim", self.inner.claim(claim)).await?;
        if claim.order.is_some() && self.marks_are_away.load(Ordering::Relaxed) {
            let granted = StoreError::new("faulty", StoreErrorKind::Unknown);
            return Err(StoreError::new("faulty", StoreErrorKind::Unavailable).after(Some(&granted)));
        }
        Ok(answer)
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.perform("renew", self.inner.renew(lease, duration)).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.perform("complete", self.inner.complete(completion)).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.perform("release", self.inner.release(lease, release)).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.perform("adopt", self.inner.adopt(lease, owner, duration)).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.perform("newest", self.inner.newest(resource)).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.perform("wait_for_change", self.inner.wait_for_change(key, timeout)).await
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
