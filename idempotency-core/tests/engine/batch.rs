//! Batches: one key and one completion per item, and one call of the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idempotency_core::engine::{BatchResult, Begun, ItemResult, RanBatch};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{
    Delivery, Fingerprint, Idempotency, OnExpired, OnOutage, Order, Outcome, Policy, Resource, RunError,
    Scope, Version,
};

use crate::gate::{Gate, OneByOne};
use crate::{Seen, delivery};

const LEASE: Duration = Duration::from_secs(30);

fn batch(keys: &[&str]) -> Vec<Delivery> {
    keys.iter().map(|key| delivery(key)).collect()
}

fn engine() -> Idempotency {
    Idempotency::new(MemoryStore::new()).with_policy(Policy::webhook().with_wait(Duration::ZERO))
}

/// Runs a batch with a handler that succeeds. Also returns the indices of the new items.
async fn ran(engine: &Idempotency, deliveries: Vec<Delivery>) -> (BatchResult, Vec<usize>) {
    let new = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&new);
    let ran = engine.run_batch(deliveries, move |batch| async move {
        seen.lock().unwrap().extend(batch.new_items().iter().map(|item| item.index()));
        Ok::<_, ()>(())
    });
    let RanBatch::Ran(result) = ran.await.unwrap() else { panic!("expected a run under claims") };
    let new = new.lock().unwrap().clone();
    (result, new)
}

#[tokio::test]
async fn an_id_that_comes_twice_in_one_batch_is_one_item() {
    let engine = engine();
    let (result, new) = ran(&engine, batch(&["b", "a", "b", "a", "c"])).await;
    assert_eq!(new, [0, 1, 4]);
    assert!(result.is_done());
    assert_eq!(result.items, [0, 1, 4].map(|index| (index, ItemResult::Recorded)));
    let (result, new) = ran(&engine, batch(&["c", "d", "a"])).await;
    assert_eq!(new, [1], "only the new item");
    let replayed = ItemResult::Replayed;
    assert_eq!(result.items, [(0, replayed), (1, ItemResult::Recorded), (2, replayed)]);
    assert!(result.is_done());
}

#[tokio::test]
async fn a_batch_without_anything_new_does_not_call_the_handler() {
    let engine = engine();
    ran(&engine, batch(&["a", "b"])).await;
    let ran = engine.run_batch(batch(&["b", "a"]), |_| async { Err("never called") }).await.unwrap();
    assert!(ran.may_be_acknowledged());
    let ran = engine.run_batch(Vec::new(), |_| async { Err("never called") }).await.unwrap();
    assert!(ran.may_be_acknowledged(), "an empty batch is done");
}

#[tokio::test(start_paused = true)]
async fn two_overlapping_batches_in_opposite_order_both_end() {
    for _ in 0..50 {
        let engine = Idempotency::new(Gate::new(MemoryStore::new()));
        let runs = Arc::new(AtomicUsize::new(0));
        let start = |keys: &'static [&'static str]| {
            let (engine, runs) = (engine.clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                let work = engine.run_batch(batch(keys), move |batch| async move {
                    runs.fetch_add(batch.new_items().len(), Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Ok::<_, ()>(())
                });
                work.await.unwrap().may_be_acknowledged()
            })
        };
        let (one, two) = (start(&["a", "b", "c", "x"]), start(&["y", "c", "b", "a"]));
        assert!(one.await.unwrap() && two.await.unwrap(), "each waits for what the other holds");
        assert_eq!(runs.load(Ordering::SeqCst), 5, "each key runs once");
    }
}

