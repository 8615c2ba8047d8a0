//! `MemoryStore` is bounded: it never evicts a live record, and refuses new keys when it is full.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use idempotency_core::clock::ManualClock;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Claim, Claimed, Completion, Hold, Lease, Owner, Release, Resolution, Store};
use idempotency_core::{Key, Namespace, Outcome, Scope, ScopedKey, StoreErrorKind};

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);
/// The bytes of a claim's label without its key.
const LABEL: usize = "limits".len();

fn claim(name: impl ToString, owner: u8) -> Claim {
    claim_kept(name, owner, DAY)
}

fn claim_kept(name: impl ToString, owner: u8, retention: Duration) -> Claim {
    let key =
        ScopedKey::new(&Namespace::default(), Scope::endpoint("limits"), Key::new(name.to_string()).unwrap());
    Claim::new(key, Owner::from_bytes([owner; 16]), LEASE, retention)
}

fn store() -> (MemoryStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new());
    (MemoryStore::new().with_clock(Arc::clone(&clock)), clock)
}

async fn grant(store: &MemoryStore, claim: &Claim) -> Lease {
    match store.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("not granted: {answer:?}"),
    }
}

async fn is_full(store: &MemoryStore, claim: &Claim) -> bool {
    store.claim(claim).await.is_err_and(|error| error.kind() == StoreErrorKind::Full)
}

async fn complete(store: &MemoryStore, lease: &Lease, bytes: usize) -> Result<Hold, StoreErrorKind> {
    let outcome = Outcome::new(vec![0; bytes]);
    store.complete(&Completion::new(lease.clone(), outcome, DAY)).await.map_err(|error| error.kind())
}

#[tokio::test]
async fn a_full_store_refuses_new_keys_and_serves_the_others() {
    let (store, clock) = store();
    let store = store.with_capacity(3);
    let held = grant(&store, &claim("held", 1)).await;
    let completed = grant(&store, &claim("completed", 1)).await;
    let released = grant(&store, &claim("released", 1)).await;
    assert_eq!(complete(&store, &completed, 1).await, Ok(Hold::Held));
    assert_eq!(store.release(&released, Release::Failed).await.unwrap(), Hold::Held);

    assert!(is_full(&store, &claim("new", 1)).await);
    assert_eq!(store.records(), 3);
    assert!(matches!(store.claim(&claim("held", 2)).await.unwrap(), Claimed::InFlight { .. }));
    assert!(matches!(store.claim(&claim("completed", 2)).await.unwrap(), Claimed::Completed(_)));
    assert!(
        matches!(store.claim(&claim("released", 2)).await.unwrap(), Claimed::Granted(grant) if grant.attempt == 2)
    );
    assert_eq!(store.renew(&held, LEASE).await.unwrap(), Hold::Held);
    clock.advance(2 * LEASE);
    assert!(is_full(&store, &claim("new", 1)).await, "an abandoned record is kept for its retention");
    assert!(
        matches!(store.claim(&claim("held", 2)).await.unwrap(), Claimed::Granted(grant) if grant.attempt == 2)
    );

    assert!(store.forget(claim("completed", 1).key.digest()).await.unwrap());
    grant(&store, &claim("new", 1)).await;
}

#[tokio::test]
async fn a_full_store_drops_expired_records_and_nothing_else() {
    let (store, clock) = store();
    let store = store.with_capacity(100);
    for i in 0..50 {
        grant(&store, &claim_kept(format!("brief {i}"), 1, LEASE)).await;
    }
    let kept = grant(&store, &claim("kept", 1)).await;
    for i in 0..49 {
        grant(&store, &claim(format!("long {i}"), 1)).await;
    }
    assert!(is_full(&store, &claim("new", 1)).await);
    clock.advance(2 * LEASE);
    grant(&store, &claim("new", 1)).await;
    assert_eq!(store.records(), 51);
    assert_eq!(complete(&store, &kept, 1).await, Ok(Hold::Held), "a live record was dropped");
}

