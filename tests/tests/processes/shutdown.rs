//! SIGTERM: executions under way complete before the process ends.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, PATIENCE, eventually, now};
use idempotency_tests::redis_server::RedisServer;

/// Waits until the server has received the signal: new connections are refused or wait for its end.
async fn stops_serving(demo: &Demo) {
    let healthz = Delivery::get("/healthz");
    eventually("a server that stops serving", PATIENCE, async || {
        let asked = tokio::time::timeout(Duration::from_secs(1), demo.try_deliver(&healthz)).await;
        (!matches!(asked, Ok(Ok(_)))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_delivery_whose_sender_hung_up_is_completed_before_the_exit() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled());

        let start = now();
        demo.terminate();
        stops_serving(&demo).await;
        assert!(demo.exit_status().is_none(), "it must not end before its work does: {}", demo.log());
        ledger.open_gate();
        let status = demo.exit().await;
        println!("{framework:?} ended after {:?}: {status}", start.elapsed());
        assert_eq!(status.code(), Some(0), "{}", demo.log());
        assert_eq!(ledger.only_line().attempt, 1);

        let next = Demo::start(framework, &redis.url(), &ledger).await;
        next.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_delivery_whose_sender_waits_is_answered_before_the_exit() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        let sending = demo.delivering(&Delivery::github("delivery-1").steered("gated=1"));
        ledger.gate_is_reached().await;
        demo.terminate();
        stops_serving(&demo).await;
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        assert_eq!(demo.exit().await.code(), Some(0), "{}", demo.log());
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn an_idle_server_ends_without_waiting_for_work() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        demo.deliver(&Delivery::github("delivery-1")).await.assert_is(200, "executed");
        let start = now();
        demo.terminate();
        assert_eq!(demo.exit().await.code(), Some(0), "{}", demo.log());
        println!("{framework:?} ended after {:?}", start.elapsed());
        assert!(!demo.log().contains("work was left"), "{}", demo.log());
    }
}
