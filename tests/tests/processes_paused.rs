//! A process that is paused for longer than its lease: whoever took over has the last word.

use std::time::Duration;

use idempotency_tests::demo::{Answer, Delivery, Demo, Framework, Ledger, Setup, eventually};
use idempotency_tests::redis_server::RedisServer;

async fn start(framework: Framework, redis: &RedisServer, ledger: &Ledger) -> Demo {
    let setup = Setup::new(framework, &redis.url(), ledger).with_variable("RUST_LOG", "idempotency=debug");
    setup.with("--lease", "1s").with("--wait", "0s").start().await
}

/// Waits until the handler runs: a process that is paused before it knows of its claim has nothing to lose.
async fn executing(demo: &Demo) {
    let granted = async || demo.log().contains("granted").then_some(());
    eventually("an execution", Duration::from_secs(5), granted).await;
}

/// Delivers until somebody executes it.
async fn taken_over_by(demo: &Demo, delivery: &Delivery) -> Answer {
    let answer = eventually("a takeover", Duration::from_secs(4), async || {
        Some(demo.deliver(delivery).await).filter(|answer| answer.status != 503)
    });
    let answer = answer.await;
    answer.assert_is(200, "executed");
    answer
}

/// The paused process goes on while its handler still works, or after the handler's time is over.
async fn the_late_outcome_is_refused([first, second]: [Framework; 2], resumed_before_the_end: bool) {
    let redis = RedisServer::start().await;
    let ledger = Ledger::new();
    let paused = start(first, &redis, &ledger).await;
    let other = start(second, &redis, &ledger).await;
    let delivery = Delivery::github("delivery-1");

    let delay = if resumed_before_the_end { "delay_ms=4000" } else { "delay_ms=500" };
    let sending = paused.delivering(&delivery.clone().steered(delay));
    executing(&paused).await;
    paused.pause();
    let answer = taken_over_by(&other, &delivery).await;
    paused.resume();
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
async fn a_process_that_goes_on_in_the_middle_of_its_handler_records_nothing() {
    for pair in Framework::PAIRS {
        the_late_outcome_is_refused(pair, true).await;
    }
}

#[tokio::test]
async fn a_process_that_goes_on_after_the_end_of_its_handler_records_nothing() {
    for pair in Framework::PAIRS {
        the_late_outcome_is_refused(pair, false).await;
    }
}

#[tokio::test]
async fn a_process_from_which_nobody_took_over_goes_on_and_records_its_outcome() {
    for framework in Framework::BOTH {
        let redis = RedisServer::start().await;
        let ledger = Ledger::new();
        let demo = start(framework, &redis, &ledger).await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("delay_ms=3000"));
        executing(&demo).await;
        demo.pause();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        demo.resume();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        demo.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}
