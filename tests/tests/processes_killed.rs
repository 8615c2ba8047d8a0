//! A process that dies in the middle of a handler: its keys are executed again after the lease, by others.

use std::time::Duration;

use idempotency_tests::demo::{Delivery, Framework, Ledger, Setup, eventually, in_flight, now, record};
use idempotency_tests::redis_server::RedisServer;

const LEASE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn after_the_lease_of_a_killed_process_the_next_delivery_executes_with_a_larger_fence() {
    for [first, second] in Framework::PAIRS {
        let redis = RedisServer::start().await;
        let ledger = Ledger::new();
        let setup = |framework| Setup::new(framework, &redis.url(), &ledger).with("--lease", "2s");
        let dying = setup(first).start().await;
        let living = setup(second).with("--wait", "0s").start().await;
        let delivery = Delivery::github("delivery-1");

        let sending = dying.delivering(&delivery.clone().steered("delay_ms=60000"));
        let claimed = in_flight(&redis, "github", "delivery-1").await;
        dying.kill();
        let killed = now();
        sending.await.unwrap().expect_err("a killed process does not answer");
        assert_eq!(ledger.lines(), []);

        let mut conflicts = 0;
        let answer = eventually("a takeover", LEASE + Duration::from_secs(2), async || {
            let answer = living.deliver(&delivery).await;
            if answer.status == 503 {
                answer.assert_is(503, "conflict");
                assert!(ledger.lines().is_empty());
                conflicts += 1;
                return None;
            }
            Some(answer)
        })
        .await;
        println!(
            "{first:?} killed, {second:?} took over {:?} later, {conflicts} conflicts",
            killed.elapsed()
        );
        answer.assert_is(200, "executed");
        assert!(conflicts > 0, "the lease must hold for a while");
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
        let setup = |framework| {
            Setup::new(framework, &redis.url(), &ledger).with("--lease", "2s").with("--wait", "10s")
        };
        let dying = setup(first).start().await;
        let living = setup(second).start().await;
        let delivery = Delivery::github("delivery-1");

        let sending = dying.delivering(&delivery.clone().steered("delay_ms=60000"));
        in_flight(&redis, "github", "delivery-1").await;
        dying.kill();
        let killed = now();
        assert!(sending.await.unwrap().is_err());
        living.deliver(&delivery).await.assert_is(200, "executed");
        let waited = killed.elapsed();
        println!("{second:?}: the waiting duplicate took over {waited:?} after the death");
        assert!(waited < LEASE + Duration::from_secs(2), "{waited:?}");
        assert_eq!(ledger.only_line().attempt, 2);
    }
}
