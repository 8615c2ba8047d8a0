//! The memory store without an engine.

use std::time::Duration;

use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Owner, Store as _};
use idempotency_core::{Key, Outcome, Scope, ScopedKey};

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(86_400);

fn claim(store: &MemoryStore, number: u64, owner: u128) -> Claim {
    let key = Key::new(format!("key-{number:08}")).expect("it is a key");
    let key = ScopedKey::new(store.namespace(), Scope::endpoint("test /hook"), key);
    Claim::new(key, Owner::from_bytes(owner.to_be_bytes()), LEASE, RETENTION)
}

async fn execute(store: &MemoryStore, number: u64) {
    let claim = claim(store, number, u128::from(number));
    let Ok(Claimed::Granted(grant)) = store.claim(&claim).await else { panic!("the key is free") };
    let outcome = Outcome::new(&b"an outcome of an acknowledgement's size"[..]);
    let completion = Completion::new(claim.granted(grant.fence), outcome, RETENTION);
    assert_eq!(store.complete(&completion).await.expect("it answers"), Hold::Held);
}

/// A claim that is granted, and its completion.
pub(crate) fn fresh() -> Box<dyn FnMut(u64)> {
    let (store, runtime) = (MemoryStore::new(), crate::runtime());
    Box::new(move |round| runtime.block_on(execute(&store, round)))
}

/// A claim of a completed key.
pub(crate) fn duplicate() -> Box<dyn FnMut(u64)> {
    let (store, runtime) = (MemoryStore::new(), crate::runtime());
    runtime.block_on(execute(&store, 0));
    Box::new(move |_| {
        let claimed = runtime.block_on(async { store.claim(&claim(&store, 0, u128::MAX)).await });
        assert!(matches!(claimed, Ok(Claimed::Completed(_))));
    })
}
