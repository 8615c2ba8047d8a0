//! A handler that takes longer than its lease keeps the key while it lives and Redis can be reached.

use std::time::Duration;

use idempotency_core::store::StateView;
use idempotency_tests::demo::{Delivery, Framework, Ledger, PATIENCE, Setup, eventually, now, record};
use idempotency_tests::redis_server::RedisServer;

#[tokio::test]
async fn a_handler_that_outlasts_its_lease_is_not_taken_over() {
    // It is renewed every second, so a machine may stall for two seconds.
    const LEASE: Duration = Duration::from_secs(3);
    for [first, second] in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let setup = |framework| Setup::new(framework, &redis.url(), &ledger).with("--lease", "3s");
        let one = setup(first).start().await;
        let two = setup(second).with("--wait", "0s").start().await;
        let delivery = Delivery::github("delivery-1");
        let sending = one.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        let (start, mut conflicts) = (now(), 0);
        while start.elapsed() < LEASE * 4 / 3 {
            two.deliver(&delivery).await.assert_is(503, "conflict");
            conflicts += 1;
        }
        ledger.open_gate();
        println!("{first:?}, {second:?}: {conflicts} conflicts before the end of the handler");
        let executed = sending.await.unwrap().unwrap();
        executed.assert_is(200, "executed");
        let replayed = two.deliver(&delivery).await;
        replayed.assert_is(200, "replayed");
        assert_eq!(replayed.recorded(), executed.recorded());
        assert_eq!(ledger.only_line().attempt, 1);
    }
}

#[tokio::test]
async fn renewals_that_fail_for_a_while_do_not_end_renewing() {
    // The renewal after three seconds fails for two. That leaves three seconds to renew.
    const LEASE: Duration = Duration::from_secs(9);
    for framework in Framework::BOTH {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let setup = Setup::new(framework, &redis.url(), &ledger).with_variable("STORE_TIMEOUT", "2s");
        let demo = setup.with("--lease", "9s").start().await;
        let delivery = Delivery::github("delivery-1");
        let sending = demo.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        redis.pause();
        let failed = async || demo.log().contains("renewal_failed").then_some(());
        eventually("a renewal that fails", PATIENCE, failed).await;
        redis.resume();
        eventually("a renewal", PATIENCE, async || {
            let StateView::InFlight { lease_left } = record(&redis, "github", "delivery-1").await?.state
            else {
                return None;
            };
            (lease_left > LEASE * 2 / 3).then_some(())
        })
        .await;
        ledger.open_gate();
        sending.await.unwrap().unwrap().assert_is(200, "executed");
        demo.deliver(&delivery).await.assert_is(200, "replayed");
        assert_eq!(ledger.only_line().attempt, 1);
    }
}
