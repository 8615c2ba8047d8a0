//! The engine under faults, in paused time.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod faulty_store;
mod machine;

mod begin;
mod bounds;
mod execution;
mod run;
mod suspension;
mod undo;

use std::time::Duration;

use faulty_store::{Fault, FaultyStore};
use machine::Machine;

use crate::engine::{Begun, CompletionResult, Execution, Observation, Observer};
use crate::store::memory::MemoryStore;
use crate::*;

const SECOND: Duration = Duration::from_secs(1);

/// The names of the observed events, in order.
#[derive(Clone, Debug, Default)]
struct Seen(std::sync::Arc<std::sync::Mutex<Vec<&'static str>>>);

impl Observer for Seen {
    fn observe(&self, observation: &Observation<'_>) {
        self.0.lock().unwrap().push(observation.event.name());
    }
}

/// An engine with a lease of 30 s and a wait of 2 s, on a store that fails on request.
fn engine() -> (Idempotency, FaultyStore) {
    let store = FaultyStore::new();
    (Idempotency::on_runtime(store.clone(), Machine::default()).with_policy(Policy::webhook()), store)
}

fn delivery(key: &str) -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("tests"), Key::new(key).unwrap())
}

fn outcome(text: &'static str) -> Outcome {
    Outcome::new(text.as_bytes())
}

async fn begin(engine: &Idempotency, key: &str) -> Begun {
    engine.begin(delivery(key)).await.unwrap()
}

async fn run(engine: &Idempotency, key: &str) -> Execution {
    match begin(engine, key).await {
        Begun::Run(execution) => execution,
        other => panic!("expected to run, got {other:?}"),
    }
}

async fn state(store: &FaultyStore, key: &str) -> Option<StateView> {
    store.load(digest(key)).await.unwrap().map(|record| record.state)
}

/// The digest of a key's record.
fn digest(key: &str) -> KeyDigest {
    let delivery = delivery(key);
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

/// The outcome of a completed record.
fn recorded(state: Option<StateView>) -> Option<Outcome> {
    match state {
        Some(StateView::Completed(completed)) => Some(completed.outcome),
        _ => None,
    }
}
