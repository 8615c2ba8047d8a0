//! A cluster: a master dies and its replica takes over, or has no replica and the cluster is down; or slots move between
//! nodes.
//!
//! A failover is judged like one of sentinels. A cluster that was down has lost nothing once its master is back, which
//! appends every write to a file, and a moving slot loses nothing. So no history there may have a violation. But the TTL
//! of a name travels as a duration, so each move prolongs a lease by the time that it took.
//!
//! A record and the mark of its resource are on different nodes and change in two steps, which the checker splits. A
//! failover affects one node only, so it is judged by histories of one key without an order, which are on one node.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::{Clock as _, TokioClock};
use idempotency_core::store::Store;
use idempotency_core::store::redis::RedisStore;
use idempotency_simulation::history::{Failover, History};
use idempotency_tests::demo::now;
use idempotency_tests::redis_cluster::{RedisCluster, caught_up, until};
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::watch;

use super::{OPERATIONS, RESOLUTION, Recordings, repeated};

fn stores(cluster: &RedisCluster) -> Vec<Arc<dyn Store>> {
    let store = |_| {
        let store = RedisStore::cluster(cluster.urls(), "histories").unwrap();
        Arc::new(store.with_response_timeout(Duration::from_millis(300))) as Arc<dyn Store>
    };
    (0..4).map(store).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_surviving_timeline_of_a_cluster_failover_can_be_explained() {
    let tally = repeated(1, async |seeds, tally| {
        let cluster = RedisCluster::start(3, true).await;
        cluster.notice_deaths().await;
        let clock = Arc::new(TokioClock::new());
        let recordings = Recordings::start(&stores(&cluster), seeds, &clock);
        recordings.go_on(3);
        recordings.have_sent(OPERATIONS / 3).await;
        let (master, replica) = (&cluster.nodes[0], &cluster.nodes[3]);
        let cut_from = clock.now();
        caught_up(master, replica).await;
        let from = clock.now();
        master.kill();
        let to = clock.now();
        until(async || replica.query::<String>(&["INFO", "replication"]).await.contains("role:master")).await;
        let before = tally.across;
        for (seed, log) in recordings.ended().await {
            let failover = Failover::new(log.at(cut_from), log.at(from), log.at(to));
            for history in log.histories(RESOLUTION).into_iter().filter(|history| history.versions == [None])
            {
                // Histories on other nodes have lost nothing, and are explained without the failover.
                tally.judge_across(seed, &history, failover);
            }
        }
        assert!(tally.across > before, "{tally}");
    })
    .await;
    println!("cluster, a master killed: {tally}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_around_an_outage_of_a_cluster_can_be_explained() {
    let mut refusals = 0;
    let tally = repeated(2, async |seeds, tally| {
        let is_killed = tally.rounds % 2 == 0;
        println!("seeds {seeds:?}: {}", if is_killed { "killed" } else { "stopped" });
        let appends = ["--appendonly", "yes", "--appendfsync", "always"];
        let cluster = RedisCluster::start_with(3, false, &appends).await;
        cluster.notice_deaths().await;
        let clock = Arc::new(TokioClock::new());
        let recordings = Recordings::start(&stores(&cluster), seeds, &clock);
        recordings.go_on(2);
        recordings.have_sent(OPERATIONS / 4).await;
        let from = clock.now();
        match is_killed {
            true => cluster.nodes[0].kill(),
            false => cluster.nodes[0].pause(),
        }
        let others = &cluster.nodes[1..];
        for node in others {
            let down = "cluster_state:fail";
            until(async || node.query::<String>(&["CLUSTER", "INFO"]).await.contains(down)).await;
        }
        recordings.go_on(3);
        recordings.have_sent(OPERATIONS * 5 / 8).await;
        let refused = refused(others).await;
        assert!(refused > 0, "no command was refused while the cluster was down");
        refusals += refused;
        match is_killed {
            true => cluster.nodes[0].restart().await,
            false => cluster.nodes[0].resume(),
        }
        cluster.agreed().await;
        let (to, before) = (clock.now(), tally.across);
        for (seed, log) in recordings.ended().await {
            for history in log.histories(RESOLUTION).into_iter().map(History::split_with_takeovers_undone) {
                tally.count_across(&history, log.at(from), log.at(to));
                tally.judge(seed, &history);
            }
        }
        assert!(tally.across > before, "{tally}");
    })
    .await;
    println!("cluster, down: {tally}; {refusals} times CLUSTERDOWN");
}

/// The number of commands that these nodes refused because another node does not serve its slots.
async fn refused(nodes: &[RedisServer]) -> u64 {
    let mut refused = 0;
    for node in nodes {
        let errors: String = node.query(&["INFO", "errorstats"]).await;
        let count = errors.lines().find_map(|line| line.trim().strip_prefix("errorstat_CLUSTERDOWN:count="));
        refused += count.map_or(0, |count| count.parse::<u64>().unwrap());
    }
    refused
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_while_slots_move_can_be_explained() {
    let (mut moved, mut longest) = (0, Duration::ZERO);
    let tally = repeated(1, async |seeds, tally| {
        let cluster = Arc::new(RedisCluster::start(3, false).await);
        let recordings = Recordings::start(&stores(&cluster), seeds, &Arc::new(TokioClock::new()));
        let (over, watched) = watch::channel(false);
        let moves = tokio::spawn(move_slots(Arc::clone(&cluster), watched));
        let histories = recordings.ended().await;
        over.send_replace(true);
        let moves = moves.await.unwrap();
        let travelled = moves.values().map(|(_, time)| *time).max().unwrap_or_default();
        let resolution = RESOLUTION + u64::try_from(travelled.as_micros()).unwrap();
        moved += moves.values().map(|(times, _)| times).sum::<u32>();
        longest = longest.max(travelled);
        for (seed, log) in histories {
            let histories = log.histories(resolution).into_iter().map(History::split_with_takeovers_undone);
            histories.for_each(|history| tally.judge(seed, &history));
        }
    })
    .await;
    println!("cluster, slots moved {moved} times, one of them migrating for {longest:?} in all: {tally}");
    assert!(moved > 0, "no slot was moved");
}

/// Moves the slots of the names in turn, each to the next node. Returns how often each slot was moved, and how long its
/// names were migrating in all.
async fn move_slots(
    cluster: Arc<RedisCluster>,
    over: watch::Receiver<bool>,
) -> HashMap<u16, (u32, Duration)> {
    let mut moves = HashMap::<u16, (u32, Duration)>::new();
    for round in 0.. {
        if *over.borrow() {
            break;
        }
        let (from, to) = (round % 3, (round + 1) % 3);
        let names: Vec<String> = cluster.nodes[from].query(&["KEYS", "*"]).await;
        let Some(name) = names.get(round % names.len().max(1)) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let slot = cluster.nodes[from].query(&["CLUSTER", "KEYSLOT", name]).await;
        cluster.begin_move(slot, from, to).await;
        let mut on_its_way = Duration::ZERO;
        loop {
            let start = now();
            if cluster.move_names(slot, from, to, 1).await == 0 {
                break;
            }
            on_its_way = on_its_way.max(start.elapsed());
        }
        cluster.end_move(slot, from, to).await;
        // A node that does not know of this move could give its own next move the same epoch, and one would be undone.
        while !know_of_the_move(&cluster, name, to).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (times, time) = moves.entry(slot).or_default();
        *times += 1;
        *time += on_its_way;
    }
    moves
}

async fn know_of_the_move(cluster: &RedisCluster, name: &str, to: usize) -> bool {
    let mut epochs = HashSet::new();
    for (number, node) in cluster.nodes.iter().enumerate() {
        if cluster.owner(name, number).await != to {
            return false;
        }
        let info: String = node.query(&["CLUSTER", "INFO"]).await;
        epochs.extend(info.lines().find(|line| line.starts_with("cluster_current_epoch")).map(str::to_owned));
    }
    epochs.len() == 1
}
