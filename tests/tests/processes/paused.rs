//! A process that is paused for longer than its lease: the outcome of the process that took over stands.

use idempotency_core::store::StateView;
use idempotency_tests::demo::{
    Answer, Delivery, Demo, Framework, Ledger, PATIENCE, Setup, eventually, record,
};
use idempotency_tests::redis_server::RedisServer;

/// A process whose lease will run out.
async fn start(framework: Framework, redis: &RedisServer, ledger: &Ledger, lease: &str) -> Demo {
    Setup::new(framework, &redis.url(), ledger).with("--lease", lease).start().await
}

/// Delivers until it is executed.
async fn taken_over_by(demo: &Demo, delivery: &Delivery) -> Answer {
    let answer = eventually("a takeover", PATIENCE, async || {
        Some(demo.deliver(delivery).await).filter(|answer| answer.status != 503)
    });
    let answer = answer.await;
    answer.assert_is(200, "executed");
    answer
}

/// The paused process resumes while its handler still runs, or after the handler's time is over.
async fn the_late_outcome_is_refused([first, second]: [Framework; 2], resumed_before_the_end: bool) {
    let redis = RedisServer::start().await;
    let ledger = Ledger::new();
    let paused = start(first, &redis, &ledger, "1s").await;
    let other = start(second, &redis, &ledger, "600s").await;
    let delivery = Delivery::github("delivery-1");

    let sending = paused.delivering(&delivery.clone().steered("gated=1"));
    ledger.gate_is_reached().await;
    paused.pause();
    let answer = taken_over_by(&other, &delivery).await;
    if resumed_before_the_end {
        paused.resume();
        let noticed = async || paused.log().contains("lease_lost").then_some(());
        eventually("a renewal that is refused", PATIENCE, noticed).await;
        ledger.open_gate();
    } else {
        ledger.open_gate();
        paused.resume();
    }
    let late = sending.await.expect("it is not aborted").expect("it is answered");
    println!("{first:?} resumed, {second:?} had taken over: the late answer is {}", late.status);
    assert!(!late.status.is_success(), "{late:?}");

    for demo in [&paused, &other] {
        let replayed = demo.deliver(&delivery).await;
        replayed.assert_is(200, "replayed");
        assert_eq!(replayed.recorded(), answer.recorded());
    }
    assert_eq!(ledger.only_line().attempt, 2);
    let attempt = &answer.json()["attempt"];
    assert_eq!(attempt, 2);
}

#[tokio::test]
async fn a_process_that_resumes_during_its_handler_records_nothing() {
    for pair in Framework::PAIRS {
        the_late_outcome_is_refused(pair, true).await;
    }
}

#[tokio::test]
async fn a_process_that_resumes_after_its_handler_records_nothing() {
    for pair in Framework::PAIRS {
        the_late_outcome_is_refused(pair, false).await;
    }
}

/// Waits until the key's lease is held or has run out.
async fn lease(redis: &RedisServer, is_held: bool) {
    eventually("a change of the lease", PATIENCE, async || {
        let state = record(redis, "github", "delivery-1").await?.state;
        match (is_held, state) {
            (true, StateView::InFlight { .. }) | (false, StateView::Abandoned) => Some(()),
            _ => None,
        }
    })
    .await;
}

#[tokio::test]
async fn a_paused_process_without_a_takeover_resumes_and_records_its_outcome() {
    for framework in Framework::BOTH {
        let redis = RedisServer::start().await;
        let ledger = Ledger::new();
        let demo = start(framework, &redis, &ledger, "3s").await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        demo.pause();
        lease(&redis, false).await;
        demo.resume();
        lease(&redis, true).await;
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        demo.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}
