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
async fn waiters_beyond_the_limit_get_a_conflict_at_once() {
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
async fn a_claim_whose_answer_was_lost_is_repeated_and_granted() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::AnswerLost, Fault::AnswerLost]);
    let execution = run(&engine, "k").await;
    assert_eq!(execution.context().attempt(), 1);
    assert_eq!(store.calls("claim"), 3);
    execution.release().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_fails_within_the_timeout_and_its_claim_is_undone() {
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
async fn a_claim_that_certainly_did_not_execute_is_not_repeated_later() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::Refused(StoreErrorKind::Refused)]);
    assert_eq!(engine.begin(delivery("k")).await.unwrap_err().kind(), StoreErrorKind::Refused);
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(store.calls("claim"), 1);
    assert_eq!(state(&store, "k").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_arrives_after_its_lease_is_renewed_before_it_runs() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_store_timeout(5 * SECOND);
    store.fail("claim", [Fault::AnswersLate(2 * SECOND)]);
    let execution = run(&engine.with_policy(policy), "k").await;
    assert_eq!(execution.context().attempt(), 1);
    assert!(!execution.context().is_lease_lost());
    assert_eq!(store.calls("renew"), 1);
    execution.release().await;
}

/// Returns a delivery whose grant arrives after 2 s, and the execution that took its lease of 1 s over.
async fn late_grant_and_successor(
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
async fn a_grant_that_arrives_after_a_takeover_does_not_run() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_wait(Duration::ZERO);
    let engine = engine.with_policy(policy.with_store_timeout(5 * SECOND));
    let (late, second) = late_grant_and_successor(&engine, &store).await;
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
    // The time until the failure counts as part of the pause.
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
    assert_eq!(error.kind(), StoreErrorKind::Refused, "a misconfigured store is no outage");
    assert!(run(&proceeding, "k").await.context().is_protected());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_runs_nothing_even_if_an_earlier_try_may_have_executed() {
    for kind in [StoreErrorKind::Full, StoreErrorKind::Refused] {
        for earlier in [None, Some(Fault::AnswerLost)] {
            let (engine, store) = engine();
            let engine = engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed));
            store.fail("claim", earlier.into_iter().chain([Fault::Refused(kind)]));
            let error = engine.begin(delivery("k")).await.unwrap_err();
            assert_eq!((error.kind(), error.may_have_executed()), (kind, earlier.is_some()));
            assert!(engine.drain(30 * SECOND).await);
            // A claim that executed is still undone.
            assert_eq!(state(&store, "k").await, earlier.map(|_| StateView::Released), "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn undoing_a_claim_does_not_take_the_key_from_a_late_holder() {
    let (engine, store) = engine();
    store.fail("renew", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    let mut first = run(&engine, "k").await;
    let work = async {
        first.renew_while(tokio::time::sleep(60 * SECOND)).await;
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
async fn undoing_a_claim_ends_even_if_the_store_hangs() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::Hangs; 2]);
    assert!(engine.begin(delivery("k")).await.is_err());
    assert!(engine.drain(60 * SECOND).await, "undoing the claim hangs for ever");
}

#[tokio::test(start_paused = true)]
async fn an_endless_lease_does_not_panic() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_lease(Duration::MAX));
    let mut execution = run(&engine, "k").await;
    execution.renew_while(tokio::time::sleep(SECOND)).await;
    assert_eq!(execution.complete(outcome("done")).await, CompletionResult::Recorded);
}

#[tokio::test(start_paused = true)]
async fn an_endless_wait_does_not_panic() {
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
async fn an_endless_store_timeout_does_not_panic() {
    let (engine, _) = engine();
    let engine = engine.with_policy(Policy::webhook().with_store_timeout(Duration::MAX));
    drop(run(&engine, "k").await);
}

#[tokio::test(start_paused = true)]
async fn an_outage_during_the_wait_for_a_holder_runs_nothing() {
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
async fn a_store_in_reach_that_cannot_confirm_a_grant_is_not_bypassed() {
    let (engine, store) = engine();
    let engine = engine.with_policy(Policy::webhook().with_on_outage(OnOutage::Proceed));
    // The last try is cut short, so it cannot report this itself.
    store.fail("claim", [Fault::NotConfirmed, Fault::NotConfirmed, Fault::CarriedOutThenHangs]);
    let error = engine.begin(delivery("k")).await.unwrap_err();
    assert!(error.is_store_in_reach() && error.is_transient(), "{error:?}");
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn an_outage_after_a_takeover_runs_nothing() {
    let (engine, store) = engine();
    let policy = Policy::webhook().with_lease(SECOND).with_wait(Duration::ZERO);
    let policy = policy.with_store_timeout(5 * SECOND).with_on_outage(OnOutage::Proceed);
    let engine = engine.with_policy(policy);
    let (late, second) = late_grant_and_successor(&engine, &store).await;
    store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    assert!(matches!(late.await.unwrap(), Begun::Conflict { .. }));
    second.release().await;
}
