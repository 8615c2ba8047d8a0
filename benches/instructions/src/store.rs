//! The memory store without an engine.

use std::time::Duration;

use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Owner, Store as _};
use idempotency_core::{Key, Namespace, Outcome, Scope, ScopedKey};

use crate::{Operation, at_once};

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(86_400);

/// An outcome of an acknowledgement's size.
pub const OUTCOME: &[u8] = b"an outcome of an acknowledgement's size";

/// The keys of one endpoint, by their numbers.
pub struct Keys {
    namespace: Namespace,
    scope: Scope,
}

impl Keys {
    /// The claim of a key.
    pub fn claim(&self, number: u64, owner: u128) -> Claim {
        let key = Key::new(format!("key-{number:08}")).expect("it is a key");
        let key = ScopedKey::new(&self.namespace, self.scope.clone(), key);
        Claim::new(key, Owner::from_bytes(owner.to_be_bytes()), LEASE, RETENTION)
    }
}

impl Default for Keys {
    fn default() -> Self {
        Self { namespace: Namespace::default(), scope: Scope::endpoint("test /hook") }
    }
}

/// Claims a key that is free, and completes it.
///
/// # Panics
/// If the key is not free.
pub fn execute(store: &MemoryStore, claim: &Claim) {
    let Claimed::Granted(grant) = answer(store, claim) else { panic!("the key is free") };
    let completion = Completion::new(claim.granted(grant.fence), Outcome::new(OUTCOME), RETENTION);
    assert_eq!(at_once(store.complete(&completion)).expect("the store answers"), Hold::Held);
}

/// The store's answer to a claim.
pub fn answer(store: &MemoryStore, claim: &Claim) -> Claimed {
    at_once(store.claim(claim)).expect("the store answers")
}

/// A claim that is granted, and its completion.
pub fn fresh() -> Operation {
    let (store, keys) = (MemoryStore::new(), Keys::default());
    Box::new(move |round| execute(&store, &keys.claim(round, round.into())))
}

/// A claim of a completed key.
pub fn duplicate() -> Operation {
    let (store, keys) = (MemoryStore::new(), Keys::default());
    execute(&store, &keys.claim(0, 0));
    Box::new(move |_| assert!(matches!(answer(&store, &keys.claim(0, u128::MAX)), Claimed::Completed(_))))
}
