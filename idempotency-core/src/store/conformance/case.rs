//! A case: the handles, keys and owners for one function of the suite.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::Harness;
use crate::store::{Filter, Listing, Page};
use crate::{
    Adopted, Claim, Claimed, Completed, Completion, Fence, Hold, Key, KeyDigest, Lease, Order, Outcome,
    Owner, RecordView, Release, Resolution, Resource, Scope, ScopedKey, Store, Version,
};

/// The lease of claims, unless the function sets another.
pub(super) const LEASE: Duration = Duration::from_secs(100);
/// The retention of claims and completions, unless the function sets another.
pub(super) const RETENTION: Duration = Duration::from_secs(86_400);
/// The time limit for a waiter that should be woken at once, even on a busy machine.
pub(super) const WAKE_TIMEOUT: Duration = Duration::from_secs(60);
/// The timeout of a wait that must be woken by something else. It is longer than [`WAKE_TIMEOUT`].
pub(super) const WAIT_TIMEOUT: Duration = Duration::from_secs(90);

/// Two handles on the store, and a scope that no other function and no other run uses.
pub(super) struct Case<'a> {
    harness: &'a dyn Harness,
    /// The first handle.
    pub(super) one: Handle,
    /// The second handle.
    pub(super) two: Handle,
    /// The scope of the case's keys.
    pub(super) scope: Scope,
}

impl<'a> Case<'a> {
    pub(super) async fn new(harness: &'a dyn Harness, rule: &str) -> Self {
        let one = Handle(harness.store().await);
        let two = Handle(harness.second_handle().await);
        let scope = Scope::endpoint(format!("conformance {rule} {:016x}", random()));
        Self { harness, one, two, scope }
    }

    pub(super) async fn advance(&self, by: Duration) {
        self.harness.advance(by).await;
    }

    pub(super) fn key(&self, name: &str) -> ScopedKey {
        self.key_in(&self.scope, name)
    }

    /// A key in a given scope.
    pub(super) fn key_in(&self, scope: &Scope, name: &str) -> ScopedKey {
        let key = Key::new(name).expect("the suite's keys are valid");
        ScopedKey::new(self.one.store().namespace(), scope.clone(), key)
    }

    /// A claim by a new owner.
    pub(super) fn claim(&self, name: &str) -> Claim {
        Claim::new(self.key(name), owner(), LEASE, RETENTION)
    }

    /// A claim by a new owner, of a delivery with this resource and version.
    pub(super) fn ordered(&self, name: &str, resource: &str, version: u64) -> Claim {
        let order = Order::new(self.resource(resource), Version::new(version));
        Claim { order: Some(order.scoped(self.one.store().namespace())), ..self.claim(name) }
    }

    /// A resource in the case's scope.
    pub(super) fn resource(&self, name: &str) -> Resource {
        Resource::new(&self.scope, "kind", name)
    }

    /// Advances the time past the end of every lease of the default length, but not past its retention.
    pub(super) async fn let_leases_expire(&self) {
        self.advance(LEASE + super::SLACK).await;
    }
}

/// A store whose errors panic.
#[derive(Clone)]
pub(super) struct Handle(Arc<dyn Store>);

/// A granted claim or adoption.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) lease: Lease,
    pub(super) attempt: u32,
}

impl Grant {
    pub(super) fn fence(&self) -> Fence {
        self.lease.fence()
    }
}

impl Handle {
    pub(super) fn store(&self) -> &dyn Store {
        &*self.0
    }

    pub(super) async fn claim(&self, claim: &Claim) -> Claimed {
        self.0.claim(claim).await.unwrap_or_else(|error| panic!("claim failed: {error:?}"))
    }

    /// Claims a key, and panics unless the claim is granted.
    pub(super) async fn grant(&self, claim: &Claim) -> Grant {
        match self.claim(claim).await {
            Claimed::Granted(grant) => Grant { lease: claim.granted(grant.fence), attempt: grant.attempt },
            answer => panic!("the claim must be granted, but the answer was {answer:?}"),
        }
    }

    /// Claims a key, and panics unless another owner holds it.
    pub(super) async fn refused(&self, claim: &Claim) -> Duration {
        match self.claim(claim).await {
            Claimed::InFlight { retry_after } => retry_after,
            answer => panic!("the key must be in flight, but the answer was {answer:?}"),
        }
    }

    /// Claims a key, and panics unless it is completed with this outcome.
    pub(super) async fn replayed(&self, claim: &Claim, outcome: &[u8]) -> Completed {
        match self.claim(claim).await {
            Claimed::Completed(completed) => {
                let bytes = completed.outcome.as_bytes();
                assert!(
                    bytes == outcome,
                    "the outcome must come back bit for bit: {} bytes went in, {} other bytes came back",
                    outcome.len(),
                    bytes.len()
                );
                completed
            }
            answer => panic!("the key must be completed, but the answer was {answer:?}"),
        }
    }

