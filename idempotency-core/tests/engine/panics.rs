//! Panics beside the handler: in the user's `Serialize`, and in an observer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idempotency_core::engine::{Observation, Observer};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Idempotency, Key, Policy, Ran, RunError, Scope, Verified};
use serde::{Deserialize, Serialize, Serializer};

fn delivery() -> Delivery {
    let proof = Verified::by_other_means(b"a test's own");
    Delivery::new(&proof, Scope::endpoint("orders"), Key::new("k").unwrap())
}

#[derive(Debug, PartialEq, Deserialize)]
struct Panicking;

impl Serialize for Panicking {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("a bug in `Serialize`")
    }
}

#[tokio::test]
async fn a_value_whose_serialize_panics_completes_its_key_so_that_the_effect_does_not_repeat() {
    let engine = Idempotency::new(MemoryStore::new());
    let effects = Arc::new(AtomicUsize::new(0));
    let run = || {
        let effects = Arc::clone(&effects);
        engine.run(delivery(), |_| async move {
            effects.fetch_add(1, Ordering::SeqCst);
            Ok::<_, String>(Panicking)
        })
    };
    assert!(matches!(run().await, Err(RunError::Outcome(_))));
    assert_eq!(run().await.unwrap(), Ran::ReplayedUnreadable);
    assert_eq!(effects.load(Ordering::SeqCst), 1);
}

#[derive(Debug)]
struct PanicsAt(&'static str);

impl Observer for PanicsAt {
    fn observe(&self, observation: &Observation<'_>) {
        assert!(observation.event.name() != self.0, "a bug in the observer");
    }
}

#[tokio::test]
async fn an_observer_that_panics_at_a_failure_does_not_keep_the_key() {
    let engine = Idempotency::new(MemoryStore::new())
        .with_observer(PanicsAt("handler_failed"))
        .with_policy(Policy::webhook().with_wait(Duration::from_secs(5)));
    let failing = engine.clone();
    let failed =
        tokio::spawn(async move { failing.run(delivery(), |_| async { Err::<u32, _>("not now") }).await });
    assert!(failed.await.unwrap_err().is_panic());
    let again = engine.run(delivery(), |_| async { Ok::<_, String>(1) }).await;
    assert_eq!(again.unwrap(), Ran::Executed(1));
}

#[tokio::test]
async fn an_observer_that_panics_at_a_failed_batch_does_not_keep_its_keys() {
    let engine = Idempotency::new(MemoryStore::new())
        .with_observer(PanicsAt("handler_failed"))
        .with_policy(Policy::webhook().with_wait(Duration::from_secs(5)));
    let failing = engine.clone();
    let failed = tokio::spawn(async move {
        failing.run_batch(vec![delivery()], |_| async { Err::<(), _>("not now") }).await
    });
    assert!(failed.await.unwrap_err().is_panic());
    let again = engine.run(delivery(), |_| async { Ok::<_, String>(1) }).await;
    assert_eq!(again.unwrap(), Ran::Executed(1));
}
