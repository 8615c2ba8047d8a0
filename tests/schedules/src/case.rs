//! Shared by the tests: keys, claims, and operations whose answer is ready at once.

#![expect(clippy::missing_panics_doc, reason = "a store that cannot answer fails the test")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use idempotency_core::store::{Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, Release, Store};
use idempotency_core::{Key, Namespace, Order, Outcome, Resource, Scope, ScopedKey, Version};

/// The lease of every claim.
pub const LEASE: Duration = Duration::from_secs(30);

/// The retention of every record.
pub const DAY: Duration = Duration::from_secs(86_400);

/// A key.
#[must_use]
pub fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), scope(), Key::new(name).expect("it is short"))
}

/// A claim by this owner.
#[must_use]
pub fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), LEASE, DAY)
}

/// A claim by this owner of a version of the one resource.
#[must_use]
pub fn claim_of(name: &str, owner: u8, version: u64) -> Claim {
    let mut claim = claim(name, owner);
    let resource = Resource::new(&scope(), "schedules", "resource");
    claim.order = Some(Order::new(resource, Version::new(version)).scoped(&Namespace::default()));
    claim
}

fn scope() -> Scope {
    Scope::endpoint("schedules")
}

/// The lease that the claim is granted; `None` for any other answer.
pub fn lease(store: &impl Store, claim: &Claim) -> Option<Lease> {
    match ready(store.claim(claim)).expect("there is room") {
        Claimed::Granted(grant) => Some(claim.granted(grant.fence)),
        _ => None,
    }
}

/// The answer to a claim.
pub fn told(store: &impl Store, claim: &Claim) -> Claimed {
    ready(store.claim(claim)).expect("there is room")
}

/// Completes with the owner's first byte as the outcome. Returns whether the owner held the lease.
pub fn complete(store: &impl Store, lease: &Lease) -> bool {
    let completion = Completion::new(lease.clone(), outcome(lease), DAY);
    ready(store.complete(&completion)).expect("there is room") == Hold::Held
}

/// Releases the lease as failed. Returns whether the owner held it.
pub fn release(store: &impl Store, lease: &Lease) -> bool {
    ready(store.release(lease, Release::Failed)).expect("the memory store does not fail") == Hold::Held
}

/// Renews the lease. Returns whether the owner held it.
pub fn renew(store: &impl Store, lease: &Lease) -> bool {
    ready(store.renew(lease, LEASE)).expect("the memory store does not fail") == Hold::Held
}

/// Adopts a suspended execution as this owner. Returns the new lease; `None` if the adoption is lost.
pub fn adopt(store: &impl Store, lease: &Lease, owner: u8) -> Option<Lease> {
    let owner = Owner::from_bytes([owner; 16]);
    match ready(store.adopt(lease, owner, LEASE)).expect("the memory store does not fail") {
        Adopted::Granted(grant) => Some(Lease::new(lease.key().clone(), lease.order(), owner, grant.fence)),
        Adopted::Lost => None,
    }
}

/// The outcome that the holder of a lease records.
#[must_use]
pub fn outcome(lease: &Lease) -> Outcome {
    Outcome::new(lease.owner().as_bytes()[..1].to_vec())
}

/// The result of a future that is ready at once. In memory, every operation but waiting is.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the operation must be ready at once"),
    }
}

/// A timer that never fires, so that only a notification wakes a waiter.
#[must_use]
pub fn timer() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a current-thread runtime starts")
}