#[tokio::test]
async fn expired_records_are_swept_long_before_the_store_is_full() {
    let (store, clock) = store();
    for i in 0..200_000 {
        if i % 1_000 == 0 {
            clock.advance(LEASE);
        }
        let lease = grant(&store, &claim_kept(i, 1, LEASE)).await;
        let outcome = Outcome::new("0123456789");
        assert_eq!(
            store.complete(&Completion::new(lease.clone(), outcome, LEASE)).await.unwrap(),
            Hold::Held
        );
    }
    assert!(store.records() <= 64 * 64, "{} records of 1,000 live ones", store.records());
    assert_eq!(store.bytes(), (10 + LABEL + 6) * store.records(), "the count of bytes is exact");
}

#[tokio::test]
async fn a_store_out_of_bytes_refuses_new_keys_and_never_outcomes() {
    let (store, clock) = store();
    let store = store.with_max_bytes(100);
    let (a, b) = (grant(&store, &claim("a", 1)).await, grant(&store, &claim("b", 1)).await);
    assert_eq!(complete(&store, &a, 60).await, Ok(Hold::Held));
    assert_eq!(complete(&store, &a, 60).await, Ok(Hold::Held), "a repeat");
    assert_eq!(store.bytes(), 60 + 2 * (LABEL + 1));
    assert_eq!(complete(&store, &b, 41).await, Ok(Hold::Held), "its effect has happened");
    assert_eq!(store.bytes(), 101 + 2 * (LABEL + 1));
    assert!(is_full(&store, &claim("c", 1)).await, "a new key can wait");
    assert!(matches!(store.claim(&claim("a", 2)).await.unwrap(), Claimed::Completed(_)));

    assert!(store.forget(claim("a", 1).key.digest()).await.unwrap());
    assert_eq!(store.bytes(), 41 + LABEL + 1);
    clock.advance(DAY);
    let c = grant(&store, &claim("b", 3)).await;
    assert_eq!(store.bytes(), LABEL + 1, "the place of an expired record is reused");
    clock.advance(LEASE);
    let word = Resolution::Completed(Outcome::new(vec![0; 7]));
    assert!(store.resolve(c.key().digest(), &word).await.unwrap());
    assert_eq!(store.bytes(), 7 + LABEL + 1);
}

#[tokio::test]
async fn an_outcome_keeps_no_larger_buffer_alive() {
    let (store, _clock) = store();
    let lease = grant(&store, &claim("k", 1)).await;
    let buffer = Bytes::from(vec![7; 1 << 20]);
    let outcome = Outcome::new(buffer.slice(..10));
    assert_eq!(
        store.complete(&Completion::new(lease.clone(), outcome.clone(), DAY)).await.unwrap(),
        Hold::Held
    );
    drop(outcome);
    assert!(buffer.is_unique(), "the store keeps a slice of its caller's buffer");
}

#[tokio::test(start_paused = true)]
async fn time_is_tokios_by_default() {
    let store = MemoryStore::new();
    grant(&store, &claim("k", 1)).await;
    tokio::time::advance(LEASE - Duration::from_millis(1)).await;
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(
        matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::Granted(grant) if grant.attempt == 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_threads_execute_each_key_once() {
    let (store, _clock) = store();
    let mut workers = tokio::task::JoinSet::new();
    for owner in 0..8 {
        let store = store.clone();
        workers.spawn(async move {
            let mut executed = 0;
            for i in 0..5_000 {
                let claim = claim(i, owner);
                loop {
                    match store.claim(&claim).await.unwrap() {
                        Claimed::Granted(grant) => {
                            executed += 1;
                            let outcome = Outcome::new(vec![owner]);
                            let hold = store
                                .complete(&Completion::new(claim.granted(grant.fence), outcome, DAY))
                                .await
                                .unwrap();
                            assert_eq!(hold, Hold::Held);
                            break;
                        }
                        Claimed::InFlight { .. } => {
                            store.wait_for_change(claim.key.digest(), LEASE).await.unwrap();
                        }
                        Claimed::Completed(_) => break,
                        answer => panic!("{answer:?}"),
                    }
                }
            }
            executed
        });
    }
    assert_eq!(workers.join_all().await.iter().sum::<usize>(), 5_000);
    let keys: usize = (0..5_000).map(|i: usize| i.to_string().len()).sum();
    assert_eq!((store.records(), store.bytes()), (5_000, 5_000 * (LABEL + 1) + keys));
}
