//! Claims that were refused because the store did not answer.

use std::sync::atomic::Ordering;
use std::time::Duration;

use idempotency_core::engine::Begun;
use idempotency_core::store::{Filter, Page};
use idempotency_core::{Idempotency, MemoryStore, OnExpired, Policy, Store as _};

use crate::gate::Gate;
use crate::{Seen, delivery};

/// With the store stopped, refused deliveries left as much work in the background as there were, for as long as a lease.
#[tokio::test(start_paused = true)]
async fn refused_deliveries_are_given_back_by_one_task_when_the_store_answers() {
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
    assert!(gate.claims.load(Ordering::SeqCst) <= 20, "one question at a time while the store is away");
    assert_eq!(gate.most_claims_at_once.load(Ordering::SeqCst), 1);
    gate.shut(false);
    assert!(engine.drain(Duration::from_secs(5)).await, "everything is given back once it answers");
    assert_eq!(seen.count("unsettled"), 0);
    let Begun::Run(execution) = engine.begin(delivery("k7")).await.unwrap() else { panic!("it is free") };
    assert_eq!(execution.context().attempt(), 1, "an undone claim does not count");
    execution.release().await;
    tokio::time::advance(Duration::from_secs(301)).await;
    let left = gate.store.list(&Filter::all(), &Page::first(1000)).await.unwrap().records;
    assert_eq!(left.len(), 1, "no record is left of what never ran");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_given_back_is_observed() {
    let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
    let policy = Policy::webhook().with_on_expired(OnExpired::InDoubt);
    let engine = Idempotency::new(gate.clone()).with_observer(seen.clone()).with_policy(policy);
    gate.shut(true);
    for n in 0..5 {
        assert!(engine.begin(delivery(&format!("k{n}"))).await.is_err());
    }
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(engine.drain(Duration::ZERO).await, "nothing is tried for longer than a lease");
    assert_eq!(seen.count("unsettled"), 5);
}

/// The task that gives claims back panicked where a store of another crate gave too few answers.
#[tokio::test(start_paused = true)]
async fn what_the_store_leaves_out_when_claims_are_given_back_is_given_back_later() {
    let gate = Gate::new(MemoryStore::new());
    let engine = Idempotency::new(gate.clone());
    gate.shut(true);
    for key in ["a", "b"] {
        assert!(engine.begin(delivery(key)).await.is_err());
    }
    gate.shut(false);
    // Of the first claims, and then of the first releases.
    gate.left_out.store(2, Ordering::SeqCst);
    assert!(engine.drain(Duration::from_secs(10)).await, "everything is given back");
    assert_eq!(gate.left_out.load(Ordering::SeqCst), 0);
    for key in ["a", "b"] {
        assert!(matches!(engine.begin(delivery(key)).await, Ok(Begun::Run(_))), "{key} is free");
    }
}
