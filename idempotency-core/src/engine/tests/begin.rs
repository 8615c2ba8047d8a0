use super::*;

#[tokio::test(start_paused = true)]
async fn a_second_delivery_while_the_first_runs_waits_and_replays() {
    let (engine, _) = engine();
    let execution = run(&engine, "k").await;
    let second = tokio::spawn({
        let engine = engine.clone();
        async move { begin(&engine, "k").await }
    });
    tokio::task::yield_now().await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
    assert!(matches!(second.await.unwrap(), Begun::Replay(replayed) if replayed.outcome == outcome("done")));
}

#[tokio::test(start_paused = true)]
async fn a_waiter_whose_time_runs_out_leaves_the_owner_alone() {
    let (engine, store) = engine();
    let execution = run(&engine, "k").await;
    let began = tokio::time::Instant::now();
    assert!(
        matches!(begin(&engine, "k").await, Begun::Conflict { retry_after } if retry_after <= 30 * SECOND)
    );
    assert_eq!(began.elapsed(), 2 * SECOND);
    assert!(matches!(state(&store, "k").await, Some(StateView::InFlight { .. })));
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_takes_over_when_the_holder_gives_up() {
    let (engine, _) = engine();
    let first = run(&engine, "k").await;
    let second = tokio::spawn({
        let engine = engine.clone();
        async move { run(&engine, "k").await }
    });
    tokio::task::yield_now().await;
    let fence = first.lease().fence();
    first.release().await;
    let second = second.await.unwrap();
    assert_eq!(second.context().attempt(), 2);
    assert!(second.lease().fence() > fence);
    second.release().await;
}

#[tokio::test(start_paused = true)]
async fn waiters_beyond_the_limit_are_told_at_once() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_waiters_per_key(1));
    let execution = run(&engine, "k").await;
    let waiting = tokio::spawn({
        let engine = engine.clone();
        async move { begin(&engine, "k").await }
    });
    tokio::task::yield_now().await;
    let began = tokio::time::Instant::now();
    assert!(matches!(begin(&engine, "k").await, Begun::Conflict { .. }));
    assert_eq!(began.elapsed(), Duration::ZERO);
    execution.release().await;
    assert!(matches!(waiting.await.unwrap(), Begun::Run(_)));
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_meets_its_own_record_and_goes_on() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::AnswerLost, Fault::AnswerLost]);
    let execution = run(&engine, "k").await;
    assert_eq!(execution.context().attempt(), 1);
    assert_eq!(store.calls("claim"), 3);
    execution.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_is_answered_within_the_bound_and_its_claim_is_undone() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::CarriedOutThenHangs]);
    let began = tokio::time::Instant::now();
    let error = engine.begin(delivery("k")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unknown);
    assert_eq!(began.elapsed(), Policy::webhook().store_timeout());
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
    run(&engine, "k").await.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_certainly_not_carried_out_is_not_repeated_later() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::Refused(StoreErrorKind::Refused)]);
    assert_eq!(engine.begin(delivery("k")).await.unwrap_err().kind(), StoreErrorKind::Refused);
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(store.calls("claim"), 1);
    assert_eq!(state(&store, "k").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_grant_heard_of_after_its_lease_is_renewed_before_it_runs() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_store_timeout(5 * SECOND);
    store.fail("claim", [Fault::AnswersLate(2 * SECOND)]);
    let execution = run(&engine.with_policy(policy), "k").await;
    assert_eq!(execution.context().attempt(), 1);
    assert!(!execution.context().is_lease_lost());
    assert_eq!(store.calls("renew"), 1);
    execution.release().await;
}

/// A delivery that hears of its grant after 2 s, and the execution that took its lease of 1 s over before.
async fn taken_over(
    engine: &Idempotency,
    store: &FaultyStore,
) -> (tokio::task::JoinHandle<Begun>, Execution) {
    store.fail("claim", [Fault::AnswersLate(2 * SECOND)]);
    let late = tokio::spawn({
        let engine = engine.clone();
        async move { begin(&engine, "k").await }
    });
    tokio::time::sleep(SECOND + SECOND / 2).await;
    (late, run(engine, "k").await)
}

