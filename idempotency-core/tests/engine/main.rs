//! The engine through its public API: recorders, suspended executions, batches.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod adopt;
mod batch;
mod batch_answers;
mod batch_leases;
mod context;
mod doubt;
mod failures;
mod gate;
mod limit;
mod panics;
mod query_scope;
mod recorder;
mod undo;

use std::sync::{Arc, Mutex};

use idempotency_core::engine::{Observation, Observer};
use idempotency_core::{Delivery, Key, Scope, Verified};

/// A delivery with this key.
pub(crate) fn delivery(key: &str) -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("tests"), Key::new(key).unwrap())
}

/// The names of the events that an engine observed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<&'static str>>>);

impl Seen {
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|seen| **seen == name).count()
    }
}

impl Observer for Seen {
    fn observe(&self, observation: &Observation<'_>) {
        self.0.lock().unwrap().push(observation.event.name());
    }
}
