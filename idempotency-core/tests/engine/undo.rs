//! Claims that were refused because the store did not answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use idempotency_core::engine::Begun;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Filter, Page, Store as _};
use idempotency_core::{Idempotency, OnExpired, Policy};

use crate::gate::Gate;
use crate::{Seen, delivery};

/// Regression: with the store stopped, each refused delivery left its own background work for a whole lease.
#[tokio::test(start_paused = true)]
async fn one_task_undoes_the_claims_of_refused_deliveries_once_the_store_answers() {
    let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
    let engine = Idempotency::new(gate.clone()).with_observer(seen.clone());
    gate.shut(true);
    let begin = |n: usize| {
        let engine = engine.clone();
        tokio::spawn(async move { engine.begin(delivery(&format!("k{n}"))).await.is_err() })
    };
    let refused: Vec<_> = (0..300).map(begin).collect();
    for refused in refused {
        assert!(refused.await.unwrap(), "a store that does not answer is an outage");
    }
    gate.claims.store(0, Ordering::SeqCst);
    gate.most_claims_at_once.store(0, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(gate.claims.load(Ordering::SeqCst) <= 20, "one try at a time while the store is unreachable");
    assert_eq!(gate.most_claims_at_once.load(Ordering::SeqCst), 1);
    gate.shut(false);
    assert!(engine.drain(Duration::from_secs(5)).await, "everything is undone once it answers");
    assert_eq!(seen.count("left_to_expire"), 0);
    let Begun::Run(execution) = engine.begin(delivery("k7")).await.unwrap() else {
        panic!("expected the key to be free")
    };
    assert_eq!(execution.context().attempt(), 1, "an undone claim does not count");
    execution.release().await;
    tokio::time::advance(Duration::from_secs(301)).await;
    let left = gate.store.list(&Filter::all(), &Page::first(1000)).await.unwrap().records;
    assert_eq!(left.len(), 1, "no record is left of deliveries that never ran");
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_undone_is_observed() {
    let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
    let policy = Policy::webhook().with_on_expired(OnExpired::InDoubt);
    let engine = Idempotency::new(gate.clone()).with_observer(seen.clone()).with_policy(policy);
    gate.shut(true);
    for n in 0..5 {
        assert!(engine.begin(delivery(&format!("k{n}"))).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(engine.drain(Duration::ZERO).await, "nothing is tried for longer than a lease");
    assert_eq!(seen.count("left_to_expire"), 5);
}

/// Regression: the task that undoes claims panicked if a store returned too few answers.
#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_the_store_omits_is_undone_later() {
    let gate = Gate::new(MemoryStore::new());
    let engine = Idempotency::new(gate.clone());
    gate.shut(true);
    for key in ["a", "b"] {
        assert!(engine.begin(delivery(key)).await.is_err());
    }
    gate.shut(false);
    // Omits one answer of the first claims, and one of the first releases.
    gate.omitted.store(2, Ordering::SeqCst);
    assert!(engine.drain(Duration::from_secs(10)).await, "everything is undone");
    assert_eq!(gate.omitted.load(Ordering::SeqCst), 0);
    for key in ["a", "b"] {
        assert!(matches!(engine.begin(delivery(key)).await, Ok(Begun::Run(_))), "{key} is free");
    }
}
