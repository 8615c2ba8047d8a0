//! Failures of the handler, of the store, and of the connection between them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use idempotency_core::{OnOutage, Policy};

use super::{PATIENCE, api, done, patient, webhook};
use crate::http::{DELIBERATE, Fault, Handler, Operation, Reply, Site, TestSender, handler, post};

/// Fails once, then succeeds.
fn failing_once(fail: fn() -> Reply) -> Handler {
    let runs = AtomicUsize::new(0);
    handler(move |call| {
        let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
        async move {
            let context = call.context.expect("a claimed delivery has a context");
            assert_eq!(context.attempt() as usize, run);
            if run == 1 { fail() } else { Reply::new(200, "done") }
        }
    })
}

/// A webhook's failure is retried, never replayed.
pub async fn a_500_passes_its_retry_executes_and_the_third_replays(site: &Site) {
    let served = site.serve(webhook(), failing_once(|| Reply::new(500, "broken"))).await;
    served.send(post("/hook").key("k")).await.is(500, "executed").says("broken");
    served.send(post("/hook").key("k")).await.is(200, "executed").says("done");
    served.send(post("/hook").key("k")).await.is(200, "replayed").says("done");
    assert_eq!(served.executions(), 2);
}

/// The framework closes the connection, as after any panic. The next delivery executes.
pub async fn a_panic_releases_at_once(site: &Site) {
    let served = site.serve(webhook(), failing_once(|| panic!("{DELIBERATE}"))).await;
    assert!(post("/hook").key("k").send_to(served.addr).await.is_err());
    served.send(post("/hook").key("k")).await.is(200, "executed").says("done");
    served.send(post("/hook").key("k")).await.is(200, "replayed");
    assert_eq!(served.executions(), 2);
}

/// The recording is repeated in the background, and the key is never released.
pub async fn a_failing_recording_never_turns_a_success_into_an_error(site: &Site) {
    for (key, fault) in [("fails", Fault::Unavailable), ("hangs", Fault::Hangs)] {
        let served = site.serve(webhook(), done()).await;
        site.store.breaks(Operation::Complete, fault);
        let answer = served.send_and_advance_time(post("/hook").key(key), Operation::Complete).await;
        answer.is(200, "executed; stored=?0").says("done");
        site.store.recovers();
        // A repetition that began before the recovery hangs until its timeout.
        site.time.advance_until(served.completed(key)).await;
        served.send(post("/hook").key(key)).await.is(200, "replayed").says("done");
        assert_eq!((served.executions(), site.store.count(Operation::Release)), (1, 0));
    }
}

/// The store has the outcome, and only this process does not know.
pub async fn a_recording_whose_answer_is_lost_is_still_recorded(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    site.store.breaks(Operation::Complete, Fault::AnswerLost);
    let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Complete).await;
    answer.is(200, "executed; stored=?0").says("done");
    served.send(post("/hook").key("k")).await.is(200, "replayed").says("done");
    site.store.recovers();
    assert!(served.engine.drain(Duration::from_secs(30)).await);
    served.send(post("/hook").key("k")).await.is(200, "replayed").says("done");
    assert_eq!((served.executions(), site.store.count(Operation::Release)), (1, 0));
}

/// The claim is repeated with the same owner, and is granted the same lease.
pub async fn a_claim_whose_answer_is_lost_meets_its_own_record(site: &Site) {
    let tell = handler(async |call| {
        let context = call.context.expect("a claimed delivery has a context");
        Reply::new(200, format!("attempt {}", context.attempt()))
    });
    let served = site.serve(webhook(), tell).await;
    site.store.breaks_times(Operation::Claim, Fault::AnswerLost, 2);
    served.send(post("/hook").key("k")).await.is(200, "executed").says("attempt 1");
    assert_eq!((served.executions(), site.store.count(Operation::Claim)), (1, 3));
    served.send(post("/hook").key("k")).await.is(200, "replayed");
}

/// 503 with `Retry-After`. The handler does not run, and the error's text is not sent.
pub async fn a_failing_store_is_503_without_its_error_text(site: &Site) {
    for (sender, fault) in [(webhook(), Fault::Unavailable), (api(), Fault::AnswerLost)] {
        let served = site.serve(sender, done()).await;
        site.store.breaks(Operation::Claim, fault);
        let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Claim).await;
        let answer = answer.is(503, "").is_problem("unavailable").retries_later();
        for word in ["secret-host", "broken", "store"] {
            assert!(!format!("{answer:?}").contains(word), "{answer:?}");
        }
        assert_eq!(served.executions(), 0);
        site.store.recovers();
        // A grant without a caller is given back in the background.
        assert!(served.engine.drain(Duration::from_secs(30)).await);
        served.send(post("/hook").key("k")).await.is(200, "executed");
        assert!(
            served.engine.store().forget(served.key("/hook", "k").digest()).await.expect("the store answers")
        );
    }
}

/// The request never hangs with the store.
pub async fn a_hanging_store_is_503_within_the_bound(site: &Site) {
    let served = site.serve(webhook(), done()).await;
    site.store.breaks(Operation::Claim, Fault::Hangs);
    let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Claim).await;
    answer.is(503, "").is_problem("unavailable").retries_later();
    assert_eq!(served.executions(), 0);
}

/// Each delivery runs and is marked as bypassed, also in the handler's context.
pub async fn a_delivery_executes_unprotected_in_an_outage_where_the_policy_says_so(site: &Site) {
    let tell = handler(async |call| {
        let context = call.context.expect("an unprotected delivery has a context too");
        Reply::new(200, format!("{} {}", context.is_protected(), context.attempt()))
    });
    let policy = patient(Policy::webhook()).with_on_outage(OnOutage::Proceed);
    let served = site.serve(TestSender::new(policy), tell).await;
    site.store.breaks(Operation::Claim, Fault::Unavailable);
    for _ in 0..2 {
        let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Claim).await;
        answer.is(200, "bypassed").says("false 0");
    }
    site.store.recovers();
    served.send(post("/hook").key("k")).await.is(200, "executed").says("true 1");
    served.send(post("/hook").key("k")).await.is(200, "replayed");
    assert_eq!(served.executions(), 3);
}

/// The handler's failure passes through, and the lease runs out.
pub async fn a_release_that_fails_leaves_the_answer_alone(site: &Site) {
    let policy = patient(Policy::webhook()).with_lease(Duration::from_millis(50)).with_wait(PATIENCE);
    let served = site.serve(TestSender::new(policy), failing_once(|| Reply::new(500, "broken"))).await;
    site.store.breaks(Operation::Release, Fault::Unavailable);
    let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Release).await;
    answer.is(500, "executed").says("broken");
    // The duplicate waits for the lease to run out.
    served.send(post("/hook").key("k")).await.is(200, "executed").says("done");
    assert_eq!(served.executions(), 2);
}
