//! Batches on a store with one failing key: the other items are not affected.

use std::time::Duration;

use idempotency_core::engine::{Begun, ItemResult, RanBatch};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Idempotency, Key, Policy, Scope};
use tokio::time::Instant;

use crate::delivery;
use crate::gate::Gate;

const LEASE: Duration = Duration::from_secs(10);

fn policy() -> Policy {
    Policy::webhook().with_lease(LEASE).with_wait(Duration::ZERO)
}

/// An engine on a store where renewals and loads of the key "bad" fail after this time.
fn engine(after: Duration) -> (Idempotency, Gate) {
    let gate = Gate::new(MemoryStore::new());
    let engine = Idempotency::new(gate.clone()).with_policy(policy());
    gate.fail(engine.digest_of(&Scope::endpoint("tests"), &Key::new("bad").unwrap()), after);
    (engine, gate)
}

/// Runs a batch of a healthy and a bad item for several leases. The batch must keep the healthy item.
async fn assert_healthy_item_is_held(fails_after: Duration) {
    let (engine, gate) = engine(fails_after);
    let other = Idempotency::new(gate.store.clone()).with_policy(policy());
    let mut batch = engine.begin_batch(vec![delivery("bad"), delivery("good")]).await.unwrap();
    let good = batch.context().new_items()[1].context().clone();
    let began = Instant::now();
    let rivals = async {
        while began.elapsed() < 4 * LEASE {
            let begun = other.begin(delivery("good")).await.unwrap();
            assert!(matches!(begun, Begun::Conflict { .. }), "granted after {:?}", began.elapsed());
            assert!(!good.is_lease_lost(), "lost after {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    batch.renew_while(rivals).await;
    batch.release().await;
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_renewal_fails_costs_no_other_item_its_lease() {
    assert_healthy_item_is_held(Duration::from_millis(1270)).await;
}

#[tokio::test(start_paused = true)]
async fn an_item_whose_renewal_hangs_costs_no_other_item_its_lease() {
    assert_healthy_item_is_held(100 * LEASE).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_delays_a_batch_by_no_more_than_its_wait() {
    let wait = Duration::from_secs(2);
    let (engine, gate) = engine(100 * LEASE);
    let engine = engine.map_policy(|policy| policy.with_wait(wait));
    let Begun::Run(held) = Idempotency::new(gate.store.clone()).begin(delivery("bad")).await.unwrap() else {
        panic!("expected a grant")
    };
    let began = Instant::now();
    let work = engine.run_batch(vec![delivery("good"), delivery("bad")], |_| async { Ok::<_, ()>(()) });
    let RanBatch::Ran(result) = tokio::time::timeout(LEASE, work).await.unwrap().unwrap() else {
        panic!("expected a run under claims")
    };
    assert_eq!(result.items, [(0, ItemResult::Recorded), (1, ItemResult::InFlight)]);
    assert!(began.elapsed() <= wait + Duration::from_millis(10));
    held.release().await;
}
