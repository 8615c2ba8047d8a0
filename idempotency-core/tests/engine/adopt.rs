//! Executions that are written down in one place and taken up in another.

use std::sync::atomic::Ordering;
use std::time::Duration;

use idempotency_core::engine::{AdoptError, Adoption, Begun, CompletionResult, Execution, WrittenDown};
use idempotency_core::{
    Idempotency, MemoryStore, Namespace, OnExpired, Order, Outcome, Policy, Resource, Scope, Version,
};

use crate::delivery;
use crate::gate::Gate;

const LEASE: Duration = Duration::from_secs(30);
const BETWEEN: Duration = Duration::from_secs(600);

async fn run(engine: &Idempotency, key: &str) -> Execution {
    match engine.begin(delivery(key)).await.unwrap() {
        Begun::Run(execution) => execution,
        other => panic!("not granted: {other:?}"),
    }
}

/// As it would travel to another process.
fn sent(written: &WrittenDown) -> WrittenDown {
    serde_json::from_slice(&serde_json::to_vec(written).unwrap()).unwrap()
}

async fn taken_up(engine: &Idempotency, written: &WrittenDown) -> Option<Execution> {
    match engine.adopt(sent(written)).await.unwrap() {
        Adoption::Run(execution) => Some(execution),
        Adoption::Lost => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_taken_up_once_with_a_larger_fence_and_goes_on_as_the_same_attempt() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let execution = run(&here, "k").await;
    let (fence, derived) = (execution.context().fence(), execution.context().derive_key("charge"));
    let written = execution.write_down(BETWEEN).await.unwrap();
    tokio::time::advance(BETWEEN - LEASE).await;
    let adopted = taken_up(&there, &written).await.expect("its lease lasts");
    assert!(adopted.context().fence() > fence);
    assert_eq!(adopted.context().attempt(), 1);
    assert_eq!(adopted.context().derive_key("charge"), derived);
    assert!(taken_up(&here, &written).await.is_none(), "the same bytes are taken up once");
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    assert!(matches!(here.begin(delivery("k")).await.unwrap(), Begun::Replay(done) if done.attempt == 1));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_execution_is_renewed_from_then_on() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let written = run(&here, "k").await.write_down(BETWEEN).await.unwrap();
    let mut adopted = taken_up(&there, &written).await.unwrap();
    adopted.drive(tokio::time::sleep(3 * LEASE)).await;
    let other = Idempotency::clone(&here).map_policy(|policy| policy.with_wait(Duration::ZERO));
    assert!(matches!(other.begin(delivery("k")).await.unwrap(), Begun::Conflict { .. }));
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn after_a_takeover_nothing_is_taken_up() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let written = run(&here, "k").await.write_down(BETWEEN).await.unwrap();
    tokio::time::advance(BETWEEN + LEASE).await;
    let successor = run(&there, "k").await;
    assert_eq!(successor.context().attempt(), 2);
    assert!(taken_up(&here, &written).await.is_none());
    assert_eq!(successor.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    assert!(taken_up(&here, &written).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn while_it_is_written_down_it_is_neither_released_nor_run_elsewhere() {
    let engine =
        Idempotency::new(MemoryStore::new()).with_policy(Policy::webhook().with_wait(Duration::ZERO));
    let written = run(&engine, "k").await.write_down(BETWEEN).await.unwrap();
    assert!(engine.drain(Duration::ZERO).await, "nothing goes on in the background");
    tokio::time::advance(BETWEEN - LEASE).await;
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::Conflict { .. }));
    assert!(taken_up(&engine, &written).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lost_execution_is_not_written_down() {
    let store = MemoryStore::new();
    let engine = Idempotency::new(store);
    let execution = run(&engine, "k").await;
    tokio::time::advance(2 * LEASE).await;
    let successor = run(&engine, "k").await;
    let refused = execution.write_down(BETWEEN).await.unwrap_err();
    assert!(refused.is_lost());
    drop(refused.into_execution());
    successor.release().await;
}

#[tokio::test]
async fn order_and_attributes_travel_and_another_namespace_does_not_take_it_up() {
    let engine = Idempotency::new(MemoryStore::new()).with_name("stripe");
    let order = Order::new(Resource::new(&Scope::endpoint("tests"), "customer", "cus_1"), Version::new(7));
    let ordered = delivery("k").with_order(order.clone()).with_attribute("type", "customer.updated");
    let Begun::Run(execution) = engine.begin(ordered).await.unwrap() else { panic!("it is new") };
    let written = execution.write_down(BETWEEN).await.unwrap();
    assert!(!format!("{written:?}").contains("\"k\""), "neither key nor attributes are printed");
    let elsewhere = MemoryStore::new().with_namespace(Namespace::new("other").unwrap());
    let refused = Idempotency::new(elsewhere).adopt(sent(&written)).await.unwrap_err();
    assert!(matches!(refused, AdoptError::OtherNamespace));
    let adopted = taken_up(&engine, &written).await.unwrap();
    assert_eq!(adopted.context().order(), Some(&order));
    assert_eq!(adopted.context().event_type(), Some("customer.updated"));
    assert_eq!(adopted.context().provider(), "stripe");
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    let newest = engine.store().newest(order.resource().digest(engine.store().namespace())).await.unwrap();
    assert_eq!(newest, Some(Version::new(7)));
}

#[tokio::test(start_paused = true)]
async fn an_adoption_that_is_heard_of_after_a_takeover_runs_nothing() {
    let gate = Gate::new(MemoryStore::new());
    let policy = Policy::webhook().with_lease(Duration::from_secs(1)).with_wait(Duration::ZERO);
    let here = Idempotency::new(gate.clone()).with_policy(policy.clone());
    let there = Idempotency::new(gate.store.clone()).with_policy(policy);
    for (late, is_taken_over) in [(1400, true), (1400, false), (0, false)] {
        let key = format!("{late} {is_taken_over}");
        let written = run(&here, &key).await.write_down(BETWEEN).await.unwrap();
        gate.adoption_is_late_by.store(late, Ordering::SeqCst);
        let adopting = tokio::spawn({
            let (here, written) = (here.clone(), sent(&written));
            async move { here.adopt(written).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let successor = if is_taken_over { Some(run(&there, &key).await) } else { None };
        let adoption = adopting.await.unwrap();
        assert_eq!(matches!(adoption, Adoption::Lost), is_taken_over, "{key}");
        if let Adoption::Run(execution) = adoption {
            // Heard of late, it was renewed; else it has run out meanwhile, since nothing drove it.
            assert_eq!(execution.context().is_lease_lost(), late == 0, "{key}");
        }
        drop(successor);
    }
}
/// Deadline and expiry were both the end of the store's time, so the next renewal left nothing of the retention.
#[tokio::test(start_paused = true)]
async fn what_was_written_down_for_ever_is_in_doubt_after_its_adopter_died() {
    for lease in [BETWEEN, Duration::MAX] {
        let policy = Policy::webhook().with_on_expired(OnExpired::InDoubt).with_wait(Duration::ZERO);
        let engine = Idempotency::new(MemoryStore::new()).with_policy(policy);
        let written = run(&engine, "k").await.write_down(lease).await.unwrap();
        // Its process dies.
        std::mem::forget(taken_up(&engine, &written).await.unwrap());
        tokio::time::advance(2 * LEASE).await;
        assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::InDoubt), "{lease:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_whose_lease_lasts_for_ever_keeps_its_keys() {
    let policy = Policy::webhook().with_lease(Duration::MAX).with_wait(Duration::ZERO);
    let engine = Idempotency::new(MemoryStore::new()).with_policy(policy);
    let execution = run(&engine, "k").await;
    tokio::time::advance(365 * 144 * BETWEEN).await;
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::Conflict { .. }));
    assert_eq!(execution.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    tokio::time::advance(365 * 144 * BETWEEN).await;
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::Replay(_)));
}
