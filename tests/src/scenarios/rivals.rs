//! Rivals: concurrent deliveries of one key.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use idempotency_core::Policy;

use super::{PATIENCE, api, gate, gated, patient, webhook};
use crate::http::{Fault, Operation, Reply, Site, TestSender, handler, post};

const RIVALS: usize = 20;
/// A lease that runs out soon.
const SHORT: Duration = Duration::from_millis(200);

/// One executes. The others wait, or are answered that it is in flight.
pub async fn n_concurrent_equal_requests_execute_once(site: &Site) {
    for (key, sender, duplicate) in [("webhook", webhook(), "replayed"), ("api", api(), "conflict")] {
        let waits = site.store.count(Operation::Wait);
        let (gate, answered) = (gate(), gate());
        let served = site.serve(sender, gated(&gate)).await;
        let rivals = join_all((0..RIVALS).map(async |_| {
            let answer = served.send_unnoted(post("/hook").key(key).body("{}")).await;
            answered.add_permits(1);
            answer
        }));
        let (mut answers, ()) = tokio::join!(rivals, async {
            // All the others wait or have their answer before the first may finish.
            match duplicate {
                "replayed" => site.store.asked(Operation::Wait, waits + RIVALS - 1).await,
                _ => drop(answered.acquire_many(RIVALS as u32 - 1).await),
            }
            gate.add_permits(RIVALS);
        });
        answers.sort();
        let count = |status: &str| {
            answers.iter().filter(|answer| answer.all("idempotency-status") == [status]).count()
        };
        assert_eq!((count("executed"), count(duplicate)), (1, RIVALS - 1), "{answers:?}");
        assert_eq!(served.executions(), 1);
        answers.into_iter().for_each(|answer| served.note(answer));
        served.send(post("/hook").key(key).body("{}")).await.is(200, "replayed");
    }
}

/// It is woken when the first completes.
pub async fn a_duplicate_in_flight_waits_and_replays(site: &Site) {
    for (key, policy) in [("webhook", Policy::webhook()), ("api", Policy::api())] {
        let waits = site.store.count(Operation::Wait);
        let gate = gate();
        let policy = patient(policy).with_wait(PATIENCE);
        let served = site.serve(TestSender::new(policy), gated(&gate)).await;
        let (first, second, ()) = tokio::join!(
            served.send_unnoted(post("/hook").key(key)),
            async {
                served.executed(1).await;
                served.send_unnoted(post("/hook").key(key)).await
            },
            async {
                site.store.asked(Operation::Wait, waits + 1).await;
                gate.add_permits(1);
            }
        );
        served.note(first.is(200, "executed").says("done"));
        served.note(second.is(200, "replayed").says("done"));
        assert_eq!(served.executions(), 1);
    }
}

/// A 2xx would acknowledge work that is not done.
pub async fn a_webhook_duplicate_in_flight_is_503_after_the_wait_and_never_2xx(site: &Site) {
    conflicts(site, webhook(), 503, 1).await;
}

/// Its client is told to retry.
pub async fn an_api_duplicate_in_flight_is_409_at_once(site: &Site) {
    conflicts(site, api(), 409, 0).await;
}

async fn conflicts(site: &Site, sender: TestSender, status: u16, waits: usize) {
    let gate = gate();
    let served = site.serve(sender, gated(&gate)).await;
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k")), async {
        served.executed(1).await;
        let answer = served.send_and_advance_time(post("/hook").key("k"), Operation::Wait).await;
        answer.is(status, "conflict").is_problem("in-flight").retries_later();
        gate.add_permits(1);
    });
    served.note(first.is(200, "executed"));
    assert_eq!(site.store.count(Operation::Wait).min(1), waits);
    assert_eq!(served.executions(), 1);
}

/// The owner continues and completes, and its outcome is replayed.
pub async fn a_waiter_whose_time_runs_out_leaves_the_owner_alone(site: &Site) {
    let gate = gate();
    let policy = patient(Policy::webhook()).with_wait(Duration::from_millis(30));
    let served = site.serve(TestSender::new(policy), gated(&gate)).await;
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k")), async {
        served.executed(1).await;
        let waiters = join_all((0..3).map(|_| served.send_unnoted(post("/hook").key("k"))));
        waiters.await.into_iter().for_each(|answer| drop(answer.is(503, "conflict")));
        gate.add_permits(1);
    });
    first.is(200, "executed").says("done");
    served.send(post("/hook").key("k")).await.is(200, "replayed").says("done");
    assert_eq!((served.executions(), site.store.count(Operation::Release)), (1, 0));
}

