//! A handler that takes longer than its lease: it keeps the key as long as it lives and Redis can be reached.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Framework, Ledger, Setup, eventually, in_flight};
use idempotency_tests::redis_server::RedisServer;

#[tokio::test]
async fn nobody_takes_over_from_a_handler_that_takes_longer_than_its_lease() {
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let setup = |framework| {
            Setup::new(framework, &redis.url(), &ledger).with("--lease", "1s").with("--wait", "0s")
        };
        let one = setup(first).start().await;
        let two = setup(second).start().await;
        let delivery = Delivery::github("delivery-1");
        let sending = one.delivering(&delivery.clone().steered("delay_ms=3500"));
        in_flight(&redis, "github", "delivery-1").await;
        let mut conflicts = 0;
        let replayed = eventually("the end of the handler", Duration::from_secs(8), async || {
            let answer = two.deliver(&delivery).await;
            conflicts += u32::from(answer.mark() == "conflict");
            (answer.mark() != "conflict").then_some(answer)
        })
        .await;
        replayed.assert_is(200, "replayed");
        println!("{first:?}, {second:?}: {conflicts} conflicts before the replay");
        let executed = sending.await.unwrap().unwrap();
        executed.assert_is(200, "executed");
        assert_eq!(replayed.recorded(), executed.recorded());
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn renewals_that_fail_for_a_while_do_not_end_renewing() {
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let demo = Setup::new(framework, &redis.url(), &ledger).with("--lease", "3s").start().await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("delay_ms=4000"));
        in_flight(&redis, "github", "delivery-1").await;
        // The first renewal is due after a second, and Redis hangs until well after it.
        tokio::time::sleep(Duration::from_millis(800)).await;
        redis.pause();
        tokio::time::sleep(Duration::from_millis(1200)).await;
        redis.resume();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        assert!(demo.log().contains("renewal_failed"), "{}", demo.log());
        demo.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}
