//! A recorder with a limit, which bounds how long its handler may run.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::engine::{Begun, CompletionResult, Execution, RecordError, Recorder, Writes};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Completion, Hold, Lease, Store as _};
use idempotency_core::{
    Attachment, Idempotency, IdempotencyContext, OnExpired, Outcome, Policy, Ran, RunError, StoreError,
};
use tokio::time::{Instant, sleep};

use crate::gate::Gate;
use crate::{Seen, delivery};

const LEASE: Duration = Duration::from_secs(30);
const LIMIT: Duration = Duration::from_millis(400);

/// A recorder that records in the store, and counts its rollbacks.
struct Limited {
    store: MemoryStore,
    limit: Option<Duration>,
    /// Whether the handler is gone.
    is_dropped: Arc<AtomicBool>,
    rolled_back: Arc<AtomicUsize>,
}

#[async_trait]
impl Recorder for Limited {
    async fn record(&mut self, completion: &Completion, _: Writes) -> Result<(), RecordError> {
        match self.store.complete(completion).await.unwrap() {
            Hold::Held => Ok(()),
            Hold::Lost => Err(RecordError::not_recorded("no row was changed")),
        }
    }

    async fn roll_back(&mut self) {
        assert!(self.is_dropped.load(Ordering::SeqCst), "the handler is dropped first");
        self.rolled_back.fetch_add(1, Ordering::SeqCst);
    }

    async fn is_recorded(&mut self, _: &Lease) -> Result<bool, StoreError> {
        Ok(false)
    }

    fn limit(&self) -> Option<Duration> {
        self.limit
    }
}

/// Sets its flag when it is dropped.
struct Handler(Arc<AtomicBool>);

impl Drop for Handler {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

struct Case {
    gate: Gate,
    seen: Seen,
    engine: Idempotency,
    is_dropped: Arc<AtomicBool>,
    rolled_back: Arc<AtomicUsize>,
}

impl Case {
    fn new() -> Self {
        let (gate, seen) = (Gate::new(MemoryStore::new()), Seen::default());
        let policy = Policy::webhook().with_wait(Duration::ZERO).with_lease(LEASE);
        let engine = Idempotency::new(gate.clone()).with_observer(seen.clone()).with_policy(policy);
        Self { gate, seen, engine, is_dropped: Arc::default(), rolled_back: Arc::default() }
    }

    fn with_policy(mut self, change: impl FnOnce(Policy) -> Policy) -> Self {
        self.engine = self.engine.map_policy(change);
        self
    }

    fn recorder(&self, limit: Option<Duration>) -> Limited {
        Limited {
            store: self.gate.store.clone(),
            limit,
            is_dropped: Arc::clone(&self.is_dropped),
            rolled_back: Arc::clone(&self.rolled_back),
        }
    }

    fn handler(&self) -> Handler {
        Handler(Arc::clone(&self.is_dropped))
    }

    /// Runs a handler that works for `before`, sets a recorder with this limit, and works for `after`.
    async fn run(
        &self,
        before: Duration,
        limit: Option<Duration>,
        after: Duration,
    ) -> Result<Ran<u32>, RunError<()>> {
        let (recorder, handler) = (self.recorder(limit), self.handler());
        let handle = move |context: IdempotencyContext| async move {
            let _handler = handler;
            sleep(before).await;
            context.set_recorder(recorder).unwrap();
            sleep(after).await;
            Ok(context.attempt())
        };
        self.engine.run(delivery("k"), handle).await
    }

    async fn begin(&self) -> Execution {
        match self.engine.begin(delivery("k")).await.unwrap() {
            Begun::Run(execution) => execution,
            other => panic!("not granted: {other:?}"),
        }
    }

