//! A master with a replica and sentinels: the master dies or stops, and the replica takes over.
//!
//! A replica may lack the latest writes of its master. So each history is first judged without a failover. If that
//! cannot explain it, some writes must have been lost, and the rest must be right without them: the contract holds on the
//! surviving timeline. Writes that the replica had before the first fault, by its offset, may not be lost. With
//! `Durability::Replicas`, no answered grant or completion may be lost either. Only writes for which no such answer
//! waited may be: a renewal, a release, and a write that was read before the replica had it.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::{Clock as _, TokioClock};
use idempotency_core::store::Store;
use idempotency_core::store::redis::{Durability, RedisStore};
use idempotency_simulation::history::Failover;
use idempotency_tests::redis_cluster::{caught_up, until};
use idempotency_tests::redis_sentinel::{MASTER, SentinelSet};
use idempotency_tests::redis_server::RedisServer;

use super::tally::Tally;
use super::{OPERATIONS, RESOLUTION, Recordings, repeated};

/// The faults of the master and, before that, of its replica.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Kill,
    Stop,
}

#[derive(Clone, Copy, Debug)]
enum Link {
    Follows,
    /// The replica follows no master, so later writes are lost.
    Cut,
    /// The replica is stopped: no write is confirmed, and no write that reached its machine is lost.
    Stalled,
}

const FAULTS: u64 = 6;
const ROUNDS: [(Link, Fault); FAULTS as usize] = [
    (Link::Cut, Fault::Kill),
    (Link::Stalled, Fault::Stop),
    (Link::Follows, Fault::Kill),
    (Link::Cut, Fault::Stop),
    (Link::Stalled, Fault::Kill),
    (Link::Follows, Fault::Stop),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_surviving_timeline_of_a_failover_can_be_explained() {
    let tally = repeated(FAULTS, async |seeds, tally| fail_over(seeds, Durability::Local, tally).await).await;
    println!("sentinels, Local: {tally}");
    assert!(tally.forgotten > 0, "a replica that did not follow lost a write: {tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_write_survives_every_failover() {
    let durability = Durability::Replicas { count: 1, timeout: Duration::from_millis(150) };
    let tally = repeated(FAULTS, async |seeds, tally| fail_over(seeds, durability, tally).await).await;
    println!("sentinels, Replicas(1): {tally}");
    assert!(tally.across > 0, "{tally}");
}

async fn fail_over(seeds: Range<u64>, durability: Durability, tally: &mut Tally) {
    let (link, fault) = ROUNDS[usize::try_from(tally.rounds).unwrap() % ROUNDS.len()];
    println!("seeds {seeds:?}: {link:?}, {fault:?}");
    let set = SentinelSet::start(1).await;
    // It follows the replica, so that the next master has a replica that confirms.
    let port = set.servers[1].port().to_string();
    let next = ["--repl-diskless-sync-delay", "0", "--replicaof", "127.0.0.1", &port];
    let next = RedisServer::start_with(&next).await;
    until(async || next.query::<String>(&["INFO"]).await.contains("master_link_status:up")).await;
    set.notice_deaths().await;
    let clock = Arc::new(TokioClock::new());
    let store = |_| {
        let store = RedisStore::sentinel(set.urls(), MASTER, "histories").unwrap();
        Arc::new(store.with_durability(durability).with_response_timeout(Duration::from_millis(300)))
            as Arc<dyn Store>
    };
    let stores: Vec<_> = (0..4).map(store).collect();
    let recordings = Recordings::start(&stores, seeds, &clock);

    // The last quarter is for the next master.
    recordings.go_on(3);
    recordings.have_sent(OPERATIONS / 4).await;
    let (master, replica) = (&set.servers[0], &set.servers[1]);
    let mut cut_from = clock.now();
    caught_up(master, replica).await;
    match link {
        Link::Follows => {}
        Link::Cut => {
            let _: String = replica.query(&["REPLICAOF", "127.0.0.1", "1"]).await;
        }
        Link::Stalled => replica.pause(),
    }
    recordings.have_sent(OPERATIONS / 3).await;
    if matches!(link, Link::Follows) {
        cut_from = clock.now();
        caught_up(master, replica).await;
    }
    let from = clock.now();
    match fault {
        Fault::Kill => master.kill(),
        Fault::Stop => master.pause(),
    }
    let to = clock.now();
    if matches!(link, Link::Stalled) {
        replica.resume();
    }
    assert_eq!(set.failed_over_from(0).await, 1);
    // The paused master is not resumed: two masters that answer are another case.
    let before = tally.across;
    for (seed, log) in recordings.ended().await {
        let is_confirmed = matches!(durability, Durability::Replicas { .. });
        let failover =
            Failover::new(log.at(cut_from), log.at(from), log.at(to)).with_confirmation(is_confirmed);
        for history in log.histories(RESOLUTION) {
            let history = if is_confirmed { history.awaiting_replicas() } else { history };
            tally.judge_across(seed, &history, failover);
        }
    }
    // Cut-off replicas cannot confirm, so there may be no answers before the failover.
    assert!(tally.across > before || durability != Durability::Local, "{tally}");
}
