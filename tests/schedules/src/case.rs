//! What the tests have in common: keys, claims, and a store's answer without waiting.

#![expect(clippy::missing_panics_doc, reason = "a store that cannot answer fails the test")]

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use idempotency_core::{
    Adopted, Claim, Claimed, Completion, Hold, Key, Lease, Namespace, Order, Outcome, Owner, Release,
    Resource, Scope, ScopedKey, Store, Version,
};

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

/// The lease that a claim is granted; `None` for any other answer.
pub fn lease(store: &impl Store, claim: &Claim) -> Option<Lease> {
    match ready(store.claim(claim)).expect("there is room") {
        Claimed::Granted(grant) => Some(claim.granted(grant.fence)),
        _ => None,
    }
}

/// What a claim is told.
pub fn told(store: &impl Store, claim: &Claim) -> Claimed {
    ready(store.claim(claim)).expect("there is room")
}

/// Completes with the owner's first byte as the outcome; whether it held the lease.
pub fn complete(store: &impl Store, lease: &Lease) -> bool {
    let completion = Completion::new(lease.clone(), outcome(lease), DAY);
    ready(store.complete(&completion)).expect("there is room") == Hold::Held
}

/// Gives the lease up as failed; whether it held it.
pub fn release(store: &impl Store, lease: &Lease) -> bool {
    ready(store.release(lease, Release::Failed)).expect("memory is at hand") == Hold::Held
}

/// Renews; whether it held the lease.
pub fn renew(store: &impl Store, lease: &Lease) -> bool {
    ready(store.renew(lease, LEASE)).expect("memory is at hand") == Hold::Held
}

/// Takes up an execution that was written down, as this owner; the lease, where it was not taken up before.
pub fn adopt(store: &impl Store, lease: &Lease, owner: u8) -> Option<Lease> {
    let owner = Owner::from_bytes([owner; 16]);
    match ready(store.adopt(lease, owner, LEASE)).expect("memory is at hand") {
        Adopted::Granted(grant) => Some(Lease::new(lease.key().clone(), lease.order(), owner, grant.fence)),
        Adopted::Lost => None,
    }
}

/// The outcome of a lease's holder.
#[must_use]
pub fn outcome(lease: &Lease) -> Outcome {
    Outcome::new(lease.owner().as_bytes()[..1].to_vec())
}

/// The result of a future that is ready at once. In memory, all but waiting is.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the store waits where it must not"),
    }
}

/// A timer for the store's waiting that never goes off: what wakes a waiter is a notification, or nothing.
#[must_use]
pub fn timer() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime without threads")
}
