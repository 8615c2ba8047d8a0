//! SIGTERM: what is under way is completed before the process ends.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Demo, Framework, Ledger, in_flight, now};
use idempotency_tests::redis_server::RedisServer;

#[tokio::test]
async fn a_delivery_whose_sender_hung_up_is_completed_before_the_exit() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Demo::start(framework, &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("delay_ms=1500"));
        in_flight(&redis, "github", "delivery-1").await;
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled());

        let start = now();
        demo.terminate();
        let status = demo.exit(Duration::from_secs(10)).await;
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
        let sending = demo.delivering(&Delivery::github("delivery-1").steered("delay_ms=1500"));
        in_flight(&redis, "github", "delivery-1").await;
        demo.terminate();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        assert_eq!(demo.exit(Duration::from_secs(10)).await.code(), Some(0), "{}", demo.log());
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn an_idle_server_ends_at_once() {
    for framework in Framework::BOTH {
        let ledger = Ledger::new();
        let demo = Demo::start(framework, "memory", &ledger).await;
        demo.deliver(&Delivery::github("delivery-1")).await.assert_is(200, "executed");
        let start = now();
        demo.terminate();
        assert_eq!(demo.exit(Duration::from_secs(5)).await.code(), Some(0), "{}", demo.log());
        println!("{framework:?} ended after {:?}", start.elapsed());
    }
}
