//! Redis out of reach: deliveries are refused without hanging, nothing is executed, and the servers recover without a
//! restart. The engine's tests measure the time until the refusal, in paused time.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, PATIENCE, Setup, eventually, now};
use idempotency_tests::redis_server::RedisServer;
use tokio::task::JoinSet;

/// A delivery that takes longer hangs. The servers' bound is far below.
const HANGING: Duration = Duration::from_secs(30);

/// A server with the default timeouts and a lease that outlasts every test, so that no execution can follow a takeover.
async fn start(framework: Framework, redis: &RedisServer, ledger: &Ledger) -> Demo {
    let setup = Setup::new(framework, &redis.url(), ledger).with_default_patience();
    setup.with("--lease", "1h").start().await
}

async fn assert_refuses(demo: &Demo, delivery: &Delivery, case: &str) {
    let start = now();
    let answer = demo.deliver(delivery).await;
    let took = start.elapsed();
    println!("{case}: refused after {took:?}");
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert!(took <= HANGING, "{case}: {took:?}");
}

/// Delivers until it is executed, like a sender.
async fn assert_is_executed(demo: &Demo, delivery: &Delivery) {
    eventually("an execution", PATIENCE, async || {
        let answer = demo.deliver(delivery).await;
        // A slow machine may not record it within the bound.
        (answer.status == 200).then(|| assert!(answer.mark().starts_with("executed"), "{answer:?}"))
    })
    .await;
}

/// Delivers until the outcome is replayed.
async fn assert_is_replayed(demo: &Demo, delivery: &Delivery) {
    eventually("a replay", PATIENCE, async || {
        let answer = demo.deliver(delivery).await;
        (answer.status == 200).then(|| answer.assert_is(200, "replayed"))
    })
    .await;
}

#[tokio::test]
async fn while_redis_is_down_deliveries_are_refused_and_afterwards_executed() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        assert_is_executed(&demo, &Delivery::github("before")).await;
        redis.kill();
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            assert_refuses(&demo, &delivery, &format!("{framework:?}, down")).await;
        }
        assert_eq!(ledger.lines().len(), 1);
        redis.restart().await;
        assert_is_executed(&demo, &Delivery::github("during-0")).await;
        assert_is_replayed(&demo, &Delivery::github("during-0")).await;
        assert_eq!(ledger.lines().len(), 2);
    }
}

#[tokio::test]
async fn while_redis_hangs_deliveries_are_refused_and_afterwards_executed_at_once() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        assert_is_executed(&demo, &Delivery::github("before")).await;
        redis.pause();
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            assert_refuses(&demo, &delivery, &format!("{framework:?}, hanging")).await;
        }
        assert_eq!(ledger.lines().len(), 1);
        redis.resume();
        // Redis now executes the pending claims. They are undone, so they block no key for a lease.
        for number in 0..3 {
            let delivery = Delivery::github(&format!("during-{number}"));
            assert_is_executed(&demo, &delivery).await;
            assert_is_replayed(&demo, &delivery).await;
        }
        assert_eq!(ledger.lines().len(), 4);
    }
}

#[tokio::test]
async fn a_server_that_is_started_before_redis_works_once_redis_is_up() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        redis.kill();
        let demo = start(framework, &redis, &ledger).await;
        let delivery = Delivery::github("delivery-1");
        assert_refuses(&demo, &delivery, &format!("{framework:?}, not yet up")).await;
        redis.restart().await;
        assert_is_executed(&demo, &delivery).await;
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_server_whose_redis_hangs_from_the_beginning_refuses() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        redis.pause();
        for sender in ["github", "slack"] {
            let delivery = Delivery::only(sender, 1);
            assert_refuses(&demo, &delivery, &format!("{framework:?}, hanging from the beginning")).await;
        }
        redis.resume();
        assert_is_executed(&demo, &Delivery::github("github-1")).await;
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn many_deliveries_at_once_are_refused_as_well() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        assert_is_executed(&demo, &Delivery::github("before")).await;
        redis.pause();
        let mut senders = JoinSet::new();
        for number in 0..200 {
            let (client, delivery) = (demo.client(), Delivery::github(&format!("during-{number}")));
            senders.spawn(async move {
                let start = now();
                (client.send(&delivery).await.unwrap(), start.elapsed())
            });
        }
        let answers = senders.join_all().await;
        for (answer, _) in &answers {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.header("retry-after").is_some(), "{answer:?}");
        }
        let longest = answers.iter().map(|(_, took)| *took).max().unwrap();
        println!("{framework:?}: 200 at once refused after {longest:?} at most");
        assert!(longest <= HANGING, "{longest:?}");
        assert_eq!(ledger.lines().len(), 1);
        redis.resume();
        for number in 0..200 {
            assert_is_executed(&demo, &Delivery::github(&format!("during-{number}"))).await;
        }
        assert_eq!(ledger.lines().len(), 201);
    }
}
