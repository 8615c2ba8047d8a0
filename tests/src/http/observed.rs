//! An observer that keeps every observation.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use idempotency_core::engine::{Event, Observation, Observer, TracingObserver};

/// The observations in order. Clones share the list.
#[derive(Clone, Debug, Default)]
pub struct Observed(Arc<Mutex<Vec<Seen>>>);

/// One observation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The event's name.
    pub event: &'static str,
    /// The endpoint's name.
    pub endpoint: String,
    /// The request's path.
    pub path: Option<String>,
    /// The `instance` of the problem that was answered.
    pub instance: Option<String>,
    /// The reason why a request was rejected, with its causes.
    pub cause: String,
}

impl Observed {
    /// The observations since the last call.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Observed {
    fn observe(&self, observation: &Observation<'_>) {
        TracingObserver::default().observe(observation);
        let cause = match observation.event {
            Event::Rejected(rejection) => format!("{rejection} {:?}", rejection.source()),
            _ => String::new(),
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Seen {
            event: observation.event.name(),
            endpoint: observation.endpoint.to_owned(),
            path: observation.path.map(str::to_owned),
            instance: observation.instance.map(ToString::to_string),
            cause,
        });
    }
}
