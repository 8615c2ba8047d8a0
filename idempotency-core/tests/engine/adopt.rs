//! Executions that are suspended in one process and adopted in another.

use std::sync::atomic::Ordering;
use std::time::Duration;

use idempotency_core::engine::{AdoptError, Adoption, Begun, CompletionResult, Execution, Suspended};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Idempotency, Namespace, OnExpired, Order, Outcome, Policy, Resource, Scope, Version};

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

/// Passes a suspended execution through its serialized form, as on the way to another process.
fn transferred(suspended: &Suspended) -> Suspended {
    serde_json::from_slice(&serde_json::to_vec(suspended).unwrap()).unwrap()
}

async fn adopt(engine: &Idempotency, suspended: &Suspended) -> Option<Execution> {
    match engine.adopt(transferred(suspended)).await.unwrap() {
        Adoption::Run(execution) => Some(execution),
        Adoption::Lost => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_is_adopted_once_with_a_larger_fence_as_the_same_attempt() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let execution = run(&here, "k").await;
    let (fence, derived) = (execution.context().fence(), execution.context().derive_key("charge"));
    let suspended = execution.suspend(BETWEEN).await.unwrap();
    tokio::time::advance(BETWEEN - LEASE).await;
    let adopted = adopt(&there, &suspended).await.expect("its lease lasts");
    assert!(adopted.context().fence() > fence);
    assert_eq!(adopted.context().attempt(), 1);
    assert_eq!(adopted.context().derive_key("charge"), derived);
    assert!(adopt(&here, &suspended).await.is_none(), "the same bytes are adopted only once");
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    assert!(matches!(here.begin(delivery("k")).await.unwrap(), Begun::Replay(done) if done.attempt == 1));
}

#[tokio::test(start_paused = true)]
async fn an_adopted_execution_is_renewed() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let suspended = run(&here, "k").await.suspend(BETWEEN).await.unwrap();
    let mut adopted = adopt(&there, &suspended).await.unwrap();
    adopted.renew_while(tokio::time::sleep(3 * LEASE)).await;
    let other = Idempotency::clone(&here).map_policy(|policy| policy.with_wait(Duration::ZERO));
    assert!(matches!(other.begin(delivery("k")).await.unwrap(), Begun::Conflict { .. }));
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn a_suspended_execution_that_was_taken_over_cannot_be_adopted() {
    let store = MemoryStore::new();
    let (here, there) = (Idempotency::new(store.clone()), Idempotency::new(store));
    let suspended = run(&here, "k").await.suspend(BETWEEN).await.unwrap();
    tokio::time::advance(BETWEEN + LEASE).await;
    let successor = run(&there, "k").await;
    assert_eq!(successor.context().attempt(), 2);
    assert!(adopt(&here, &suspended).await.is_none());
    assert_eq!(successor.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    assert!(adopt(&here, &suspended).await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_execution_is_neither_released_nor_run_elsewhere() {
    let engine =
        Idempotency::new(MemoryStore::new()).with_policy(Policy::webhook().with_wait(Duration::ZERO));
    let suspended = run(&engine, "k").await.suspend(BETWEEN).await.unwrap();
    assert!(engine.drain(Duration::ZERO).await, "nothing is left in the background");
    tokio::time::advance(BETWEEN - LEASE).await;
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::Conflict { .. }));
    assert!(adopt(&engine, &suspended).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_lost_execution_cannot_be_suspended() {
    let store = MemoryStore::new();
    let engine = Idempotency::new(store);
    let execution = run(&engine, "k").await;
    tokio::time::advance(2 * LEASE).await;
    let successor = run(&engine, "k").await;
    let refused = execution.suspend(BETWEEN).await.unwrap_err();
    assert!(refused.is_lost());
    drop(refused.into_execution());
    successor.release().await;
}

#[tokio::test]
async fn a_suspended_execution_keeps_order_and_attributes_and_is_refused_in_another_namespace() {
    let engine = Idempotency::new(MemoryStore::new()).with_name("stripe");
    let order = Order::new(Resource::new(&Scope::endpoint("tests"), "customer", "cus_1"), Version::new(7));
    let ordered = delivery("k").with_order(order.clone()).with_attribute("type", "customer.updated");
    let Begun::Run(execution) = engine.begin(ordered).await.unwrap() else { panic!("expected a grant") };
    let suspended = execution.suspend(BETWEEN).await.unwrap();
    assert!(!format!("{suspended:?}").contains("\"k\""), "neither key nor attributes are printed");
    let elsewhere = MemoryStore::new().with_namespace(Namespace::new("other").unwrap());
    let refused = Idempotency::new(elsewhere).adopt(transferred(&suspended)).await.unwrap_err();
    assert!(matches!(refused, AdoptError::OtherNamespace));
    let adopted = adopt(&engine, &suspended).await.unwrap();
    assert_eq!(adopted.context().order(), Some(&order));
    assert_eq!(adopted.context().event_type(), Some("customer.updated"));
    assert_eq!(adopted.context().provider(), "stripe");
    assert_eq!(adopted.complete(Outcome::new("done")).await, CompletionResult::Recorded);
    let newest = engine.store().newest(order.resource().digest(engine.store().namespace())).await.unwrap();
    assert_eq!(newest, Some(Version::new(7)));
}

#[tokio::test(start_paused = true)]
async fn an_adoption_whose_answer_arrives_after_a_takeover_runs_nothing() {
    let gate = Gate::new(MemoryStore::new());
    let policy = Policy::webhook().with_lease(Duration::from_secs(1)).with_wait(Duration::ZERO);
    let here = Idempotency::new(gate.clone()).with_policy(policy.clone());
    let there = Idempotency::new(gate.store.clone()).with_policy(policy);
    for (late, is_taken_over) in [(1400, true), (1400, false), (0, false)] {
        let key = format!("{late} {is_taken_over}");
        let suspended = run(&here, &key).await.suspend(BETWEEN).await.unwrap();
        gate.adoption_is_late_by.store(late, Ordering::SeqCst);
        let adopting = tokio::spawn({
            let (here, suspended) = (here.clone(), transferred(&suspended));
            async move { here.adopt(suspended).await.unwrap() }
        });
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let successor = if is_taken_over { Some(run(&there, &key).await) } else { None };
        let adoption = adopting.await.unwrap();
        assert_eq!(matches!(adoption, Adoption::Lost), is_taken_over, "{key}");
        if let Adoption::Run(execution) = adoption {
            // The late answer led to a renewal. The prompt one did not, so the lease has run out by now.
            assert_eq!(execution.context().is_lease_lost(), late == 0, "{key}");
        }
        drop(successor);
    }
}
/// Regression: both deadline and expiry were at the end of the store's time, so the next renewal left no
/// retention.
#[tokio::test(start_paused = true)]
async fn an_execution_suspended_for_ever_is_in_doubt_after_its_adopter_died() {
    for lease in [BETWEEN, Duration::MAX] {
        let policy = Policy::webhook().with_on_expired(OnExpired::InDoubt).with_wait(Duration::ZERO);
        let engine = Idempotency::new(MemoryStore::new()).with_policy(policy);
        let suspended = run(&engine, "k").await.suspend(lease).await.unwrap();
        // The adopter's process dies.
        std::mem::forget(adopt(&engine, &suspended).await.unwrap());
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