#[tokio::test]
async fn an_item_that_always_fails_does_not_delay_99_good_ones() {
    let engine = engine();
    let keys: Vec<String> = (0..100).map(|n| format!("k{n}")).collect();
    let deliveries = || keys.iter().map(|key| delivery(key)).collect::<Vec<_>>();
    for attempt in 1..4 {
        let ran = engine.run_batch(deliveries(), move |batch| async move {
            let new: Vec<_> = batch.new_items().iter().map(|item| item.index()).collect();
            assert_eq!(new.len(), if attempt == 1 { 100 } else { 1 });
            assert_eq!(batch.new_items()[0].context().attempt(), if attempt == 1 { 1 } else { attempt });
            batch.fail(42);
            Ok::<_, ()>(())
        });
        let RanBatch::Ran(result) = ran.await.unwrap() else { panic!("expected a run under claims") };
        assert!(!result.is_done(), "the sender must send it again");
        let failed: Vec<_> = result.items.iter().filter(|(_, item)| !item.is_done()).collect();
        assert_eq!(failed, [&(42, ItemResult::Failed)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_between_two_completions_leaves_only_the_rest_to_be_run_again() {
    let gate = Gate::new(MemoryStore::new());
    gate.completions_until_stuck.store(3, Ordering::SeqCst);
    let dying = Idempotency::new(gate.clone());
    let keys = ["a", "b", "c", "d", "e", "f"];
    // The worker's process ends, and its background tasks end with it.
    let mut work = Box::pin(dying.begin_batch(batch(&keys)));
    let mut begun = work.as_mut().await.unwrap();
    begun.renew_while(async {}).await;
    let completing = begun.complete(Outcome::new("done"));
    let stuck = tokio::time::timeout(Duration::from_secs(1), async {
        tokio::pin!(completing);
        std::future::poll_fn(|cx| completing.as_mut().poll(cx)).await
    });
    let dead = tokio::spawn(async move { stuck.await.is_err() });
    tokio::task::yield_now().await;
    while gate.completions.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    dead.abort();
    gate.shut(true);
    tokio::time::advance(LEASE).await;
    gate.shut(false);
    gate.completions_until_stuck.store(usize::MAX, Ordering::SeqCst);
    let other = Idempotency::new(gate.store.clone());
    let (result, new) = ran(&other, batch(&keys)).await;
    assert_eq!(new.len(), 3, "three were recorded before it died");
    assert!(result.is_done());
}

#[tokio::test]
async fn a_mismatch_or_an_item_in_doubt_is_not_done_after_the_others_ran() {
    let engine = engine().map_policy(|policy| policy.with_on_expired(OnExpired::InDoubt));
    let marked = |key, body: &[u8]| delivery(key).with_fingerprint(Fingerprint::of(body));
    ran(&engine, vec![marked("m", b"one")]).await;
    let Begun::Run(execution) = engine.begin(delivery("d")).await.unwrap() else {
        panic!("expected a grant")
    };
    execution.fail().await;
    let deliveries = vec![marked("m", b"two"), delivery("d"), delivery("n")];
    let (result, new) = ran(&engine, deliveries).await;
    assert_eq!(new, [2]);
    let expected = [ItemResult::Mismatch, ItemResult::InDoubt, ItemResult::Recorded];
    assert_eq!(result.items.iter().map(|(_, item)| *item).collect::<Vec<_>>(), expected);
    assert!(!result.is_done());
}

/// Regression: the later delivery was dropped without a trace, and acknowledged.
#[tokio::test]
async fn an_id_that_comes_again_in_one_batch_with_another_fingerprint_is_a_mismatch() {
    let seen = Seen::default();
    let engine = engine().with_observer(seen.clone());
    let marked = |key, body: &[u8]| delivery(key).with_fingerprint(Fingerprint::of(body));
    let deliveries = vec![
        marked("a", b"charge 1"),
        marked("a", b"charge 2"),
        delivery("b"),
        marked("a", b"charge 1"),
        marked("a", b"charge 3"),
    ];
    let (result, new) = ran(&engine, deliveries).await;
    assert_eq!(new, [0, 2]);
    let (recorded, mismatch) = (ItemResult::Recorded, ItemResult::Mismatch);
    assert_eq!(result.items, [(0, recorded), (1, mismatch), (2, recorded), (4, mismatch)]);
    assert!(!result.is_done());
    assert_eq!(seen.count("mismatch"), 2);
}

/// Without claims both run, as each would alone.
#[tokio::test(start_paused = true)]
async fn during_an_outage_an_id_that_comes_again_with_another_fingerprint_runs_too() {
    let gate = Gate::new(MemoryStore::new());
    let engine = Idempotency::new(gate.clone()).map_policy(|policy| policy.with_on_outage(OnOutage::Proceed));
    gate.shut(true);
    let marked = |body: &[u8]| delivery("a").with_fingerprint(Fingerprint::of(body));
    let deliveries = vec![marked(b"charge 1"), marked(b"charge 2"), marked(b"charge 1")];
    let batch = engine.begin_batch(deliveries).await.unwrap();
    assert!(!batch.is_protected());
    assert_eq!(batch.context().new_items().iter().map(|item| item.index()).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn a_stale_item_is_done_without_being_run() {
    let engine = engine();
    let at = |key, version| {
        let resource = Resource::new(&Scope::endpoint("tests"), "customer", "cus_1");
        delivery(key).with_order(Order::new(resource, Version::new(version)))
    };
    ran(&engine, vec![at("newer", 2)]).await;
    let (result, new) = ran(&engine, vec![at("older", 1), delivery("n")]).await;
    assert_eq!((new, result.is_done()), (vec![1], true));
    assert!(result.contains(ItemResult::Stale));
}

#[tokio::test]
async fn a_handler_that_fails_or_panics_frees_every_new_item() {
    let engine = engine();
    let failed = engine.run_batch(batch(&["a", "b"]), |_| async { Err("no") }).await;
    assert!(matches!(failed, Err(RunError::Handler("no"))));
    let panicking = engine.clone();
    let panicked = tokio::spawn(async move {
        let work = panicking.run_batch(batch(&["a", "b"]), |batch| async move {
            assert!(batch.is_empty(), "this handler panics");
            Ok::<_, ()>(())
        });
        work.await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    let Begun::Run(execution) = engine.begin(delivery("b")).await.unwrap() else {
        panic!("expected the key to be free")
    };
    assert_eq!(execution.context().attempt(), 3);
}

/// Uses a store without its own operations on many keys.
#[tokio::test(start_paused = true)]
async fn by_default_the_keys_of_a_batch_do_not_wait_for_each_other() {
    let gate = Gate::new(MemoryStore::new());
    let (result, _) = ran(&Idempotency::new(OneByOne(gate.clone())), batch(&["a", "b", "c"])).await;
    assert!(result.is_done());
    assert_eq!(gate.most_claims_at_once.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn a_long_batch_is_renewed() {
    let engine = engine();
    let mut begun = engine.begin_batch(batch(&["a", "b"])).await.unwrap();
    begun.renew_while(tokio::time::sleep(3 * LEASE)).await;
    let (result, _) = ran(&engine, batch(&["b"])).await;
    assert!(result.contains(ItemResult::InFlight));
    assert!(begun.complete(Outcome::new("done")).await.is_done());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_never_started_is_released_and_does_not_count() {
    let engine = engine();
    drop(engine.begin_batch(batch(&["a", "b"])).await.unwrap());
    assert!(engine.drain(LEASE).await);
    let Begun::Run(execution) = engine.begin(delivery("a")).await.unwrap() else {
        panic!("expected the key to be free")
    };
    assert_eq!(execution.context().attempt(), 1);
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_a_batch_is_refused_or_runs_unprotected_as_a_whole() {
    let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
    let engine = Idempotency::new(gate.clone()).with_observer(seen.clone());
    gate.shut(true);
    let refused = engine.run_batch(batch(&["a", "b"]), |_| async { Ok::<_, ()>(()) }).await;
    assert!(matches!(refused, Err(RunError::Store(_))));
    let proceeding = engine.clone().map_policy(|policy| policy.with_on_outage(OnOutage::Proceed));
    let ran = proceeding.run_batch(batch(&["a", "b"]), |batch| async move {
        assert!(batch.new_items().iter().all(|item| !item.context().is_protected()));
        Ok::<_, ()>(())
    });
    assert_eq!(ran.await.unwrap(), RanBatch::Unprotected { failed: Vec::new() });
    assert_eq!((seen.count("outage"), seen.count("unprotected")), (2, 2));
    gate.shut(false);
    assert!(engine.drain(LEASE).await, "claims that may have been granted are released");
    let Begun::Run(execution) = engine.begin(delivery("a")).await.unwrap() else {
        panic!("expected the key to be free")
    };
    assert_eq!(execution.context().attempt(), 1);
}

/// Regression: a store that returned too few answers made the batch panic.
#[tokio::test(start_paused = true)]
async fn a_store_that_omits_an_answer_is_asked_again_for_that_item() {
    let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
    let engine = Idempotency::new(gate.clone()).with_observer(seen.clone());
    let omitted = Arc::clone(&gate.omitted);
    omitted.store(1, Ordering::SeqCst);
    let ran = engine.run_batch(batch(&["a", "b"]), move |batch| async move {
        assert_eq!(batch.new_items().len(), 2, "both are claimed");
        omitted.store(1, Ordering::SeqCst);
        tokio::time::sleep(LEASE).await;
        assert!(batch.new_items().iter().all(|item| !item.context().is_lease_lost()), "both are renewed");
        omitted.store(1, Ordering::SeqCst);
        Ok::<_, ()>(())
    });
    let RanBatch::Ran(result) = ran.await.unwrap() else { panic!("expected a run under claims") };
    assert!(result.is_done(), "both are recorded: {result:?}");
    assert_eq!((gate.omitted.load(Ordering::SeqCst), seen.count("renewal_failed")), (0, 1));
}
