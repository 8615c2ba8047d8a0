//! A master with a replica and sentinels: the master dies, or stops where it is, and the replica goes on.
//!
//! A replica may lack the latest writes of its master. So each history is first judged as if there had been no failover;
//! if that cannot explain it, some writes must have been forgotten, and the rest must be right without them: on the
//! timeline that survived, the contract holds. With `Durability::Replicas`, no grant and no completion that was answered
//! may be among them; what may is what no such answer waited for: a renewal, a release, and a write that somebody
//! saw before the replica had it.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::Store;
use idempotency_core::clock::{Clock as _, TokioClock};
use idempotency_core::store::redis::{Durability, RedisStore};
use idempotency_simulation::history::Failover;
use idempotency_tests::redis_sentinel::{MASTER, SentinelSet};
use idempotency_tests::redis_server::RedisServer;

use super::tally::Tally;
use super::{RESOLUTION, recordings, repeated};

const HISTORIES: u64 = 60;

/// What befalls the master. First its replica may stop following it for a moment, so that something is forgotten.
#[derive(Clone, Copy, Debug)]
struct Fault {
    kills: bool,
    stalls: bool,
}

const FAULTS: [Fault; 4] = [
    Fault { kills: true, stalls: true },
    Fault { kills: false, stalls: false },
    Fault { kills: true, stalls: false },
    Fault { kills: false, stalls: true },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_the_timeline_that_survived_can_be_explained() {
    let tally = repeated(async |round, tally| {
        fail_over(round, FAULTS[usize::try_from(round % 4).unwrap()], Durability::Local, tally).await;
    })
    .await;
    println!("sentinels, Local: {tally}");
    assert!(tally.forgotten > 0, "a replica that did not follow has forgotten something: {tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_replica_confirmed_survives_every_failover() {
    let durability = Durability::Replicas { count: 1, timeout: Duration::from_millis(150) };
    let tally = repeated(async |round, tally| {
        fail_over(round, FAULTS[usize::try_from((round + 3) % 4).unwrap()], durability, tally).await;
    })
    .await;
    println!("sentinels, Replicas(1): {tally}");
}

async fn fail_over(round: u64, fault: Fault, durability: Durability, tally: &mut Tally) {
    let set = SentinelSet::start(1).await;
    let clock = Arc::new(TokioClock::new());
    let store = |_| {
        let store = RedisStore::sentinel(set.urls(), MASTER).unwrap();
        Arc::new(store.with_durability(durability).with_response_timeout(Duration::from_millis(300)))
            as Arc<dyn Store>
    };
    let stores: Vec<_> = (0..4).map(store).collect();
    let histories = recordings(&stores, round * HISTORIES..(round + 1) * HISTORIES, &clock);

    tokio::time::sleep(Duration::from_millis(1300)).await;
    let (master, replica) = (&set.servers[0], &set.servers[1]);
    if fault.stalls {
        let _: String = replica.query(&["REPLICAOF", "127.0.0.1", "1"]).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let from = clock.now();
    match fault.kills {
        true => master.kill(),
        false => master.pause(),
    }
    // A process that was told to stop does so at its next step.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let to = clock.now();
    assert_eq!(set.failed_over_from(0).await, 1);
    // The master that was paused is not let go on: that two masters answer is another matter.
    let port = replica.port().to_string();
    let _next =
        RedisServer::start_with(&["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port])
            .await;

    let before = tally.across;
    for (seed, log) in histories.join_all().await {
        let failover = Failover::new(log.at(from), log.at(to))
            .with_confirmation(matches!(durability, Durability::Replicas { .. }));
        for history in log.histories(RESOLUTION) {
            tally.judge_across(seed, &history, failover);
        }
    }
    assert!(tally.across - before >= HISTORIES / 2, "{fault:?}: {tally}");
    assert!(tally.undecided <= 2 * (round + 1), "{tally}");
}