/// The key stays held after any number of rejected duplicates.
pub async fn a_rejected_duplicate_frees_nothing(site: &Site) {
    let gate = gate();
    let served = site.serve(api(), gated(&gate)).await;
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k")), async {
        served.executed(1).await;
        for _ in 0..5 {
            served.send(post("/hook").key("k")).await.is(409, "conflict");
        }
        gate.add_permits(1);
    });
    first.is(200, "executed");
    served.send(post("/hook").key("k")).await.is(200, "replayed");
    assert_eq!((served.executions(), site.store.count(Operation::Release)), (1, 0));
}

/// One waits, the other does not.
pub async fn waiters_over_the_limit_are_answered_at_once(site: &Site) {
    let gate = gate();
    let policy = patient(Policy::webhook()).with_wait(PATIENCE).with_waiters_per_key(1);
    let served = site.serve(TestSender::new(policy), gated(&gate)).await;
    let (first, waiter, ()) = tokio::join!(
        served.send_unnoted(post("/hook").key("k")),
        async {
            served.executed(1).await;
            served.send_unnoted(post("/hook").key("k")).await
        },
        async {
            site.store.asked(Operation::Wait, 1).await;
            served.send(post("/hook").key("k")).await.is(503, "conflict").retries_later();
            gate.add_permits(1);
        }
    );
    first.is(200, "executed");
    waiter.is(200, "replayed");
    assert_eq!(served.executions(), 1);
}

/// The second owner's outcome is recorded. The first owner's sender is told to retry.
pub async fn after_a_takeover_the_first_owner_records_nothing(site: &Site) {
    let first_gate = gate();
    let held = first_gate.clone();
    let runs = AtomicUsize::new(0);
    let handle = handler(move |call| {
        let (held, run) = (held.clone(), runs.fetch_add(1, Ordering::SeqCst) + 1);
        async move {
            let context = call.context.expect("a claimed delivery has a context");
            assert_eq!(context.attempt() as usize, run);
            if run == 1 {
                held.acquire().await.expect("the gate is never closed").forget();
            }
            Reply::new(200, format!("by attempt {run}"))
        }
    });
    let policy = patient(Policy::webhook()).with_wait(Duration::ZERO);
    let served = site.serve(TestSender::new(policy.clone().with_lease(SHORT)), handle.clone()).await;
    // The second owner has a lease that outlasts the test.
    let other = site.serve(TestSender::new(policy), handle).await;
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k")), async {
        served.executed(1).await;
        // The hanging renewals imitate a paused process.
        site.store.breaks(Operation::Renew, Fault::Hangs);
        let second = loop {
            let answer = other.send_unnoted(post("/hook").key("k")).await;
            if answer.status != 503 {
                break answer;
            }
        };
        served.note(second.is(200, "executed").says("by attempt 2"));
        first_gate.add_permits(1);
    });
    served.note(first.is(503, "conflict").is_problem("in-flight").retries_later());
    served.send(post("/hook").key("k")).await.is(200, "replayed").says("by attempt 2");
    assert_eq!((served.executions(), other.executions()), (1, 1));
}

/// It answers that no work is left.
pub async fn drain_waits_for_the_last_execution(site: &Site) {
    let gate = gate();
    let served = site.serve(webhook(), gated(&gate)).await;
    assert!(served.engine.drain(Duration::from_secs(30)).await);
    let (first, ()) = tokio::join!(served.send_unnoted(post("/hook").key("k")), async {
        served.executed(1).await;
        assert!(!served.engine.drain(Duration::from_millis(10)).await);
        let drained = served.engine.drain(Duration::from_secs(30));
        let mut drained = std::pin::pin!(drained);
        assert!(futures_util::poll!(drained.as_mut()).is_pending());
        gate.add_permits(1);
        assert!(drained.await);
    });
    served.note(first.is(200, "executed"));
}