    fn rolled_back(&self) -> usize {
        self.rolled_back.load(Ordering::SeqCst)
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_over_its_limit_is_dropped_rolled_back_and_released() {
    for attachment in [Attachment::Detached, Attachment::LeaveWithCaller, Attachment::FailWithCaller] {
        let case = Case::new().with_policy(|policy| policy.with_attachment(attachment));
        let began = Instant::now();
        // The limit counts from when the recorder is set, not from the start of the handler.
        let ran = case.run(2 * LIMIT, Some(LIMIT), LEASE).await;
        assert!(matches!(ran, Err(RunError::OverLimit)), "{ran:?}");
        assert_eq!(began.elapsed().as_millis(), (3 * LIMIT).as_millis() + 1, "a claim takes 1 ms");
        assert_eq!(case.rolled_back(), 1);
        assert_eq!((case.seen.count("over_limit"), case.seen.count("released")), (1, 1));
        assert_eq!(case.seen.count("completed"), 0);
        assert_eq!(case.begin().await.context().attempt(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_within_its_limit_is_recorded() {
    let case = Case::new();
    assert_eq!(case.run(LIMIT, Some(LIMIT), LIMIT / 2).await.unwrap(), Ran::Executed(1));
    assert_eq!((case.seen.count("over_limit"), case.seen.count("completed")), (0, 1));
    assert!(matches!(case.engine.begin(delivery("k")).await.unwrap(), Begun::Replay(_)));
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_the_handler_runs_as_long_as_it_likes() {
    let case = Case::new();
    assert_eq!(case.run(LIMIT, None, 10 * LEASE).await.unwrap(), Ran::Executed(1));
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_is_set_in_another_task_limits_the_handler_too() {
    let case = Case::new();
    let (recorder, handler) = (case.recorder(Some(LIMIT)), case.handler());
    let ran = case.engine.run(delivery("k"), move |context| async move {
        let _handler = handler;
        // Meanwhile nothing else wakes the engine.
        let set = tokio::spawn(async move {
            sleep(LIMIT).await;
            context.set_recorder(recorder).unwrap();
        });
        pending::<()>().await;
        drop(set);
        Ok::<_, ()>(0)
    });
    let began = Instant::now();
    let ran = ran.await;
    assert!(matches!(ran, Err(RunError::OverLimit)), "{ran:?}");
    assert_eq!(began.elapsed().as_millis(), (2 * LIMIT).as_millis() + 1);
}

#[tokio::test(start_paused = true)]
async fn no_renewal_is_sent_once_a_limit_counts() {
    let case = Case::new();
    let (before, limit) = (LEASE / 2, LEASE * 3 / 5);
    assert_eq!(case.run(before, Some(limit), limit * 9 / 10).await.unwrap(), Ran::Executed(1));
    assert_eq!(case.gate.renewals.load(Ordering::SeqCst), 1, "only before");
    let case = Case::new();
    assert_eq!(case.run(before, None, limit * 9 / 10).await.unwrap(), Ran::Executed(1));
    assert_eq!(case.gate.renewals.load(Ordering::SeqCst), 3);
}

/// A renewal may be waiting for what the recorder now holds.
#[tokio::test(start_paused = true)]
async fn a_renewal_under_way_is_dropped_when_a_limit_counts() {
    let case = Case::new();
    let key = case.engine.digest_of(delivery("k").scope(), delivery("k").key());
    case.gate.fail(key, Duration::from_millis(100));
    let third = LEASE / 3 + Duration::from_millis(50);
    assert_eq!(case.run(third, Some(LIMIT), LIMIT / 2).await.unwrap(), Ran::Executed(1));
    assert_eq!((case.gate.renewals.load(Ordering::SeqCst), case.seen.count("renewal_failed")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_over_before_the_lease_is() {
    let case = Case::new();
    let began = Instant::now();
    let ran = case.run(Duration::ZERO, Some(10 * LEASE), 10 * LEASE).await;
    assert!(matches!(ran, Err(RunError::OverLimit)), "{ran:?}");
    assert!(began.elapsed() < LEASE);
    assert_eq!(case.seen.count("released"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_handler_whose_lease_is_lost_still_has_its_limit() {
    let case = Case::new();
    let key = case.engine.digest_of(delivery("k").scope(), delivery("k").key());
    let (store, began) = (case.gate.store.clone(), Instant::now());
    let lost = tokio::spawn(async move {
        sleep(LIMIT).await;
        store.forget(key).await
    });
    let ran = case.run(LEASE / 2, Some(LIMIT), LEASE).await;
    assert!(lost.await.unwrap().unwrap());
    assert!(matches!(ran, Err(RunError::OverLimit)), "{ran:?}");
    assert_eq!(began.elapsed().as_millis(), (LEASE / 2 + LIMIT).as_millis() + 1);
    assert_eq!((case.seen.count("lease_lost"), case.rolled_back()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn under_in_doubt_a_handler_over_its_limit_leaves_its_key_in_doubt() {
    let case = Case::new().with_policy(|policy| policy.with_on_expired(OnExpired::InDoubt));
    let ran = case.run(Duration::ZERO, Some(LIMIT), LEASE).await;
    assert!(matches!(ran, Err(RunError::OverLimit)), "{ran:?}");
    assert!(matches!(case.engine.begin(delivery("k")).await.unwrap(), Begun::InDoubt));
}

/// The guard itself: what is rolled back must not be recorded, whatever the caller does with it afterwards.
#[tokio::test(start_paused = true)]
async fn an_execution_over_its_limit_cannot_be_completed() {
    for is_shut in [false, true] {
        let case = Case::new();
        let mut execution = case.begin().await;
        let (context, recorder, handler) =
            (execution.context().clone(), case.recorder(Some(LIMIT)), case.handler());
        let gate = case.gate.clone();
        let work = async move {
            let _handler = handler;
            context.set_recorder(recorder).unwrap();
            // The store may not even answer the release.
            gate.shut(is_shut);
            pending::<()>().await;
        };
        assert_eq!(execution.renew_while(work).await, None);
        case.gate.shut(false);
        assert_eq!(execution.complete(Outcome::new("done")).await, CompletionResult::RecorderFailed);
        assert!(case.engine.drain(LEASE).await);
        assert_eq!(case.begin().await.context().attempt(), 2);
    }
}

/// An execution that failed over its limit stays failed, whatever the caller does with it afterwards.
#[tokio::test(start_paused = true)]
async fn under_in_doubt_an_execution_over_its_limit_can_be_neither_released_nor_suspended() {
    for (is_shut, suspends) in [(false, false), (true, false), (false, true)] {
        let case = Case::new().with_policy(|policy| policy.with_on_expired(OnExpired::InDoubt));
        let mut execution = case.begin().await;
        let (context, recorder, handler) =
            (execution.context().clone(), case.recorder(Some(LIMIT)), case.handler());
        let gate = case.gate.clone();
        let work = async move {
            let _handler = handler;
            context.set_recorder(recorder).unwrap();
            gate.shut(is_shut);
            pending::<()>().await;
        };
        assert_eq!(execution.renew_while(work).await, None);
        case.gate.shut(false);
        if suspends {
            let refused = execution.suspend(LEASE).await.unwrap_err();
            drop(refused);
        } else {
            execution.release().await;
        }
        assert!(case.engine.drain(LEASE).await);
        let begun = case.engine.begin(delivery("k")).await.unwrap();
        assert!(matches!(begun, Begun::InDoubt), "{begun:?}");
    }
}

/// A clone of the context must not keep what the recorder holds.
#[tokio::test(start_paused = true)]
async fn an_execution_that_is_dropped_drops_its_recorder() {
    for attachment in [Attachment::LeaveWithCaller, Attachment::FailWithCaller] {
        let case = Case::new().with_policy(|policy| policy.with_attachment(attachment));
        let execution = case.begin().await;
        let context = execution.context().clone();
        drop(case.handler());
        context.set_recorder(case.recorder(Some(LIMIT))).unwrap();
        drop(execution);
        assert!(case.engine.drain(LEASE).await);
        assert_eq!(Arc::strong_count(&case.rolled_back), 1, "{attachment:?}");
        drop(context);
    }
}

#[tokio::test(start_paused = true)]
async fn a_release_that_is_never_polled_rolls_back_first() {
    let case = Case::new();
    let execution = case.begin().await;
    drop(case.handler());
    execution.context().set_recorder(case.recorder(Some(LIMIT))).unwrap();
    drop(execution.release());
    assert!(case.engine.drain(LEASE).await);
    assert_eq!((case.rolled_back(), case.seen.count("released")), (1, 1));
}
