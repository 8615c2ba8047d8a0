//! At most once: under `OnExpired::InDoubt` a key is freed only if the handler says that it did nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idempotency_core::clock::ManualClock;
use idempotency_core::engine::Begun;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Resolution, StateView, Store as _};
use idempotency_core::{Attachment, Idempotency, OnExpired, Policy, Ran, RunError};

use crate::{Seen, delivery};

fn policy() -> Policy {
    Policy::webhook().with_on_expired(OnExpired::InDoubt).with_wait(Duration::ZERO)
}

/// Regression: a panic after the effect freed the key, so three deliveries had three effects.
#[tokio::test]
async fn at_most_once_runs_once_after_a_panic() {
    let seen = Seen::default();
    let engine = Idempotency::new(MemoryStore::new()).with_policy(policy()).with_observer(seen.clone());
    let effects = Arc::new(AtomicUsize::new(0));
    for _ in 0..3 {
        let (engine, effects) = (engine.clone(), Arc::clone(&effects));
        let run = tokio::spawn(async move {
            let work = engine.run(delivery("k"), move |context| async move {
                effects.fetch_add(1, Ordering::SeqCst);
                assert!(context.attempt() == 0, "after the effect");
                Ok::<(), ()>(())
            });
            work.await
        });
        match run.await {
            Ok(ran) => assert_eq!(ran.unwrap(), Ran::InDoubt),
            Err(panic) => assert!(panic.is_panic()),
        }
    }
    assert_eq!(effects.load(Ordering::SeqCst), 1);
    assert_eq!(
        (seen.count("abandoned"), seen.count("in_doubt")),
        (1, 2),
        "in doubt at once, not after the lease"
    );
}

/// The effect of an execution that its caller drops is as unknown as after a panic.
#[tokio::test]
async fn at_most_once_runs_once_after_its_caller_dropped_it() {
    for attachment in [Attachment::FailWithCaller, Attachment::LeaveWithCaller] {
        let engine = Idempotency::new(MemoryStore::new()).with_policy(policy().with_attachment(attachment));
        let Begun::Run(mut execution) = engine.begin(delivery("k")).await.unwrap() else {
            panic!("expected a grant")
        };
        let work = execution.renew_while(std::future::pending::<()>());
        assert!(tokio::time::timeout(Duration::from_millis(1), work).await.is_err());
        drop(execution);
        assert!(engine.drain(Duration::from_secs(5)).await);
        let begun = engine.begin(delivery("k")).await.unwrap();
        assert!(matches!(begun, Begun::InDoubt | Begun::Conflict { .. }), "{attachment:?}: {begun:?}");
    }
}

/// Outside HTTP, `Err` is the handler's word that it did nothing.
#[tokio::test]
async fn an_error_of_the_handler_frees_the_key() {
    let engine = Idempotency::new(MemoryStore::new()).with_policy(policy());
    let failed = engine.run(delivery("k"), |_| async { Err::<(), _>("nothing was done") }).await;
    assert!(matches!(failed, Err(RunError::Handler(_))));
    let ran = engine.run(delivery("k"), |context| async move { Ok::<_, ()>(context.attempt()) }).await;
    assert_eq!(ran.unwrap(), Ran::Executed(2));
}

#[tokio::test]
async fn a_key_that_is_in_doubt_at_once_can_be_resolved_at_once() {
    let engine = Idempotency::new(MemoryStore::new()).with_policy(policy());
    let Begun::Run(execution) = engine.begin(delivery("k")).await.unwrap() else {
        panic!("expected a grant")
    };
    let digest = execution.lease().key().digest();
    execution.fail().await;
    let store = engine.store();
    assert_eq!(store.load(digest).await.unwrap().unwrap().state, StateView::Abandoned);
    assert!(store.resolve(digest, &Resolution::Released).await.unwrap());
    let Begun::Run(execution) = engine.begin(delivery("k")).await.unwrap() else {
        panic!("expected the key to be free")
    };
    assert_eq!(execution.context().attempt(), 2);
}

/// Regression: with a retention no longer than the lease, the record was deleted when the lease ended, and
/// the next claim was granted as a first attempt.
#[tokio::test]
async fn a_key_stays_in_doubt_for_the_whole_retention_however_short() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(Arc::clone(&clock));
    let policy = policy().with_retention(Duration::from_secs(10));
    let (retention, lease) = (policy.retention(), policy.lease());
    let engine = Idempotency::new(store.clone()).with_policy(policy);
    let Begun::Run(execution) = engine.begin(delivery("k")).await.unwrap() else {
        panic!("expected a grant")
    };
    let (digest, fence) = (execution.lease().key().digest(), execution.context().fence());
    drop(execution);
    clock.advance(lease + Duration::from_millis(1));
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::InDoubt));
    clock.advance(retention - Duration::from_secs(1));
    assert!(matches!(engine.begin(delivery("k")).await.unwrap(), Begun::InDoubt));
    assert_eq!(store.load(digest).await.unwrap().unwrap().fence, fence);
}
