//! The answer to a batch: when the handler's own answer passes, and when the sender is asked to send the
//! batch again.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use idempotency_core::endpoint::{Endpoint, Executed, Reply};
use idempotency_core::engine::{BatchContext, Begun, Execution};
use idempotency_core::provider::{self, Received};
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Completing, Delivery, Fingerprint, Idempotency, OnOutage, Policy};

use crate::delivery;
use crate::gate::Gate;

/// A handler's answer, which announces a body of ten bytes.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) is_marked_unrecorded: bool,
    pub(crate) breaks_off: bool,
}

pub(crate) const OK: Answer =
    Answer { status: StatusCode::OK, is_marked_unrecorded: false, breaks_off: false };

impl Reply for Answer {
    fn status(&self) -> StatusCode {
        self.status
    }

    fn headers(&self) -> Cow<'_, HeaderMap> {
        Cow::Owned(HeaderMap::new())
    }

    fn body_size(&self) -> Option<u64> {
        Some(10)
    }

    fn is_marked_unrecorded(&self) -> bool {
        self.is_marked_unrecorded
    }

    async fn buffer(&mut self, _limit: usize) -> Option<Bytes> {
        (!self.breaks_off).then(|| Bytes::from_static(b"0123456789"))
    }

    async fn peek(&mut self, _limit: usize) -> bool {
        !self.breaks_off
    }
}

fn endpoint(store: impl Store, policy: Policy) -> Endpoint {
    let provider = provider::from_fn("tests", |_| Ok(Received::Bypass));
    Endpoint::new(store, provider).with_policy(policy.with_wait(Duration::ZERO))
}

fn batch(keys: &[&str]) -> Vec<Delivery> {
    keys.iter().map(|key| delivery(key)).collect()
}

/// The answer that the sender gets to a batch with this handler.
async fn answer_to(
    endpoint: &Endpoint,
    deliveries: Vec<Delivery>,
    handler: impl FnOnce(BatchContext) -> Answer,
) -> (&'static str, u16) {
    let handler = |(), batch| ready(Ok::<_, Infallible>(handler(batch)));
    match endpoint.execute_batch(deliveries, ready(Ok(())), handler).await.unwrap() {
        Executed::Passed(answer, _) => ("the handler's", answer.status.as_u16()),
        Executed::Answered(answer) => ("the endpoint's", answer.status.as_u16()),
    }
}

async fn granted(engine: &Idempotency, key: &str) -> Execution {
    let Begun::Run(execution) = engine.begin(delivery(key)).await.unwrap() else {
        panic!("expected a grant")
    };
    execution
}

#[tokio::test(start_paused = true)]
async fn an_item_that_the_handler_failed_is_not_acknowledged_during_an_outage_either() {
    let gate = Gate::new(MemoryStore::new());
    gate.shut(true);
    let endpoint = endpoint(gate, Policy::webhook().with_on_outage(OnOutage::Proceed));
    let ran = endpoint.engine().run_batch(batch(&["a", "b"]), |batch| async move {
        batch.fail(1);
        Ok::<_, Infallible>(())
    });
    assert!(!ran.await.unwrap().may_be_acknowledged());
    let one_failed = |batch: BatchContext, status| {
        batch.fail(1);
        Answer { status, ..OK }
    };
    let answer = answer_to(&endpoint, batch(&["a", "b"]), |batch| one_failed(batch, StatusCode::OK)).await;
    assert_eq!(answer, ("the endpoint's", 503));
    let answer =
        answer_to(&endpoint, batch(&["a", "b"]), |batch| one_failed(batch, StatusCode::BAD_GATEWAY)).await;
    assert_eq!(answer, ("the handler's", 502), "the sender sends it again as it is");
    assert_eq!(answer_to(&endpoint, batch(&["a", "b"]), |_| OK).await, ("the handler's", 200));
}

#[tokio::test]
async fn an_answer_that_is_not_recorded_acknowledges_no_item_that_is_not_done() {
    let accepted = StatusCode::ACCEPTED;
    let cases = [
        (Completing::success(), Answer { is_marked_unrecorded: true, ..OK }),
        (Completing::success().without([accepted]), Answer { status: accepted, ..OK }),
    ];
    for (completing, answer) in cases {
        let endpoint = endpoint(MemoryStore::new(), Policy::webhook().with_completing(completing));
        let again = || Answer { ..answer };
        let status = answer.status.as_u16();
        let held = granted(endpoint.engine(), "in flight").await;
        assert_eq!(
            answer_to(&endpoint, batch(&["new", "in flight"]), |_| again()).await,
            ("the endpoint's", 503)
        );
        held.release().await;

        let marked = |body: &[u8]| vec![delivery("m").with_fingerprint(Fingerprint::of(body))];
        answer_to(&endpoint, marked(b"one"), |_| OK).await;
        let mismatched = [batch(&["new"]), marked(b"two")].concat();
        assert_eq!(answer_to(&endpoint, mismatched, |_| again()).await, ("the endpoint's", 503));

        let failed = answer_to(&endpoint, batch(&["new", "in flight"]), |batch| {
            batch.fail(0);
            again()
        });
        assert_eq!(failed.await, ("the endpoint's", 503), "the handler failed one of them");

        let done = [batch(&["new"]), marked(b"one")].concat();
        assert_eq!(answer_to(&endpoint, done, |_| again()).await, ("the handler's", status));
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_does_not_start_after_a_lease_was_lost_while_the_service_became_ready() {
    const LEASE: Duration = Duration::from_secs(1);
    let gate = Gate::new(MemoryStore::new());
    let policy = Policy::webhook().with_lease(LEASE).with_ready_timeout(10 * LEASE);
    let endpoint = endpoint(gate.clone(), policy);
    let other = Idempotency::new(gate.store.clone());
    let readiness = async {
        gate.shut(true);
        tokio::time::sleep(LEASE + LEASE / 2).await;
        gate.shut(false);
        Ok::<_, Infallible>(granted(&other, "a").await)
    };
    let has_started = AtomicBool::new(false);
    let has_started = &has_started;
    let executed = endpoint.execute_batch(batch(&["a", "b"]), readiness, |second, _| async move {
        has_started.store(true, Ordering::SeqCst);
        drop(second);
        Ok(OK)
    });
    let Executed::Answered(answer) = executed.await.unwrap() else {
        panic!("expected the endpoint's answer")
    };
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(!has_started.load(Ordering::SeqCst), "another worker holds the lease");
    let free = granted(endpoint.engine(), "b").await;
    assert_eq!(free.context().attempt(), 1, "an attempt that never started does not count");
    free.release().await;
}

#[tokio::test]
async fn a_batch_whose_answer_breaks_off_is_not_done() {
    let endpoint = endpoint(MemoryStore::new(), Policy::webhook());
    for _ in 0..2 {
        let answer = answer_to(&endpoint, batch(&["a"]), |batch| {
            assert_eq!(batch.new_items().len(), 1);
            Answer { breaks_off: true, ..OK }
        });
        assert_eq!(
            answer.await,
            ("the handler's", 200),
            "the client sees the failure as it would without this library"
        );
    }
    assert_eq!(answer_to(&endpoint, batch(&["a"]), |_| OK).await, ("the handler's", 200));
    let replayed = answer_to(&endpoint, batch(&["a"]), |_| panic!("the handler must not run again"));
    assert_eq!(replayed.await, ("the endpoint's", 200));
}
