//! What `CachedStore` answers itself, for how long, and what it never does.

mod age;
mod answers;
mod conformance;
mod probe;
mod removal;

use std::sync::Arc;
use std::time::Duration;

use super::CachedStore;
use crate::clock::ManualClock;
use crate::store::memory::MemoryStore;
use crate::*;
use probe::Probe;

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);
const MILLISECOND: Duration = Duration::from_millis(1);

/// A cache around a probe, with one clock for both.
struct Case {
    store: CachedStore<Probe>,
    clock: Arc<ManualClock>,
}

impl Case {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        let probe = Probe::new(MemoryStore::new().with_clock(Arc::clone(&clock)));
        Self { store: CachedStore::new(probe).with_clock(Arc::clone(&clock)), clock }
    }

    fn probe(&self) -> &Probe {
        self.store.inner()
    }

    /// A second cache around the same records, as in another process.
    fn other_process(&self) -> CachedStore<Probe> {
        CachedStore::new(self.probe().clone()).with_clock(Arc::clone(&self.clock))
    }

    async fn claim(&self, claim: &Claim) -> Claimed {
        self.store.claim(claim).await.unwrap()
    }

    /// Whether the claim is answered without asking the inner store, and the answer.
    async fn claim_and_count(&self, claim: &Claim) -> (usize, Claimed) {
        self.probe().claims();
        let answer = self.claim(claim).await;
        (self.probe().claims(), answer)
    }

    async fn grant(&self, claim: &Claim) -> Lease {
        granted(&self.store, claim).await
    }

    /// Completes a key and lets a duplicate fill the cache.
    async fn fill(&self, claim: &Claim) -> Claimed {
        let lease = self.grant(claim).await;
        complete(&self.store, lease, "done").await;
        self.claim(claim).await
    }
}

async fn granted(store: &impl Store, claim: &Claim) -> Lease {
    match store.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("not granted: {answer:?}"),
    }
}

async fn complete(store: &impl Store, lease: Lease, outcome: &'static str) {
    let completion = Completion::new(lease, Outcome::new(outcome), DAY);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
}

fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("cached"), Key::new(name).unwrap())
}

fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), LEASE, DAY)
}

fn with_fingerprint(name: &str, owner: u8, of: &str) -> Claim {
    Claim { fingerprint: Some(Fingerprint::of(of.as_bytes())), ..claim(name, owner) }
}

fn ordered(name: &str, owner: u8, version: u64) -> Claim {
    let resource = Resource::new(&Scope::endpoint("cached"), "kind", "r");
    let order = Order::new(resource, Version::new(version));
    Claim { order: Some(order.scoped(&Namespace::default())), ..claim(name, owner) }
}

fn outcome(answer: &Claimed) -> &[u8] {
    match answer {
        Claimed::Completed(completed) => completed.outcome.as_bytes(),
        answer => panic!("not completed: {answer:?}"),
    }
}
