use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_handler_that_outlives_its_lease_keeps_it_by_renewal() {
    let (engine, store) = engine();
    let mut execution = run(&engine, "k").await;
    let context = execution.context().clone();
    execution.renew_while(tokio::time::sleep(95 * SECOND)).await;
    assert!(!context.is_lease_lost());
    assert_eq!(store.calls("renew"), 9);
    assert_eq!(execution.complete(outcome("late")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn one_failed_renewal_does_not_end_renewing() {
    let (engine, store) = engine();
    store.fail("renew", [Fault::Refused(StoreErrorKind::Unavailable), Fault::AnswerLost, Fault::Hangs]);
    let mut execution = run(&engine, "k").await;
    let context = execution.context().clone();
    execution.renew_while(tokio::time::sleep(100 * SECOND)).await;
    assert!(!context.is_lease_lost());
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_reaches_the_handler_and_its_outcome_is_not_stored() {
    let (engine, store) = engine();
    store.fail("renew", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    let mut first = run(&engine, "k").await;
    let context = first.context().clone();
    let lost_at = first
        .renew_while(async {
            context.lease_lost().await;
            tokio::time::Instant::now()
        })
        .await;
    assert!(context.is_lease_lost());
    assert!(lost_at.is_some_and(|at| at.elapsed() < SECOND));
    tokio::time::advance(30 * SECOND).await;
    let second = run(&engine, "k").await;
    assert!(second.lease().fence() > first.lease().fence());
    assert_eq!(first.complete(outcome("first")).await, CompletionResult::Lost);
    assert_eq!(second.complete(outcome("second")).await, CompletionResult::Recorded);
    assert!(
        matches!(begin(&engine, "k").await, Begun::Replay(replayed) if replayed.outcome == outcome("second"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_takeover_is_noticed_by_the_next_renewal() {
    let (engine, store) = engine();
    let mut execution = run(&engine, "k").await;
    let context = execution.context().clone();
    store.forget(digest("k")).await.unwrap();
    let began = tokio::time::Instant::now();
    execution.renew_while(context.lease_lost()).await;
    assert_eq!(began.elapsed(), 10 * SECOND);
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Lost);
}

#[tokio::test(start_paused = true)]
async fn a_panic_releases_at_once_and_is_resumed() {
    let (engine, store) = engine();
    let panicked = tokio::spawn({
        let engine = engine.clone();
        async move { run(&engine, "k").await.renew_while(async { panic!("boom") }).await }
    });
    let panic = panicked.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"boom"));
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn a_failed_recording_continues_and_does_not_release_the_key() {
    let (engine, store) = engine();
    store.fail("complete", [Fault::Refused(StoreErrorKind::Unavailable); 12]);
    let execution = run(&engine, "k").await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Unrecorded);
    assert_eq!(store.calls("release"), 0);
    assert!(matches!(state(&store, "k").await, Some(StateView::InFlight { .. })));
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(recorded(state(&store, "k").await), Some(outcome("done")));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_completion_continues_in_the_background() {
    let (engine, store) = engine();
    store.fail("complete", [Fault::Hangs]);
    let execution = run(&engine, "k").await;
    let dropped = tokio::time::timeout(Duration::from_millis(1), execution.complete(outcome("done"))).await;
    assert!(dropped.is_err());
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(recorded(state(&store, "k").await), Some(outcome("done")));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_execution_keeps_its_key_unless_the_policy_releases_it() {
    let (engine, store) = engine();
    drop(run(&engine, "abandoned").await);
    assert!(engine.drain(SECOND).await);
    assert!(matches!(state(&store, "abandoned").await, Some(StateView::InFlight { .. })));
    let releasing = engine.with_policy(Policy::webhook().with_attachment(Attachment::FailWithCaller));
    drop(run(&releasing, "released").await);
    assert!(releasing.drain(SECOND).await);
    assert_eq!(state(&store, "released").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn a_failed_release_is_repeated_so_that_a_clean_failure_is_not_in_doubt() {
    let (engine, store) = engine();
    let engine = engine.with_policy(Policy::webhook().with_on_expired(OnExpired::InDoubt));
    store.fail("release", [Fault::Refused(StoreErrorKind::Unavailable); 12]);
    run(&engine, "k").await.release().await;
    assert!(matches!(state(&store, "k").await, Some(StateView::InFlight { .. })));
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(run(&engine, "k").await.context().attempt(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_release_continues_in_the_background() {
    let (engine, store) = engine();
    store.fail("release", [Fault::Hangs]);
    let dropped = tokio::time::timeout(Duration::from_millis(1), run(&engine, "k").await.release()).await;
    assert!(dropped.is_err());
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn a_late_repetition_of_a_release_whose_answer_was_lost_is_not_observed_as_a_takeover() {
    let (engine, store) = engine();
    let seen = Seen::default();
    let engine = engine.with_observer(seen.clone());
    store.fail("release", [Fault::CarriedOutThenHangs]);
    run(&engine, "k").await.release().await;
    assert_eq!(run(&engine, "k").await.context().attempt(), 2);
    assert!(engine.drain(30 * SECOND).await);
    let seen = seen.0.lock().unwrap();
    assert_eq!(**seen, ["granted", "release_failed", "granted", "released"]);
}

#[tokio::test(start_paused = true)]
async fn an_ending_that_the_store_never_accepts_is_observed_as_left_to_expire() {
    for (operation, first) in [("complete", "unrecorded"), ("release", "release_failed")] {
        let (engine, store) = engine();
        let seen = Seen::default();
        let engine = engine.with_observer(seen.clone());
        store.fail(operation, [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
        let execution = run(&engine, "k").await;
        match operation {
            "complete" => assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Unrecorded),
            _ => execution.release().await,
        }
        assert!(engine.drain(60 * SECOND).await, "{operation} is repeated for ever");
        assert_eq!(*seen.0.lock().unwrap(), ["granted", first, "left_to_expire"]);
        tokio::time::advance(30 * SECOND).await;
        assert_eq!(run(&engine, "k").await.context().attempt(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn drain_waits_for_work_under_way_and_no_longer_than_its_timeout() {
    let (engine, _) = engine();
    let finished = std::sync::Arc::new(AtomicBool::new(false));
    let work = engine.clone();
    let done = finished.clone();
    let caller = tokio::spawn(async move {
        work.shield(async move {
            tokio::time::sleep(5 * SECOND).await;
            done.store(true, Ordering::SeqCst);
        })
        .await
    });
    tokio::task::yield_now().await;
    caller.abort();
    assert!(!engine.drain(SECOND).await);
    assert!(!finished.load(Ordering::SeqCst));
    assert!(engine.drain(10 * SECOND).await);
    assert!(finished.load(Ordering::SeqCst));
}

#[tokio::test(start_paused = true)]
async fn renewal_continues_when_the_store_comes_back_after_the_lease() {
    let (engine, store) = engine();
    // Down from the first renewal at 10 s until after the lease. No claim takes over in that time.
    store.fail("renew", [Fault::Refused(StoreErrorKind::Unavailable); 76]);
    let mut first = run(&engine, "k").await;
    let work = first.renew_while(tokio::time::sleep(120 * SECOND));
    let rival = async {
        tokio::time::sleep(90 * SECOND).await;
        begin(&engine, "k").await
    };
    let (_, begun) = futures_util::join!(work, rival);
    assert!(matches!(begun, Begun::Conflict { .. }), "two run at once: {begun:?}");
}

#[tokio::test(start_paused = true)]
async fn lease_lost_completes_without_renewal() {
    let (engine, _) = engine();
    let execution = run(&engine, "k").await;
    let completed = tokio::time::timeout(300 * SECOND, execution.context().lease_lost()).await;
    assert!(execution.context().is_lease_lost());
    assert!(completed.is_ok(), "is_lease_lost() is true, but lease_lost() waits for ever");
}

#[tokio::test(start_paused = true)]
async fn a_success_in_a_full_store_is_not_executed_again() {
    let engine = Idempotency::new(MemoryStore::new().with_max_bytes(64)).with_policy(Policy::webhook());
    let execution = run(&engine, "k").await;
    let completion = execution.complete(Outcome::new(vec![7; 100])).await;
    assert_eq!(completion, CompletionResult::Recorded, "an outcome is never refused for lack of space");
    tokio::time::sleep(31 * SECOND).await;
    let begun = begin(&engine, "k").await;
    assert!(!matches!(begun, Begun::Run(_)), "the effect happens a second time: {begun:?}");
}

#[tokio::test(start_paused = true)]
async fn a_tiny_lease_is_renewed_and_does_not_spin() {
    for millis in [1, 3, 10, 50] {
        let (engine, store) = engine();
        let engine = engine.with_policy(Policy::webhook().with_lease(Duration::from_millis(millis)));
        let mut execution = run(&engine, "k").await;
        execution.renew_while(tokio::time::sleep(Duration::from_millis(500))).await;
        assert!(store.calls("renew") <= 500);
        assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
    }
}

#[tokio::test(start_paused = true)]
async fn a_recording_that_is_never_answered_is_given_up_after_a_lease() {
    let (engine, store) = engine();
    store.fail("complete", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    assert_eq!(run(&engine, "k").await.complete(outcome("done")).await, CompletionResult::Unrecorded);
    assert!(engine.drain(32 * SECOND).await);
}

#[tokio::test(start_paused = true)]
async fn each_event_of_an_execution_is_observed_once() {
    let (engine, store) = engine();
    let seen = Seen::default();
    let engine = engine.with_observer(seen.clone());
    let execution = run(&engine, "k").await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
    let mut lost = run(&engine, "lost").await;
    store.forget(digest("lost")).await.unwrap();
    lost.renew_while(tokio::time::sleep(60 * SECOND)).await;
    assert_eq!(*seen.0.lock().unwrap(), ["granted", "completed", "granted", "lease_lost"]);
}

/// In real time, because paused time stands still while the handler is busy.
#[tokio::test]
async fn a_busy_handler_does_not_prevent_renewal() {
    let store = FaultyStore::new();
    let policy = Policy::webhook().with_lease(Duration::from_millis(300));
    let engine = Idempotency::new(store.clone()).with_policy(policy);
    let mut execution = run(&engine, "k").await;
    let never_held = tokio::sync::Mutex::new(());
    let patience = 5 * SECOND;
    let began = engine.runtime().now();
    let work = async {
        while store.calls("renew") == 0 && engine.runtime().now() < began + patience {
            drop(never_held.lock().await);
        }
    };
    execution.renew_while(work).await;
    assert!(store.calls("renew") > 0);
}

#[tokio::test(start_paused = true)]
async fn an_ending_that_is_dropped_before_its_first_poll_continues_in_the_background() {
    let (engine, store) = engine();
    let execution = run(&engine, "done").await;
    drop(execution.complete(outcome("done")));
    let execution = run(&engine, "failed").await;
    drop(execution.release());
    assert!(engine.drain(SECOND).await);
    assert!(matches!(state(&store, "done").await, Some(StateView::Completed(_))));
    assert_eq!(state(&store, "failed").await, Some(StateView::Released));
}
