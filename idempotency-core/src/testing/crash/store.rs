//! A process's connection to the store: each call has a point before it and a point after it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::process::Process;
use super::witness::Witness;
use crate::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use crate::{KeyDigest, Namespace, StoreError, Version};

/// A store as one process reaches it. The witness sees each answer, also one that the process does not live to see.
#[derive(Debug)]
pub(super) struct Connection {
    store: Arc<dyn Store>,
    process: Process,
    witness: Arc<Witness>,
}

impl Connection {
    pub(super) fn new(store: Arc<dyn Store>, process: Process, witness: Arc<Witness>) -> Self {
        Self { store, process, witness }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Connection {
    fn namespace(&self) -> &Namespace {
        self.store.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let call = async {
            let answer = self.store.claim(claim).await;
            self.witness.claimed(claim, &answer);
            answer
        };
        self.process.call("claim", call).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let call = async {
            let answer = self.store.renew(lease, duration).await;
            self.witness.renewed(lease, duration, &answer);
            answer
        };
        self.process.call("renew", call).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let call = async {
            let answer = self.store.complete(completion).await;
            self.witness.completed(completion, &answer);
            answer
        };
        self.process.call("complete", call).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        let call = async {
            let answer = self.store.release(lease, release).await;
            self.witness.released(lease, &answer);
            answer
        };
        self.process.call("release", call).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let call = async {
            let answer = self.store.adopt(lease, owner, duration).await;
            self.witness.adopted(lease, owner, duration, &answer);
            answer
        };
        self.process.call("adopt", call).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.process.call("newest", self.store.newest(resource)).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.process.call("wait", self.store.wait_for_change(key, timeout)).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        let call = async {
            let answers = self.store.claim_many(claims).await;
            claims.iter().zip(&answers).for_each(|(claim, answer)| self.witness.claimed(claim, answer));
            answers
        };
        self.process.call("claim_many", call).await
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        let call = async {
            let answers = self.store.renew_many(leases, duration).await;
            let pairs = leases.iter().zip(&answers);
            pairs.for_each(|(lease, answer)| self.witness.renewed(lease, duration, answer));
            answers
        };
        self.process.call("renew_many", call).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        let call = async {
            let answers = self.store.complete_many(completions).await;
            let pairs = completions.iter().zip(&answers);
            pairs.for_each(|(completion, answer)| self.witness.completed(completion, answer));
            answers
        };
        self.process.call("complete_many", call).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        let call = async {
            let answers = self.store.release_many(leases, release).await;
            leases.iter().zip(&answers).for_each(|(lease, answer)| self.witness.released(lease, answer));
            answers
        };
        self.process.call("release_many", call).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.process.call("load", self.store.load(key)).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.witness.forgotten(key);
        self.process.call("forget", self.store.forget(key)).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.witness.forgotten(key);
        self.process.call("resolve", self.store.resolve(key, resolution)).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.process.call("list", self.store.list(filter, page)).await
    }
}
