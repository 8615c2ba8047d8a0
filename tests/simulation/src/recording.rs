//! `RecordingStore`: a store whose operations are written into a log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::{
    Claim, Claimed, Hold, Lease, Outcome, RecordView, Resolution, ScopedKey, Store, StoreError,
};

use crate::history::{Action, Answer};
use crate::log::{Called, Log};

/// Forwards every operation and writes it into a log. One whose future is dropped stays without an answer.
#[derive(Clone, Debug)]
pub struct RecordingStore {
    inner: Arc<dyn Store>,
    log: Log,
    worker: usize,
}

impl RecordingStore {
    /// A store that writes down what this worker does.
    #[must_use]
    pub fn new(inner: Arc<dyn Store>, log: Log, worker: usize) -> Self {
        Self { inner, log, worker }
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
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let called =
            self.log.call(self.worker, claim.key.digest(), claim.order.as_ref(), Action::claim(claim));
        let answer = self.inner.claim(claim).await;
        self.settle(called, &answer);
        answer
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let action = Action::renew(lease, duration);
        let called = self.log.call(self.worker, lease.key().digest(), lease.order(), action);
        let answer = self.inner.renew(lease, duration).await;
        self.settle(called, &answer);
        answer
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        let action = Action::complete(lease, outcome);
        let called = self.log.call(self.worker, lease.key().digest(), lease.order(), action);
        let answer = self.inner.complete(lease, outcome, retention).await;
        self.settle(called, &answer);
        answer
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        let called = self.log.call(self.worker, lease.key().digest(), lease.order(), Action::release(lease));
        let answer = self.inner.release(lease).await;
        self.settle(called, &answer);
        answer
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        self.inner.settled(key, timeout).await
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        let called = self.log.call(self.worker, key.digest(), None, Action::Load);
        let answer = self.inner.load(key).await;
        self.settle(called, &answer);
        answer
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        let called = self.log.call(self.worker, key.digest(), None, Action::Forget);
        let answer = self.inner.forget(key).await;
        self.settle(called, &answer);
        answer
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        let called = self.log.call(self.worker, key.digest(), None, Action::resolve(resolution));
        let answer = self.inner.resolve(key, resolution).await;
        self.settle(called, &answer);
        answer
    }
}
