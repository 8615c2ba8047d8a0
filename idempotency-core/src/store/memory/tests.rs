//! Properties that the store contract does not show: sizes, and cleaning up.

use std::sync::Arc;
use std::time::Duration;

use super::totals::Totals;
use super::*;
use crate::clock::ManualClock;
use crate::{Key, Outcome, Scope, ScopedKey};

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);

fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::default(), Scope::endpoint("memory"), Key::new(name).unwrap())
}

fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), LEASE, DAY)
}

async fn granted(store: &MemoryStore, claim: &Claim) -> Lease {
    match store.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("not granted: {answer:?}"),
    }
}

fn waiting(store: &MemoryStore, name: &str) -> usize {
    store.shards.records(key(name).digest()).waiting.values().map(|waiting| waiting.waiters).sum()
}

#[test]
fn an_entry_has_88_bytes() {
    assert_eq!(size_of::<Entry>(), 88);
}

/// Also the record that takes the place of an expired one.
#[tokio::test]
async fn records_share_the_text_of_their_endpoint_until_none_uses_it() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(Arc::clone(&clock));
    // All are in one shard.
    let shard = |name: &&String| key(name).digest().as_bytes()[0].is_multiple_of(64);
    let names: Vec<String> =
        (0..4_000).map(|number| number.to_string()).filter(|name| shard(&name)).collect();
    let endpoint = async |name: &str| {
        granted(&store, &claim(name, 1)).await;
        store.load(key(name).digest()).await.unwrap().unwrap().label.endpoint.unwrap()
    };
    let first = endpoint(&names[0]).await;
    assert!(Arc::ptr_eq(&first, &endpoint(&names[1]).await));
    let bytes = store.bytes();
    clock.advance(LEASE + 2 * DAY);
    assert!(Arc::ptr_eq(&first, &endpoint(&names[0]).await));
    assert_eq!(store.bytes(), bytes);
    assert!(store.forget(key(&names[0]).digest()).await.unwrap());
    // The rest of the expired records goes with the next sweep, and the text with the last of them.
    for name in &names[2..66] {
        let mut other = claim(name, 1);
        other.label.endpoint = Some("other".into());
        granted(&store, &other).await;
    }
    assert!(!Arc::ptr_eq(&first, &endpoint(&names[0]).await));
}

#[tokio::test]
async fn endpoints_without_records_do_not_pile_up() {
    let store = MemoryStore::new().with_clock(ManualClock::new());
    for number in 0..1_000 {
        let mut claim = claim("k", 1);
        claim.label.endpoint = Some(number.to_string().into());
        granted(&store, &claim).await;
        assert!(store.forget(claim.key.digest()).await.unwrap());
    }
    let kept = store.shards.records(key("k").digest()).endpoints.len();
    assert!(kept <= 64, "{kept}");
}

/// A clock of a user's own may start at zero.
#[tokio::test]
async fn a_lease_that_ends_at_time_zero_is_over() {
    #[derive(Debug)]
    struct Zero;
    impl Clock for Zero {
        fn now(&self) -> Duration {
            Duration::ZERO
        }
        fn unix_time(&self) -> Duration {
            Duration::ZERO
        }
    }
    let store = MemoryStore::new().with_clock(Zero);
    let lease = granted(&store, &claim("k", 1)).await;
    assert_eq!(store.release(&lease, Release::Abandoned).await.unwrap(), Hold::Held);
    assert!(
        matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::Granted(grant) if grant.attempt == 2)
    );
}

#[test]
fn a_store_that_is_exactly_full_has_no_room() {
    let (totals, limits) = (Totals::default(), Limits { records: 1, bytes: 5 });
    totals.add_bytes(5);
    assert!(!totals.add_record(0, &limits));
    totals.remove_bytes(1);
    assert!(totals.add_record(0, &limits));
    assert!(!totals.add_record(0, &limits));
}

