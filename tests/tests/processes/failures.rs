//! Handlers that fail or panic: the next delivery executes, and the one after it replays.

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, PATIENCE, eventually};
use idempotency_tests::redis_server::RedisServer;

/// Waits until a duplicate waits for a key, which shows as a read of its record.
async fn a_duplicate_waits(redis: &RedisServer) {
    eventually("a waiter", PATIENCE, async || redis.calls().await.get("getrange").map(drop)).await;
}

#[tokio::test]
async fn a_failed_execution_is_retried_at_once_and_then_replayed() {
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let one = Demo::start(first, &redis.url(), &ledger).await;
        let two = Demo::start(second, &redis.url(), &ledger).await;
        for delivery in Delivery::of_each_sender(1) {
            // Twilio signs the query.
            let delivery = match delivery.target.contains("twilio") {
                true => Delivery::twilio(1, "fail_times=1"),
                false => delivery.steered("fail_times=1"),
            };
            one.deliver(&delivery).await.assert_is(500, "executed");
            let answer = two.deliver(&delivery).await;
            answer.assert_is(200, "executed");
            assert_eq!(answer.json()["attempt"], 2);
            let replayed = one.deliver(&delivery).await;
            replayed.assert_is(200, "replayed");
            assert_eq!(replayed.header("idempotent-replayed"), Some("true"));
            assert_eq!(replayed.recorded(), answer.recorded());
        }
        let attempts: Vec<u32> = ledger.lines().iter().map(|line| line.attempt).collect();
        assert_eq!(attempts, [2; 6]);
    }
}

#[tokio::test]
async fn a_panic_releases_at_once() {
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let one = Demo::start(first, &redis.url(), &ledger).await;
        let two = Demo::start(second, &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1").steered("panic_times=1");
        match one.try_deliver(&delivery).await {
            Err(closed) => println!("{first:?}: {closed}"),
            Ok(answer) => assert_eq!(answer.status, 500),
        }
        two.deliver(&delivery).await.assert_is(200, "executed");
        one.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 2);
    }
}

#[tokio::test]
async fn a_sender_that_hangs_up_does_not_cut_the_handler_short() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1").steered("gated=1");
        let sending = demo.delivering(&delivery);
        ledger.gate_is_reached().await;
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled());
        let retry = demo.delivering(&delivery);
        a_duplicate_waits(&redis).await;
        ledger.open_gate();
        retry.await.unwrap().unwrap().assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn in_memory_one_process_keeps_the_same_promises() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        let failing = Delivery::github("delivery-1").steered("fail_times=1");
        demo.deliver(&failing).await.assert_is(500, "executed");
        demo.deliver(&failing).await.assert_is(200, "executed");
        demo.deliver(&failing).await.assert_is(200, "replayed");
        let slow = Delivery::github("delivery-2").steered("gated=1");
        let sending: Vec<_> = (0..20).map(|_| demo.delivering(&slow)).collect();
        ledger.gate_is_reached().await;
        ledger.open_gate();
        let mut executed = 0;
        for sending in sending {
            let answer = sending.await.unwrap().unwrap();
            assert_eq!(answer.status, 200);
            executed += usize::from(answer.mark() == "executed");
        }
        assert_eq!(executed, 1);
        demo.deliver(&Delivery::user("msg_2", "user.updated", "usr_1", 2)).await.assert_is(200, "executed");
        demo.deliver(&Delivery::user("msg_1", "user.created", "usr_1", 1)).await.assert_is(200, "stale");
        assert_eq!(ledger.lines().len(), 3);
    }
}
