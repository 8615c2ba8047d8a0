//! The observer: counts and times every decision.
//!
//! | Metric | Type | Labels | Holds |
//! |---|---|---|---|
//! | `idempotency_events_total` | counter | `provider`, `endpoint`, `event` | how often each decision was made |
//! | `idempotency_duration_seconds` | histogram | `provider`, `endpoint`, `event` | time from the arrival to a decision (`granted`, `replayed`, `conflict`, …), or from the grant to a later event (`completed`, `released`, …) |
//!
//! | Label | Values |
//! |---|---|
//! | `provider` | the name of the provider or of the engine, such as `stripe`, set by the program |
//! | `endpoint` | one of the endpoints that the observer was made with, or `other` |
//! | `event` | [`Event::name`](idempotency_tower::core::engine::Event::name), about 30 names |
//!
//! Each combination of labels is a time series that Prometheus keeps for weeks, so no label may contain text
//! that a client chooses. Every event has a new key. A client also chooses the path: a route such as
//! `/webhooks/{shop}` has as many endpoints as callers. To find a single key, search the log.
//!
//! Alerts to start with:
//!
//! - `increase(idempotency_events_total{event="left_to_expire"}[5m]) > 0`: an outcome could not be recorded.
//! - `increase(idempotency_events_total{event="in_doubt"}[5m]) > 0`: a key waits for an operator.
//! - `rate(idempotency_events_total{event="outage"}[5m]) > 0`: the store is out of reach.

use idempotency_tower::core::engine::{Observation, Observer, TracingObserver};
use metrics::{Label, Unit, counter, describe_counter, describe_histogram, histogram};

const EVENTS: &str = "idempotency_events_total";
pub(crate) const DURATION: &str = "idempotency_duration_seconds";

/// Counts and times every decision, and logs it as the default observer does.
#[derive(Debug)]
pub(crate) struct MetricsObserver {
    endpoints: &'static [&'static str],
}

impl MetricsObserver {
    /// Gives each of these endpoints its own time series. All others share `other`.
    pub(crate) fn new(endpoints: &'static [&'static str]) -> Self {
        describe_counter!(EVENTS, "How often each decision fell.");
        describe_histogram!(DURATION, Unit::Seconds, "From the arrival, or from the grant, to the decision.");
        Self { endpoints }
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, observation: &Observation<'_>) {
        TracingObserver::default().observe(observation);
        let endpoint = self.endpoints.iter().find(|known| **known == observation.endpoint);
        let labels = vec![
            Label::new("provider", observation.provider.to_owned()),
            Label::new("endpoint", *endpoint.unwrap_or(&"other")),
            Label::new("event", observation.event.name()),
        ];
        counter!(EVENTS, labels.clone()).increment(1);
        histogram!(DURATION, labels).record(observation.duration);
    }
}
