//! Questions that a handler can ask its context.

use idempotency_core::engine::{Begun, Execution};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Idempotency, Namespace, Order, Outcome, Resource, Scope, Version};

use crate::delivery;

async fn run(engine: &Idempotency, delivery: Delivery) -> Execution {
    match engine.begin(delivery).await.unwrap() {
        Begun::Run(execution) => execution,
        other => panic!("not granted: {other:?}"),
    }
}

fn version(key: &str, version: u64) -> Delivery {
    let resource = Resource::new(&Scope::endpoint("tests"), "customer", "cus_1");
    delivery(key).with_order(Order::new(resource, Version::new(version)))
}

/// Regression: an older event that was still running when a newer one completed could not find out.
#[tokio::test]
async fn a_handler_can_ask_whether_a_newer_version_has_completed_meanwhile() {
    let engine = Idempotency::new(MemoryStore::new());
    let older = run(&engine, version("older", 1)).await;
    let newer = run(&engine, version("newer", 2)).await;
    assert!(!older.context().is_stale().await.unwrap());
    let _ = newer.complete(Outcome::new("done")).await;
    assert!(older.context().is_stale().await.unwrap());
    let equal = run(&engine, version("equal", 2)).await;
    assert!(!equal.context().is_stale().await.unwrap(), "equal versions are not stale");
    let unordered = run(&engine, delivery("unordered")).await;
    assert!(!unordered.context().is_stale().await.unwrap());
}

/// Regression: production and staging with one payment account derived the same key, so the second got the
/// first's charge.
#[tokio::test]
async fn derived_keys_differ_in_each_namespace_scope_key_and_name() {
    let engine = |namespace: &str| {
        let namespace = Namespace::new(namespace).unwrap();
        Idempotency::new(MemoryStore::new().with_namespace(namespace))
    };
    let derived = async |namespace: &str, key: &str, name: &str| {
        let execution = run(&engine(namespace), delivery(key)).await;
        execution.context().derive_key(name)
    };
    let keys = [
        derived("production", "k", "charge").await,
        derived("staging", "k", "charge").await,
        derived("production", "l", "charge").await,
        derived("production", "k", "refund").await,
    ];
    for (i, a) in keys.iter().enumerate() {
        assert!(keys[i + 1..].iter().all(|b| a != b));
    }
    assert_eq!(derived("production", "k", "charge").await, keys[0], "equal across attempts and processes");
}
