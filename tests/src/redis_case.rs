//! Claims for tests that choose the owner of each claim.

#![expect(clippy::missing_panics_doc, clippy::must_use_candidate, reason = "a test that cannot go on panics")]

use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claim, Claimed, Completion, Lease, Owner, Store as _};
use idempotency_core::{Key, Namespace, Order, Outcome, Resource, Scope, ScopedKey, Version};

/// The namespace of every key made here.
pub const NAMESPACE: &str = "idem";
/// The lease of every claim made here. It is longer than any test takes on the slowest machine.
pub const LEASE: Duration = Duration::from_secs(300);
/// The retention of every claim made here.
pub const RETENTION: Duration = Duration::from_secs(3600);

/// Creates the user `app` with the rights that the store needs on one server. The store's page has the same list.
pub const SET_USER: [&str; 24] = [
    "ACL",
    "SETUSER",
    "app",
    "on",
    ">pw",
    "~idem:*",
    "resetchannels",
    "&idem:changed:*",
    "-@all",
    "+get",
    "+getrange",
    "+set",
    "+setrange",
    "+pttl",
    "+pexpire",
    "+del",
    "+scan",
    "+time",
    "+eval",
    "+evalsha",
    "+publish",
    "+subscribe",
    "+unsubscribe",
    "+info",
];

/// A store at this address with timeouts for a busy machine.
pub fn store(url: &str) -> RedisStore {
    patient(RedisStore::new(url, NAMESPACE).expect("the address is well formed"))
}

/// The same store with timeouts for a busy machine.
pub fn patient(store: RedisStore) -> RedisStore {
    store.with_response_timeout(Duration::from_secs(60)).with_connect_timeout(Duration::from_secs(60))
}

/// The namespace of every key made here.
pub fn namespace() -> Namespace {
    Namespace::new(NAMESPACE).expect("the name is valid")
}

/// The scope of every key made here.
pub fn scope() -> Scope {
    Scope::endpoint("test")
}

/// A key.
pub fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&namespace(), scope(), Key::new(name).expect("a test's key is valid"))
}

/// The name of a key's record.
pub fn record_name(name: &str) -> String {
    record_name_of(&key(name))
}

/// The name of a scoped key's record.
pub fn record_name_of(key: &ScopedKey) -> String {
    format!("idem:{}", &key.digest().to_string()[..32])
}

/// An owner with a number.
pub fn owner(number: u8) -> Owner {
    Owner::from_bytes([number; 16])
}

/// A claim of a key by an owner.
pub fn claim(name: &str, number: u8) -> Claim {
    Claim::new(key(name), owner(number), LEASE, RETENTION)
}

/// A claim of a delivery about `resource` at `version`.
pub fn ordered(name: &str, number: u8, resource: &str, version: u64) -> Claim {
    let mut claim = claim(name, number);
    claim.order = Some(Order::new(resource_of(resource), Version::new(version)).scoped(&namespace()));
    claim
}

/// A resource.
pub fn resource_of(name: &str) -> Resource {
    Resource::new(&scope(), "thing", name)
}

/// A completion by this holder, kept for [`RETENTION`].
pub fn completion(lease: &Lease, outcome: &Outcome) -> Completion {
    Completion::new(lease.clone(), outcome.clone(), RETENTION)
}

/// The outcome of an answer that must be completed.
pub fn outcome_of(answer: Claimed) -> Outcome {
    match answer {
        Claimed::Completed(completed) => completed.outcome,
        answer => panic!("the key must be completed, but the answer was {answer:?}"),
    }
}

/// Makes a claim that must be granted, and returns its lease and attempt.
pub async fn grant(store: &RedisStore, claim: &Claim) -> (Lease, u32) {
    match store.claim(claim).await.expect("the store answers") {
        Claimed::Granted(grant) => (claim.granted(grant.fence), grant.attempt),
        answer => panic!("the claim must be granted, but the answer was {answer:?}"),
    }
}
