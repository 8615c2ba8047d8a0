//! Redis out of reach: an answer in time, nothing executed, and no restart when it is back.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, eventually, now};
use idempotency_tests::redis_server::RedisServer;
use tokio::task::JoinSet;

/// Within this an outage must be answered.
const ANSWERED: Duration = Duration::from_secs(2);

async fn assert_refuses(demo: &Demo, delivery: &Delivery, case: &str) {
    let start = now();
    let answer = demo.deliver(delivery).await;
    let took = start.elapsed();
    println!("{case}: refused after {took:?}");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(took <= ANSWERED, "{case}: {took:?}");
}

/// Delivers until it is executed; gives how long that took.
async fn executed_after(demo: &Demo, delivery: &Delivery, within: Duration) -> Duration {
    let start = now();
    eventually("an execution", within, async || {
        let answer = demo.deliver(delivery).await;
        (answer.status == 200).then(|| answer.assert_is(200, "executed"))
    })
    .await;
    start.elapsed()
}

#[tokio::test]
async fn while_redis_is_down_deliveries_are_refused_and_afterwards_executed() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        demo.deliver(&Delivery::github("before")).await.assert_is(200, "executed");
        redis.kill();
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            assert_refuses(&demo, &delivery, &format!("{framework:?}, down")).await;
        }
        assert_eq!(ledger.lines().len(), 1);
        redis.restart().await;
        demo.deliver(&Delivery::github("during-0")).await.assert_is(200, "executed");
        demo.deliver(&Delivery::github("during-0")).await.assert_is(200, "replayed");
        assert_eq!(ledger.lines().len(), 2);
    }
}

#[tokio::test]
async fn while_redis_hangs_deliveries_are_refused_and_afterwards_executed_at_once() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        demo.deliver(&Delivery::github("before")).await.assert_is(200, "executed");
        redis.pause();
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            assert_refuses(&demo, &delivery, &format!("{framework:?}, hanging")).await;
        }
        assert_eq!(ledger.lines().len(), 1);
        redis.resume();
        // Redis now executes the claims that it was sent: they are undone, and block nobody for a lease.
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            let took = executed_after(&demo, &delivery, Duration::from_secs(5)).await;
            println!("{framework:?}: executed {took:?} after redis went on");
            demo.deliver(&delivery).await.assert_is(200, "replayed");
        }
        assert_eq!(ledger.lines().len(), 4);
    }
}

#[tokio::test]
async fn a_server_that_is_started_before_redis_works_once_redis_is_up() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        redis.kill();
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1");
        assert_refuses(&demo, &delivery, &format!("{framework:?}, not yet up")).await;
        redis.restart().await;
        demo.deliver(&delivery).await.assert_is(200, "executed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn a_server_whose_redis_hangs_from_the_beginning_refuses_in_time() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        redis.pause();
        for sender in ["github", "slack"] {
            let delivery = Delivery::of_sender(sender, 1);
            assert_refuses(&demo, &delivery, &format!("{framework:?}, hanging from the beginning")).await;
        }
        redis.resume();
        executed_after(&demo, &Delivery::github("github-1"), Duration::from_secs(5)).await;
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn many_deliveries_at_once_are_refused_in_time_as_well() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        demo.deliver(&Delivery::github("before")).await.assert_is(200, "executed");
        redis.pause();
        let mut senders = JoinSet::new();
        for number in 0..200 {
            let (client, delivery) = (demo.client(), Delivery::github(&format!("during-{number}")));
            senders.spawn(async move {
                let start = now();
                (client.send(&delivery).await.unwrap().status, start.elapsed())
            });
        }
        let answers = senders.join_all().await;
        assert!(answers.iter().all(|(status, _)| *status == 503));
        let longest = answers.iter().map(|(_, took)| *took).max().unwrap();
        println!("{framework:?}: 200 at once refused after {longest:?} at most");
        assert!(longest <= ANSWERED, "{longest:?}");
        redis.resume();
        for number in 0..200 {
            let delivery = Delivery::github(&format!("during-{number}"));
            executed_after(&demo, &delivery, Duration::from_secs(5)).await;
        }
        assert_eq!(ledger.lines().len(), 201);
    }
}
