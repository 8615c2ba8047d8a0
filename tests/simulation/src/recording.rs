//! `RecordingStore`: a store that logs its operations.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, StoreErrorKind, Version};

use crate::history::{Action, Answer};
use crate::log::{Called, Log};

/// Forwards every operation and logs it. An operation whose future is dropped stays unanswered.
#[derive(Clone, Debug)]
pub struct RecordingStore {
    inner: Arc<dyn Store>,
    log: Log,
    worker: usize,
}

impl RecordingStore {
    /// A store that logs the operations of this worker.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, log: Log, worker: usize) -> Self {
        Self { inner, log, worker }
    }

    fn call(&self, lease: &Lease, action: Action) -> Called {
        self.log.call(self.worker, lease.key().digest(), lease.order(), action)
    }

    fn settle_many<T>(&self, called: &[Called], answers: &[Result<T, StoreError>])
    where
        Answer: for<'a> From<&'a T>,
    {
        for (called, answer) in called.iter().zip(answers) {
            self.settle(*called, answer);
        }
    }

    fn settle<T>(&self, called: Called, answer: &Result<T, StoreError>)
    where
        Answer: for<'a> From<&'a T>,
    {
        match answer {
            Ok(answer) => self.log.answer(called, Answer::from(answer)),
            Err(error) if error.may_have_executed() => {}
            Err(_) => self.log.refuse(called),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for RecordingStore {
    fn namespace(&self) -> &Namespace {
        self.inner.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let called = self.log.call(self.worker, claim.key.digest(), claim.order, Action::claim(claim));
        let answer = self.inner.claim(claim).await;
        match &answer {
            Err(error) if error.kind() == StoreErrorKind::Unconfirmed => {
                self.log.take_back(called, Action::claim(claim).owner().expect("a claim has an owner"));
            }
            answer => self.settle(called, answer),
        }
        answer
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let called = self.call(lease, Action::renew(lease, duration));
        let answer = self.inner.renew(lease, duration).await;
        self.settle(called, &answer);
        answer
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let called = self.call(&completion.lease, Action::complete(completion));
        let answer = self.inner.complete(completion).await;
        self.settle(called, &answer);
        answer
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        let called = self.call(lease, Action::release(lease, release));
        let answer = self.inner.release(lease, release).await;
        self.settle(called, &answer);
        answer
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let called = self.call(lease, Action::adopt(lease, owner, duration));
        let answer = self.inner.adopt(lease, owner, duration).await;
        self.settle(called, &answer);
        answer
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.inner.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.inner.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let call =
            |claim: &Claim| self.log.call(self.worker, claim.key.digest(), claim.order, Action::claim(claim));
        let called: Vec<_> = claims.iter().map(call).collect();
        let answers = self.inner.claim_many(claims).await;
        self.settle_many(&called, &answers);
        answers
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        let call = |lease: &Lease| self.call(lease, Action::renew(lease, duration));
        let called: Vec<_> = leases.iter().map(call).collect();
        let answers = self.inner.renew_many(leases, duration).await;
        self.settle_many(&called, &answers);
        answers
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        let call = |completion: &Completion| self.call(&completion.lease, Action::complete(completion));
        let called: Vec<_> = completions.iter().map(call).collect();
        let answers = self.inner.complete_many(completions).await;
        self.settle_many(&called, &answers);
        answers
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        let call = |lease: &Lease| self.call(lease, Action::release(lease, release));
        let called: Vec<_> = leases.iter().map(call).collect();
        let answers = self.inner.release_many(leases, release).await;
        self.settle_many(&called, &answers);
        answers
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let called = self.log.call(self.worker, key, None, Action::Load);
        let answer = self.inner.load(key).await;
        self.settle(called, &answer);
        answer
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let called = self.log.call(self.worker, key, None, Action::Forget);
        let answer = self.inner.forget(key).await;
        self.settle(called, &answer);
        answer
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let called = self.log.call(self.worker, key, None, Action::resolve(resolution));
        let answer = self.inner.resolve(key, resolution).await;
        self.settle(called, &answer);
        answer
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.inner.list(filter, page).await
    }
}