#[tokio::test]
async fn a_cancelled_waiter_leaves_nothing_behind() {
    let store = MemoryStore::new().with_clock(ManualClock::new());
    granted(&store, &claim("k", 1)).await;
    let wait = |store: MemoryStore| async move { store.wait_for_change(key("k").digest(), DAY).await };
    let tasks = [tokio::spawn(wait(store.clone())), tokio::spawn(wait(store.clone()))];
    while waiting(&store, "k") < 2 {
        tokio::task::yield_now().await;
    }
    for task in tasks {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }
    assert!(store.shards.records(key("k").digest()).waiting.is_empty());
}

#[tokio::test]
async fn a_woken_waiter_leaves_nothing_behind() {
    let store = MemoryStore::new().with_clock(ManualClock::new());
    let lease = granted(&store, &claim("k", 1)).await;
    let waiter = tokio::spawn({
        let store = store.clone();
        async move { store.wait_for_change(key("k").digest(), DAY).await }
    });
    while waiting(&store, "k") < 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.complete(&Completion::new(lease, Outcome::new("done"), DAY)).await.unwrap(), Hold::Held);
    assert!(store.shards.records(key("k").digest()).waiting.is_empty());
    waiter.await.unwrap().unwrap();
    assert!(store.shards.records(key("k").digest()).waiting.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_waiter_returns_when_the_lease_runs_out() {
    let store = MemoryStore::new();
    granted(&store, &claim("k", 1)).await;
    let began = tokio::time::Instant::now();
    store.wait_for_change(key("k").digest(), DAY).await.unwrap();
    assert!(began.elapsed() <= LEASE + Duration::from_millis(1));
    assert!(
        matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::Granted(grant) if grant.attempt == 2)
    );
}

#[tokio::test]
async fn debug_prints_no_content() {
    let store = MemoryStore::new().with_clock(Arc::new(ManualClock::new()));
    let lease = granted(&store, &claim("k", 1)).await;
    let _ = store.complete(&Completion::new(lease, Outcome::new("secret"), DAY)).await.unwrap();
    assert_eq!(format!("{store:?}"), "MemoryStore { records: 1, bytes: 13, .. }");
}

#[tokio::test]
async fn the_retention_counts_from_the_end_of_the_lease_for_any_durations() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(Arc::clone(&clock));
    for (number, lease) in [LEASE, 365 * 500 * DAY, Duration::MAX].into_iter().enumerate() {
        for (letter, retention) in [("a", DAY), ("b", 365 * 500 * DAY), ("c", Duration::MAX)] {
            let name = format!("{letter}{number}");
            let mut claim = claim(&name, 1);
            (claim.lease, claim.retention) = (lease, retention);
            let granted = granted(&store, &claim).await;
            assert_eq!(store.renew(&granted, Duration::MAX).await.unwrap(), Hold::Held);
            assert_eq!(store.renew(&granted, LEASE).await.unwrap(), Hold::Held);
            clock.advance(LEASE + DAY / 2);
            let view = store.load(key(&name).digest()).await.unwrap().expect("it is kept");
            assert_eq!(view.state, crate::StateView::Abandoned, "{lease:?} {retention:?}");
        }
    }
}

#[tokio::test]
async fn a_label_counts_toward_the_bytes_while_its_record_is_kept() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(Arc::clone(&clock)).with_max_bytes(16);
    let lease = granted(&store, &claim("k1", 1)).await;
    assert_eq!(store.bytes(), "memory".len() + "k1".len());
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    let lease = granted(&store, &claim("k1", 2)).await;
    assert_eq!(store.bytes(), 8, "a later grant does not count twice");
    assert_eq!(store.complete(&Completion::new(lease, Outcome::new("1"), DAY)).await.unwrap(), Hold::Held);
    granted(&store, &claim("k2", 1)).await;
    assert_eq!(store.bytes(), 17);
    assert_eq!(store.claim(&claim("k3", 1)).await.unwrap_err().kind(), StoreErrorKind::Full);
    assert!(store.forget(key("k1").digest()).await.unwrap());
    assert_eq!(store.bytes(), 8);
    clock.advance(2 * DAY);
    store.shards.sweep(Ticks::of(store.clock.now()));
    assert_eq!((store.records(), store.bytes()), (0, 0));
}
