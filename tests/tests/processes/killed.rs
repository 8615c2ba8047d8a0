//! A process that dies during a handler: another process executes its keys again after the lease.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Framework, Ledger, Setup, in_flight, now, record};
use idempotency_tests::redis_server::RedisServer;

/// Long enough that it runs out only if the test advances time.
const LEASE: Duration = Duration::from_secs(600);

#[tokio::test]
async fn after_the_lease_of_a_killed_process_the_next_delivery_executes_with_a_larger_fence() {
    for [first, second] in Framework::PAIRS {
        let redis = RedisServer::start().await;
        let ledger = Ledger::new();
        let setup = |framework| Setup::new(framework, &redis.url(), &ledger).with("--lease", "600s");
        let dying = setup(first).start().await;
        let living = setup(second).with("--wait", "0s").start().await;
        let delivery = Delivery::github("delivery-1");

        let sending = dying.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        let claimed = in_flight(&redis, "github", "delivery-1").await;
        dying.kill();
        sending.await.unwrap().expect_err("a killed process does not answer");
        assert_eq!(ledger.lines(), []);

        for left in [LEASE, LEASE / 4] {
            redis.advance(LEASE - left).await;
            living.deliver(&delivery).await.assert_is(503, "conflict");
            assert_eq!(ledger.lines(), []);
        }
        redis.advance(LEASE / 4).await;
        let answer = living.deliver(&delivery).await;
        answer.assert_is(200, "executed");
        let line = ledger.only_line();
        assert_eq!((claimed.attempts, line.attempt), (1, 2));
        assert!(line.fence > claimed.fence.get());
        assert_eq!(record(&redis, "github", "delivery-1").await.unwrap().fence.get(), line.fence);

        let replayed = living.deliver(&delivery).await;
        replayed.assert_is(200, "replayed");
        assert_eq!(replayed.recorded(), answer.recorded());
        assert_eq!(ledger.lines().len(), 1);
    }
}

#[tokio::test]
async fn a_waiting_duplicate_takes_over_from_a_killed_process_by_itself() {
    for [first, second] in Framework::PAIRS {
        let redis = RedisServer::start().await;
        let ledger = Ledger::new();
        let setup = |framework| Setup::new(framework, &redis.url(), &ledger);
        // The end of a lease notifies no waiter, so this lease must end in real time.
        let dying = setup(first).with("--lease", "2s").start().await;
        let living = setup(second).start().await;
        let delivery = Delivery::github("delivery-1");

        let sending = dying.delivering(&delivery.clone().steered("gated=1"));
        ledger.gate_is_reached().await;
        dying.kill();
        let killed = now();
        assert!(sending.await.unwrap().is_err());
        living.deliver(&delivery).await.assert_is(200, "executed");
        println!("{second:?}: the waiting duplicate took over {:?} after the death", killed.elapsed());
        assert_eq!(ledger.only_line().attempt, 2);
    }
}