#[tokio::test(start_paused = true)]
async fn a_grant_heard_of_after_another_took_over_does_not_run() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_wait(Duration::ZERO);
    let engine = engine.with_policy(policy.with_store_timeout(5 * SECOND));
    let (late, second) = taken_over(&engine, &store).await;
    assert!(matches!(late.await.unwrap(), Begun::Conflict { .. }));
    assert_eq!(second.context().attempt(), 2);
    second.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_counts_from_the_first_copy_of_its_claim() {
    let (engine, store) = engine();
    let engine = engine.with_policy(Policy::webhook().with_lease(SECOND));
    let first = run(&engine, "k").await;
    store.fail("wait_for_change", [Fault::Hangs]);
    let waiter = tokio::spawn({
        let engine = engine.clone();
        async move { run(&engine, "k").await }
    });
    tokio::time::sleep(SECOND / 10).await;
    first.release().await;
    assert!(matches!(store.repeat_last_claim().await, Claimed::Granted(grant) if grant.attempt == 2));
    let second = waiter.await.unwrap();
    assert_eq!((second.context().attempt(), store.calls("renew")), (2, 1));
    tokio::time::sleep(SECOND / 2).await;
    assert!(!second.context().is_lease_lost());
    assert!(matches!(store.repeat_last_claim().await, Claimed::Granted(grant) if grant.attempt == 2));
    second.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_notification_fails_is_polled_slowly() {
    // What failing takes is part of the pause.
    let late = Fault::RefusedLate(Duration::from_millis(90));
    for fault in [Fault::Refused(StoreErrorKind::Unavailable), late] {
        let (engine, store) = engine();
        let execution = run(&engine, "k").await;
        store.fail("wait_for_change", [fault; 1000]);
        assert!(matches!(begin(&engine, "k").await, Begun::Conflict { .. }));
        let claims = store.calls("claim");
        assert!((20..=22).contains(&claims), "{fault:?}: {claims} claims in a wait of 2 s");
        execution.release().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_key_is_rerun_or_in_doubt_as_the_policy_says() {
    let (engine, _) = engine();
    drop(run(&engine, "k").await);
    let fresh = engine.clone().with_policy(Policy::webhook().with_wait(Duration::ZERO));
    assert!(matches!(begin(&fresh, "k").await, Begun::Conflict { .. }));
    tokio::time::advance(30 * SECOND).await;
    let in_doubt = engine.clone().with_policy(Policy::webhook().with_on_expired(OnExpired::InDoubt));
    assert!(matches!(begin(&in_doubt, "k").await, Begun::InDoubt));
    let second = run(&engine, "k").await;
    assert_eq!(second.context().attempt(), 2);
    second.release().await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_runs_the_handler_only_if_the_policy_says_so() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::Hangs]);
    assert_eq!(engine.begin(delivery("k")).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert!(engine.drain(30 * SECOND).await);
    let proceeding = engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed));
    store.fail("claim", [Fault::Hangs]);
    let Begun::Unprotected(context) = begin(&proceeding, "k").await else { panic!("expected to proceed") };
    assert_eq!((context.attempt(), context.fence(), context.is_protected()), (0, Fence::NONE, false));
    assert!(context.is_lease_lost());
    store.fail("claim", [Fault::Refused(StoreErrorKind::Refused)]);
    let error = proceeding.begin(delivery("k")).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "a store that is set up wrongly is no outage");
    assert!(run(&proceeding, "k").await.context().is_protected());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_runs_nothing_whatever_became_of_earlier_tries() {
    for kind in [StoreErrorKind::Full, StoreErrorKind::Refused] {
        for earlier in [None, Some(Fault::AnswerLost)] {
            let (engine, store) = engine();
            let engine = engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed));
            store.fail("claim", earlier.into_iter().chain([Fault::Refused(kind)]));
            let error = engine.begin(delivery("k")).await.unwrap_err();
            assert_eq!((error.kind(), error.may_have_executed()), (kind, earlier.is_some()));
            assert!(engine.drain(30 * SECOND).await);
            // A claim that was carried out is undone all the same.
            assert_eq!(state(&store, "k").await, earlier.map(|_| StateView::Released), "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn undoing_a_claim_takes_no_key_from_a_holder_that_is_late() {
    let (engine, store) = engine();
    store.fail("renew", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    let mut first = run(&engine, "k").await;
    let work = async {
        first.drive(tokio::time::sleep(60 * SECOND)).await;
        first.complete(outcome("first")).await
    };
    let rival = async {
        tokio::time::sleep(20 * SECOND).await;
        store.fail("claim", [Fault::Hangs]);
        store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 20]);
        assert!(engine.begin(delivery("k")).await.is_err());
    };
    let (completion, ()) = futures_util::join!(work, rival);
    assert_eq!(completion, CompletionResult::Recorded);
    assert!(
        matches!(begin(&engine, "k").await, Begun::Replay(replayed) if replayed.outcome == outcome("first"))
    );
}

