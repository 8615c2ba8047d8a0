//! Handlers that succeed while Redis cannot record the outcome: the sender gets the success, the handler does not run
//! again, and the outcome is recorded once Redis is back.

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, PATIENCE, Setup, eventually};
use idempotency_tests::redis_server::RedisServer;

/// A server that waits long enough for Redis to reach its handler, and gives up recording soon.
async fn start(framework: Framework, redis: &RedisServer, ledger: &Ledger) -> Demo {
    Setup::new(framework, &redis.url(), ledger).with_variable("STORE_TIMEOUT", "2s").start().await
}

/// Delivers until the outcome is recorded. Nothing may execute meanwhile.
async fn assert_is_recorded_soon(demo: &Demo, delivery: &Delivery, ledger: &Ledger) {
    eventually("the outcome in redis", PATIENCE, async || {
        let answer = demo.deliver(delivery).await;
        if answer.status == 503 {
            return None;
        }
        answer.assert_is(200, "replayed");
        Some(())
    })
    .await;
    let [line] = &ledger.lines_of("delivery-1")[..] else { panic!("the handler must not run again") };
    assert_eq!(line.attempt, 1);
}

#[tokio::test]
async fn a_redis_that_hangs_at_the_end_of_a_handler_learns_its_outcome_later() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        let delivery = Delivery::github("delivery-1").steered("gated=1");
        let sending = demo.delivering(&delivery);
        ledger.gate_is_reached().await;
        redis.pause();
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed; stored=?0");
        redis.resume();
        assert_is_recorded_soon(&demo, &delivery, &ledger).await;
    }
}

#[tokio::test]
async fn a_redis_that_is_restarted_with_its_records_learns_the_outcome_later() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let redis = RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await;
        let demo = start(framework, &redis, &ledger).await;
        let delivery = Delivery::github("delivery-1").steered("gated=1");
        let sending = demo.delivering(&delivery);
        ledger.gate_is_reached().await;
        redis.kill();
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed; stored=?0");
        redis.restart().await;
        assert_is_recorded_soon(&demo, &delivery, &ledger).await;
    }
}

#[tokio::test]
async fn a_full_redis_grants_nothing_and_forgets_no_execution() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = start(framework, &redis, &ledger).await;
        let known = Delivery::github("delivery-0");
        demo.deliver(&known).await.assert_is(200, "executed");
        let delivery = Delivery::github("delivery-1").steered("gated=1");
        let sending = demo.delivering(&delivery);
        ledger.gate_is_reached().await;
        let _: String = redis.query(&["CONFIG", "SET", "maxmemory", "1"]).await;
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed; stored=?0");
        demo.deliver(&delivery).await.assert_is(503, "in-doubt");
        demo.deliver(&known).await.assert_is(200, "replayed");
        let other = demo.deliver(&Delivery::github("delivery-2")).await;
        assert_eq!(other.status, 503, "{other:?}");
        assert!(other.header("retry-after").is_some(), "{other:?}");
        let _: String = redis.query(&["CONFIG", "SET", "maxmemory", "0"]).await;
        assert_is_recorded_soon(&demo, &delivery, &ledger).await;
        demo.deliver(&Delivery::github("delivery-2")).await.assert_is(200, "executed");
    }
}
