//! The events that tell an operator about failed attempts.

use std::convert::Infallible;
use std::future::ready;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use http::StatusCode;
use idempotency_core::endpoint::Endpoint;
use idempotency_core::engine::{Event, Observation, Observer, RecordError, Recorder, Writes};
use idempotency_core::provider::{self, Received};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Completion, Lease};
use idempotency_core::{Idempotency, IdempotencyContext, StoreError};

use crate::batch_answers::{Answer, OK};
use crate::delivery;

/// The failures and undone writes that an engine observed.
#[derive(Clone, Debug, Default)]
struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl Observer for Failures {
    fn observe(&self, observation: &Observation<'_>) {
        let failure = match observation.event {
            Event::HandlerFailed(failure) => failure.to_string(),
            Event::WritesRolledBack => "rolled back".to_owned(),
            _ => return,
        };
        self.0.lock().unwrap().push(failure);
    }
}

fn observed() -> (Endpoint, Failures) {
    let failures = Failures::default();
    let engine = Idempotency::new(MemoryStore::new()).with_observer(failures.clone());
    (Endpoint::on_engine(&engine, provider::from_fn("tests", |_| Ok(Received::Bypass))), failures)
}

/// A recorder of a handler without writes.
struct NothingWritten;

#[async_trait]
impl Recorder for NothingWritten {
    async fn record(&mut self, _: &Completion, _: Writes) -> Result<(), RecordError> {
        Err(RecordError::not_recorded("it is never asked"))
    }

    async fn roll_back(&mut self) {}

    async fn is_recorded(&mut self, _: &Lease) -> Result<bool, StoreError> {
        Ok(false)
    }
}

/// Regression: an answer of 500 caused no log line above DEBUG.
#[tokio::test]
async fn an_attempt_that_failed_is_observed_with_its_status() {
    let (endpoint, failures) = observed();
    let answers = [
        (OK, None),
        (Answer { status: StatusCode::BAD_GATEWAY, ..OK }, Some("status 502")),
        (Answer { breaks_off: true, ..OK }, Some("status 200, and a body that broke off")),
        (Answer { status: StatusCode::CONFLICT, is_marked_unrecorded: true, ..OK }, Some("status 409")),
        // The handler says that it failed, and the status does not show it, as in a hand-over.
        (Answer { is_marked_unrecorded: true, ..OK }, None),
    ];
    for (number, (answer, failure)) in answers.into_iter().enumerate() {
        let handler = |(), _| ready(Ok::<_, Infallible>(answer));
        endpoint.execute(delivery(&number.to_string()), ready(Ok(())), handler).await.unwrap();
        assert_eq!(failures.take(), Vec::from_iter(failure), "{number}");
    }
}

#[tokio::test]
async fn an_attempt_that_failed_with_an_error_is_observed_with_its_type_and_without_its_text() {
    let (endpoint, failures) = observed();
    let failed =
        endpoint.engine().run::<(), _, _, _>(delivery("k"), |_| ready(Err("secret".to_owned()))).await;
    failed.unwrap_err();
    assert_eq!(failures.take(), ["an error of type alloc::string::String"]);
}

#[tokio::test]
async fn each_failed_item_of_a_batch_is_observed() {
    let (endpoint, failures) = observed();
    let batch = || vec![delivery("a"), delivery("b")];
    let handler = |(), _| ready(Ok::<_, Infallible>(Answer { status: StatusCode::BAD_GATEWAY, ..OK }));
    endpoint.execute_batch(batch(), ready(Ok(())), handler).await.unwrap();
    assert_eq!(failures.take(), ["status 502", "status 502"]);
    let engine = endpoint.engine();
    engine.run_batch(batch(), |_| ready(Err::<(), _>(0_u8))).await.unwrap_err();
    assert_eq!(failures.take(), ["an error of type u8", "an error of type u8"]);
    let fail_one = |batch: idempotency_core::engine::BatchContext| {
        batch.fail(1);
        ready(Ok::<_, Infallible>(()))
    };
    engine.run_batch(batch(), fail_one).await.unwrap();
    assert_eq!(failures.take(), ["this item of the batch"]);
}

/// Regression: the writes were undone without an event.
#[tokio::test]
async fn undone_writes_of_a_success_marked_as_do_not_record_are_observed() {
    let (endpoint, failures) = observed();
    let handler = |(), context: IdempotencyContext| {
        context.set_recorder(NothingWritten).unwrap();
        ready(Ok::<_, Infallible>(Answer { is_marked_unrecorded: true, ..OK }))
    };
    endpoint.execute(delivery("k"), ready(Ok(())), handler).await.unwrap();
    assert_eq!(failures.take(), ["rolled back"]);
}