    pub(super) async fn renew(&self, lease: &Lease, duration: Duration) -> Hold {
        self.0.renew(lease, duration).await.unwrap_or_else(|error| panic!("renew failed: {error:?}"))
    }

    pub(super) async fn complete(&self, lease: &Lease, outcome: &'static str) -> Hold {
        self.complete_for(lease, Bytes::from_static(outcome.as_bytes()), RETENTION).await
    }

    pub(super) async fn complete_for(&self, lease: &Lease, outcome: Bytes, retention: Duration) -> Hold {
        let completion = Completion::new(lease.clone(), Outcome::new(outcome), retention);
        let answer = self.0.complete(&completion).await;
        answer.unwrap_or_else(|error| panic!("complete failed: {error:?}"))
    }

    pub(super) async fn release(&self, lease: &Lease) -> Hold {
        self.give_up(lease, Release::Failed).await
    }

    pub(super) async fn give_up(&self, lease: &Lease, release: Release) -> Hold {
        self.0.release(lease, release).await.unwrap_or_else(|error| panic!("release failed: {error:?}"))
    }

    pub(super) async fn adopt(&self, lease: &Lease, owner: Owner) -> Adopted {
        let answer = self.0.adopt(lease, owner, LEASE).await;
        answer.unwrap_or_else(|error| panic!("adopt failed: {error:?}"))
    }

    /// Adopts a lease, and panics unless the adoption is granted.
    pub(super) async fn adopted(&self, lease: &Lease, owner: Owner) -> Grant {
        match self.adopt(lease, owner).await {
            Adopted::Granted(grant) => Grant {
                lease: Lease::new(lease.key().clone(), lease.order(), owner, grant.fence),
                attempt: grant.attempt,
            },
            Adopted::Lost => panic!("the lease must be adopted, but it was lost"),
        }
    }

    pub(super) async fn newest(&self, resource: &Resource) -> Option<Version> {
        let answer = self.0.newest(resource.digest(self.0.namespace())).await;
        answer.unwrap_or_else(|error| panic!("newest failed: {error:?}"))
    }

    pub(super) async fn load(&self, key: impl Into<KeyDigest>) -> Option<RecordView> {
        self.0.load(key.into()).await.unwrap_or_else(|error| panic!("load failed: {error:?}"))
    }

    pub(super) async fn list(&self, filter: &Filter, page: &Page) -> Listing {
        self.0.list(filter, page).await.unwrap_or_else(|error| panic!("list failed: {error:?}"))
    }

    /// Loads the record of a key, and panics if there is none.
    pub(super) async fn view(&self, key: impl Into<KeyDigest>) -> RecordView {
        self.load(key).await.unwrap_or_else(|| panic!("there must be a record"))
    }

    pub(super) async fn forget(&self, key: impl Into<KeyDigest>) -> bool {
        self.0.forget(key.into()).await.unwrap_or_else(|error| panic!("forget failed: {error:?}"))
    }

    pub(super) async fn resolve(&self, key: impl Into<KeyDigest>, resolution: &Resolution) -> bool {
        self.0
            .resolve(key.into(), resolution)
            .await
            .unwrap_or_else(|error| panic!("resolve failed: {error:?}"))
    }

    pub(super) async fn wait_for_change(&self, key: impl Into<KeyDigest>, timeout: Duration) {
        let answer = self.0.wait_for_change(key.into(), timeout).await;
        answer.unwrap_or_else(|error| panic!("wait_for_change failed: {error:?}"));
    }
}

/// The parts of a record that only an operation changes, as text. Omits the times left, which change by themselves.
pub(super) fn identity(view: &RecordView) -> String {
    let mut text = format!("{:?}, {:?}, attempt {}", view.fence, view.order, view.attempts);
    match &view.state {
        crate::StateView::InFlight { .. } => text.push_str(", in flight"),
        crate::StateView::Completed(completed) => {
            let _ = write!(text, ", completed {completed:?}");
        }
        state => {
            let _ = write!(text, ", {state:?}");
        }
    }
    text
}

/// A new owner.
pub(super) fn owner() -> Owner {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_be_bytes());
    bytes[8..].copy_from_slice(&random().to_be_bytes());
    Owner::from_bytes(bytes)
}

/// A random number from the standard library's randomly seeded hasher, which suffices to distinguish runs.
fn random() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed))
}
