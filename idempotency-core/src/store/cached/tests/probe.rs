//! A memory store that counts claims, and that a test can hold up and make fail.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::oneshot;

use crate::store::memory::MemoryStore;
use crate::store::{Filter, Listing, Page, ResourceDigest};
use crate::*;

#[derive(Clone, Debug)]
pub(super) struct Probe {
    store: MemoryStore,
    claims: Arc<AtomicUsize>,
    held_up: Arc<Mutex<HashMap<&'static str, HeldUp>>>,
    /// Completions are carried out, and their answers are lost.
    pub(super) loses_completions: Arc<AtomicBool>,
    /// Completed records are answered without their fingerprints.
    pub(super) hides_fingerprints: Arc<AtomicBool>,
    /// Several claims are answered without the last one.
    pub(super) omits_answers: Arc<AtomicBool>,
}

#[derive(Debug)]
struct HeldUp {
    executed: oneshot::Sender<()>,
    answer: oneshot::Receiver<()>,
}

impl Probe {
    pub(super) fn new(store: MemoryStore) -> Self {
        Self {
            store,
            claims: Arc::default(),
            held_up: Arc::default(),
            loses_completions: Arc::default(),
            hides_fingerprints: Arc::default(),
            omits_answers: Arc::default(),
        }
    }

    /// The number of claims since the last call.
    pub(super) fn claims(&self) -> usize {
        self.claims.swap(0, Ordering::SeqCst)
    }

    /// Holds up the answer to the next such operation. The receiver says that the operation was executed, and the sender
    /// lets the answer go.
    pub(super) fn hold_up(&self, operation: &'static str) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (executed, was_executed) = oneshot::channel();
        let (release, answer) = oneshot::channel();
        self.held_up.lock().unwrap().insert(operation, HeldUp { executed, answer });
        (was_executed, release)
    }

    async fn pass(&self, operation: &'static str) {
        let held_up = self.held_up.lock().unwrap().remove(operation);
        if let Some(HeldUp { executed, answer }) = held_up {
            let _ = executed.send(());
            let _ = answer.await;
        } else {
            // Lets other tasks in between the execution and its answer.
            tokio::task::yield_now().await;
        }
    }

    fn shown(&self, mut claimed: Claimed) -> Claimed {
        if let Claimed::Completed(completed) = &mut claimed
            && self.hides_fingerprints.load(Ordering::SeqCst)
        {
            completed.fingerprint = None;
        }
        claimed
    }
}

#[async_trait]
impl Store for Probe {
    fn namespace(&self) -> &Namespace {
        self.store.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.claims.fetch_add(1, Ordering::SeqCst);
        let answer = self.store.claim(claim).await;
        self.pass("claim").await;
        answer.map(|answer| self.shown(answer))
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.store.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let answer = self.store.complete(completion).await;
        if self.loses_completions.load(Ordering::SeqCst) {
            return Err(StoreError::new("probe", StoreErrorKind::Unknown));
        }
        answer
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.store.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.store.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.store.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.store.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        self.claims.fetch_add(claims.len(), Ordering::SeqCst);
        let mut answers = self.store.claim_many(claims).await;
        if self.omits_answers.load(Ordering::SeqCst) {
            answers.pop();
        }
        answers
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.store.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let answer = self.store.forget(key).await;
        self.pass("forget").await;
        answer
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.store.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.store.list(filter, page).await
    }
}
