//! A case: the handles, keys and owners of one function of the suite.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::Harness;
use crate::{
    Claim, Claimed, Fence, Hold, Key, Lease, Order, Outcome, Owner, RecordView, Resolution, Scope, ScopedKey,
    Store, Version,
};

/// The lease of every claim that does not say otherwise.
pub(super) const LEASE: Duration = Duration::from_secs(100);
/// The retention of every claim and completion that does not say otherwise.
pub(super) const RETENTION: Duration = Duration::from_secs(86_400);
/// Within this, what happens "at once" has happened, on a busy machine too.
pub(super) const AT_ONCE: Duration = Duration::from_secs(60);
/// Longer than any function works: what returns sooner was not woken by this timeout.
pub(super) const VERY_LONG: Duration = Duration::from_secs(90);

/// One function's two handles on the store, and a scope that no other function and no other run uses.
pub(super) struct Case<'a> {
    harness: &'a dyn Harness,
    /// The first handle.
    pub(super) one: Handle,
    /// The second handle.
    pub(super) two: Handle,
    /// Where its keys are.
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
        ScopedKey::new(self.scope.clone(), Key::new(name).expect("the suite's keys are keys"))
    }

    /// A claim by an owner of its own.
    pub(super) fn claim(&self, name: &str) -> Claim {
        Claim::new(self.key(name), owner(), LEASE, RETENTION)
    }

    /// A claim of a delivery that is about `resource` at `version`.
    pub(super) fn ordered(&self, name: &str, resource: &str, version: u64) -> Claim {
        let mut claim = self.claim(name);
        let order = Order::new(&self.scope, resource, Version::new(version));
        claim.key = claim.key.beside(order.resource());
        claim.order = Some(order);
        claim
    }

    /// Lets every lease of the usual length run out, and no retention.
    pub(super) async fn let_leases_expire(&self) {
        self.advance(LEASE + super::SLACK).await;
    }
}

/// A store whose failures are the suite's failures.
#[derive(Clone)]
pub(super) struct Handle(Arc<dyn Store>);

/// What a granted claim was given.
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

    /// A claim that must be granted.
    pub(super) async fn grant(&self, claim: &Claim) -> Grant {
        match self.claim(claim).await {
            Claimed::Granted { fence, attempt } => Grant { lease: claim.granted(fence), attempt },
            answer => panic!("the claim must be granted, but the answer was {answer:?}"),
        }
    }

    /// A claim that must find the key held by somebody else.
    pub(super) async fn refused(&self, claim: &Claim) -> Duration {
        match self.claim(claim).await {
            Claimed::InFlight { retry_after } => retry_after,
            answer => panic!("the key must be in flight, but the answer was {answer:?}"),
        }
    }

    /// A claim that must be answered with this outcome.
    pub(super) async fn replayed(&self, claim: &Claim, outcome: &[u8]) {
        match self.claim(claim).await {
            Claimed::Completed(answer) => assert!(
                answer.as_bytes() == outcome,
                "the outcome must come back bit for bit: {} bytes went in, {} other bytes came back",
                outcome.len(),
                answer.as_bytes().len()
            ),
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
        let answer = self.0.complete(lease, &Outcome::new(outcome), retention).await;
        answer.unwrap_or_else(|error| panic!("complete failed: {error:?}"))
    }

    pub(super) async fn release(&self, lease: &Lease) -> Hold {
        self.0.release(lease).await.unwrap_or_else(|error| panic!("release failed: {error:?}"))
    }

    pub(super) async fn load(&self, key: &ScopedKey) -> Option<RecordView> {
        self.0.load(key).await.unwrap_or_else(|error| panic!("load failed: {error:?}"))
    }

    /// The record of a key that must have one.
    pub(super) async fn view(&self, key: &ScopedKey) -> RecordView {
        self.load(key).await.unwrap_or_else(|| panic!("there must be a record"))
    }

    pub(super) async fn forget(&self, key: &ScopedKey) -> bool {
        self.0.forget(key).await.unwrap_or_else(|error| panic!("forget failed: {error:?}"))
    }

    pub(super) async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> bool {
        self.0.resolve(key, resolution).await.unwrap_or_else(|error| panic!("resolve failed: {error:?}"))
    }

    pub(super) async fn settled(&self, key: &ScopedKey, timeout: Duration) {
        self.0.settled(key, timeout).await.unwrap_or_else(|error| panic!("settled failed: {error:?}"));
    }
}

/// What of a record may not change when nothing is done to it. Times left run down by themselves.
pub(super) fn identity(view: &RecordView) -> String {
    let mut text = format!("{:?}, {:?}, attempt {}", view.fence, view.version, view.attempts);
    match &view.state {
        crate::StateView::InFlight { .. } => text.push_str(", in flight"),
        crate::StateView::Completed(outcome) => {
            let _ = write!(text, ", completed {:?}", outcome.as_bytes());
        }
        state => {
            let _ = write!(text, ", {state:?}");
        }
    }
    text
}

/// An owner that nobody else is.
pub(super) fn owner() -> Owner {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random().to_be_bytes());
    bytes[8..].copy_from_slice(&random().to_be_bytes());
    Owner::from_bytes(bytes)
}

/// The standard library seeds its hash tables at random: enough to tell runs apart.
fn random() -> u64 {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    RandomState::new().hash_one(COUNTER.fetch_add(1, Ordering::Relaxed))
}
