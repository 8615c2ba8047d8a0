use super::*;

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_dropped_while_it_claims_leaves_no_claim_behind() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::CarriedOutThenHangs]);
    let dropped = tokio::time::timeout(Duration::from_millis(1), engine.begin(delivery("k"))).await;
    assert!(dropped.is_err());
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_never_answered_is_tried_again() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::CarriedOutThenHangs, Fault::Hangs]);
    store.fail("release", [Fault::Hangs]);
    let dropped = tokio::time::timeout(Duration::from_millis(1), engine.begin(delivery("k"))).await;
    assert!(dropped.is_err());
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_may_have_executed_is_undone_even_if_the_last_try_did_not() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::AnswerLost]);
    store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 20]);
    let error = engine.begin(delivery("k")).await.unwrap_err();
    assert!(error.kind() == StoreErrorKind::Unavailable && error.may_have_executed(), "{error:?}");
    assert!(engine.drain(30 * SECOND).await);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

#[tokio::test(start_paused = true)]
async fn an_undo_ends_with_the_lease_and_does_not_spin() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::CarriedOutThenHangs]);
    store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 1000]);
    let dropped = tokio::time::timeout(Duration::from_millis(1), engine.begin(delivery("k"))).await;
    assert!(dropped.is_err());
    assert!(engine.drain(32 * SECOND).await);
    assert!((20..50).contains(&store.calls("claim")), "{} claims", store.calls("claim"));
}

#[tokio::test(start_paused = true)]
async fn an_undo_that_is_refused_for_good_ends_at_once() {
    let (engine, store) = engine();
    store.fail("claim", [Fault::CarriedOutThenHangs]);
    store.fail("claim", [Fault::Refused(StoreErrorKind::Refused); 1000]);
    let dropped = tokio::time::timeout(Duration::from_millis(1), engine.begin(delivery("k"))).await;
    assert!(dropped.is_err());
    assert!(engine.drain(SECOND).await);
    assert_eq!(store.calls("claim"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_cannot_be_undone_is_observed() {
    for on_expired in [OnExpired::Rerun, OnExpired::InDoubt] {
        for kind in [StoreErrorKind::Unavailable, StoreErrorKind::Full] {
            let (engine, store) = engine();
            let seen = Seen::default();
            let policy = Policy::webhook().with_on_expired(on_expired);
            let engine = engine.with_policy(policy).with_observer(seen.clone());
            store.fail("claim", [Fault::AnswerLost]);
            store.fail("claim", [Fault::Refused(kind); 1000]);
            engine.begin(delivery("k")).await.unwrap_err();
            assert!(engine.drain(60 * SECOND).await);
            let left = seen.0.lock().unwrap().iter().filter(|name| **name == "left_to_expire").count();
            assert_eq!(left, 1, "{on_expired:?} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_an_undo_makes_itself_is_released() {
    let (engine, store) = engine();
    // The store grants the repeated claim only at the end of the time for undoing it.
    store.fail("claim", [Fault::Hangs]);
    store.fail("claim", [Fault::Refused(StoreErrorKind::Unavailable); 33]);
    store.fail("release", [Fault::Refused(StoreErrorKind::Unavailable); 3]);
    engine.begin(delivery("k")).await.unwrap_err();
    assert!(engine.drain(60 * SECOND).await);
    assert_eq!(store.calls("release"), 4);
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}

/// In a cluster, mark and record can be on different masters.
#[tokio::test(start_paused = true)]
async fn a_claim_is_undone_while_its_mark_cannot_be_read() {
    let (engine, store) = engine();
    store.lose_marks();
    let order = Order::new(Resource::new(&Scope::endpoint("tests"), "thing", "1"), Version::new(1));
    let error = engine.begin(delivery("k").with_order(order)).await.unwrap_err();
    assert!(error.may_have_executed());
    assert!(engine.drain(SECOND).await, "the part of the store that holds the record answers");
    assert_eq!(state(&store, "k").await, Some(StateView::Released));
}
