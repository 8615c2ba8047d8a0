//! A store whose calls a test can delay, fail and count.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};

/// A memory store that a test can shut off.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    pub(crate) store: MemoryStore,
    /// While this is set, every call fails as if the store did not answer. Claims are still executed.
    pub(crate) is_shut: Arc<AtomicBool>,
    pub(crate) claims: Arc<AtomicUsize>,
    pub(crate) most_claims_at_once: Arc<AtomicUsize>,
    pub(crate) completions: Arc<AtomicUsize>,
    pub(crate) renewals: Arc<AtomicUsize>,
    /// The number of completions after which further ones never return.
    pub(crate) completions_until_stuck: Arc<AtomicUsize>,
    /// The delay of an adoption's answer in milliseconds, after the adoption was executed.
    pub(crate) adoption_is_late_by: Arc<AtomicU64>,
    /// The key whose renewals and loads fail, and the time that they take.
    failing: Arc<Mutex<Option<(KeyDigest, Duration)>>>,
    /// How many of the next operations on several keys omit their last answer.
    pub(crate) omitted: Arc<AtomicUsize>,
    claims_under_way: Arc<AtomicUsize>,
}

impl Gate {
    pub(crate) fn new(store: MemoryStore) -> Self {
        Self {
            store,
            is_shut: Arc::default(),
            claims: Arc::default(),
            most_claims_at_once: Arc::default(),
            completions: Arc::default(),
            renewals: Arc::default(),
            completions_until_stuck: Arc::new(AtomicUsize::new(usize::MAX)),
            adoption_is_late_by: Arc::default(),
            failing: Arc::default(),
            omitted: Arc::default(),
            claims_under_way: Arc::default(),
        }
    }

    pub(crate) fn shut(&self, is_shut: bool) {
        self.is_shut.store(is_shut, Ordering::SeqCst);
    }

    /// Makes renewals and loads of this key take this long, and then fail.
    pub(crate) fn fail(&self, key: KeyDigest, after: Duration) {
        *self.failing.lock().unwrap() = Some((key, after));
    }

    async fn check_key(&self, key: KeyDigest) -> Result<(), StoreError> {
        let failing = *self.failing.lock().unwrap();
        if let Some((_, after)) = failing.filter(|(failing, _)| *failing == key) {
            tokio::time::sleep(after).await;
            return Err(StoreError::new("gate", StoreErrorKind::Unavailable));
        }
        self.check()
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.is_shut.load(Ordering::SeqCst) {
            true => Err(StoreError::new("gate", StoreErrorKind::Unknown)),
            false => Ok(()),
        }
    }

    fn omitted<T>(&self, mut answers: Vec<T>) -> Vec<T> {
        let one_less = |left: usize| left.checked_sub(1);
        if self.omitted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok() {
            answers.pop();
        }
        answers
    }
}

#[async_trait]
impl Store for Gate {
    fn namespace(&self) -> &Namespace {
        self.store.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        let under_way = self.claims_under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_claims_at_once.fetch_max(under_way, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.claims_under_way.fetch_sub(1, Ordering::SeqCst);
        let answer = self.store.claim(claim).await;
        self.check()?;
        answer
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        self.check_key(lease.key().digest()).await?;
        self.store.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.check()?;
        let number = self.completions.fetch_add(1, Ordering::SeqCst);
        if number >= self.completions_until_stuck.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        self.store.complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.check()?;
        self.store.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.check()?;
        let answer = self.store.adopt(lease, owner, duration).await;
        let late = self.adoption_is_late_by.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(late)).await;
        answer
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.check()?;
        self.store.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.store.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let answers = join_all(claims.iter().map(|claim| self.claim(claim))).await;
        self.omitted(answers)
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        let answers = join_all(leases.iter().map(|lease| self.renew(lease, duration))).await;
        self.omitted(answers)
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        let answers = join_all(completions.iter().map(|completion| self.complete(completion))).await;
        self.omitted(answers)
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        let answers = join_all(leases.iter().map(|lease| self.release(lease, release))).await;
        self.omitted(answers)
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.check_key(key).await?;
        self.store.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.store.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.store.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.store.list(filter, page).await
    }
}

/// The same store without its own operations on many keys.
#[derive(Clone, Debug)]
pub(crate) struct OneByOne(pub(crate) Gate);

#[async_trait]
impl Store for OneByOne {
    fn namespace(&self) -> &Namespace {
        self.0.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.0.claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.0.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.0.complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.0.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.0.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.0.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.0.wait_for_change(key, timeout).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.0.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.0.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.0.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.0.list(filter, page).await
    }
}