#[tokio::test(start_paused = true)]
async fn undoing_ends_although_the_store_hangs() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::Hangs; 2]);
    assert!(engine.begin(delivery("k")).await.is_err());
    assert!(engine.drain(60 * SECOND).await, "the undoing hangs for ever");
}

#[tokio::test(start_paused = true)]
async fn an_endless_lease_is_no_panic() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_lease(Duration::MAX));
    let mut execution = run(&engine, "k").await;
    execution.drive(tokio::time::sleep(SECOND)).await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn an_endless_wait_is_no_panic() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_wait(Duration::MAX));
    let first = run(&engine, "k").await;
    let (begun, _) = futures_util::join!(begin(&engine, "k"), async {
        tokio::time::sleep(SECOND).await;
        first.complete(outcome("done")).await
    });
    assert!(matches!(begun, Begun::Replay(_)));
}

#[tokio::test(start_paused = true)]
async fn an_endless_store_timeout_is_no_panic() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_store_timeout(Duration::MAX));
    drop(run(&engine, "k").await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_while_waiting_for_a_holder_runs_nothing_beside_it() {
    let (engine, store) = engine();
    let seen = Seen::default();
    let engine =
        engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed)).with_observer(seen.clone());
    let first = run(&engine, "k").await;
    let (begun, ()) = futures_util::join!(begin(&engine, "k"), async {
        tokio::time::sleep(SECOND).await;
        store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 100]);
    });
    assert!(matches!(begun, Begun::Conflict { .. }), "two run at once: {begun:?}");
    assert_eq!(*seen.0.lock().unwrap(), ["granted", "outage", "conflict"], "the store's error is not lost");
    first.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_in_reach_that_cannot_vouch_for_a_grant_is_not_run_past() {
    let (engine, store) = engine();
    let engine = engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed));
    // The last try is cut short, so that it does not say it itself.
    store.fail("claim", [Fault::NotConfirmed, Fault::NotConfirmed, Fault::CarriedOutThenHangs]);
    let error = engine.begin(delivery("k")).await.unwrap_err();
    assert!(error.is_store_in_reach() && error.is_transient(), "{error:?}");
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_another_took_over_runs_nothing_beside_it() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_wait(Duration::ZERO);
    let policy = policy.with_store_timeout(5 * SECOND).with_on_outage(OnOutage::Proceed);
    let engine = engine.with_policy(policy);
    let (late, second) = taken_over(&engine, &store).await;
    store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    assert!(matches!(late.await.unwrap(), Begun::Conflict { .. }));
    second.release().await;
}
