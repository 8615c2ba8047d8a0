//! The store on a cluster that moves slots, loses nodes and forgets scripts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Grant, Hold, Release, Store as _};
use idempotency_core::{Outcome, StoreErrorKind, Version};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    NAMESPACE, claim, completion, grant, key, namespace, ordered, outcome_of, patient, record_name,
    resource_of,
};
use idempotency_tests::redis_cluster::{RedisCluster, until};
use idempotency_tests::redis_server::RedisServer;
use tokio::time::Instant;

/// Longer than any test here takes.
const PATIENT: Duration = Duration::from_secs(60);

fn store(cluster: &RedisCluster) -> RedisStore {
    patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap())
}

/// The name of a resource's mark.
fn mark_name(resource: &str) -> String {
    let digest = resource_of(resource).digest(&namespace());
    format!("idem:mark:{}", data_encoding::BASE64URL_NOPAD.encode(&digest.as_bytes()[..24]))
}

async fn slot(cluster: &RedisCluster, name: &str) -> u16 {
    cluster.nodes[0].query(&["CLUSTER", "KEYSLOT", name]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_in_a_moving_slot_are_claimed_once_and_replayed_throughout() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    // The slots of the mark and of a record. Each move is of one of them.
    let names = [mark_name("r"), record_name("before 0")];
    for number in 0..20 {
        let claim = ordered(&format!("before {number}"), 1, "r", 5);
        let (lease, _) = grant(&store, &claim).await;
        if number % 2 == 0 {
            assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
        }
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (granted, refused) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let (store, stop) = (store.clone(), Arc::clone(&stop));
            let (granted, refused) = (Arc::clone(&granted), Arc::clone(&refused));
            tokio::spawn(async move {
                let mut round = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    // Records from before the move are answered as before or are unavailable, and never granted again.
                    let number = round % 20;
                    match store.claim(&ordered(&format!("before {number}"), 2, "r", 5)).await {
                        Ok(Claimed::Completed(_)) => assert_eq!(number % 2, 0),
                        Ok(Claimed::InFlight { .. }) => assert_eq!(number % 2, 1),
                        Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        answer => panic!("unexpected {answer:?}"),
                    }
                    let stale = store.claim(&ordered(&format!("stale {worker} {round}"), 1, "r", 4)).await;
                    match stale {
                        Ok(Claimed::Stale { .. }) => {}
                        Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                        answer => panic!("unexpected {answer:?}"),
                    }
                    // New keys are granted once, on either side.
                    let name = format!("during {worker} {round}");
                    for attempt in 0.. {
                        assert!(attempt < 2000, "the slot must come back");
                        match store.claim(&ordered(&name, 1, "r", 5)).await {
                            Ok(Claimed::Granted(Grant { attempt, .. })) => {
                                assert_eq!(attempt, 1);
                                granted.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Err(error) if error.kind() == StoreErrorKind::Unavailable => {
                                refused.fetch_add(1, Ordering::Relaxed);
                                tokio::time::sleep(Duration::from_millis(5)).await;
                            }
                            answer => panic!("unexpected {answer:?}"),
                        }
                    }
                }
            })
        })
        .collect();
    for name in [&names[0], &names[1], &names[0]] {
        let (slot, from) = (slot(&cluster, name).await, cluster.owner(name, 0).await);
        let to = (from + 1) % 3;
        let before = granted.load(Ordering::Relaxed);
        cluster.begin_move(slot, from, to).await;
        while cluster.move_names(slot, from, to, 5).await > 0 {}
        cluster.end_move(slot, from, to).await;
        until(async || granted.load(Ordering::Relaxed) > before + 50).await;
    }
    stop.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await.unwrap();
    }
    println!("{granted:?} granted, {refused:?} times unavailable, over three moves of the slot");
    for number in (0..20).step_by(2) {
        let again = store.claim(&ordered(&format!("before {number}"), 3, "r", 5)).await.unwrap();
        assert_eq!(outcome_of(again), Outcome::new("done"));
    }
}

#[tokio::test]
async fn a_migrated_record_is_read_at_its_new_node() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let name = record_name("k");
    let (slot, from) = (slot(&cluster, &name).await, cluster.owner(&name, 0).await);
    let to = (from + 1) % 3;
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    cluster.begin_move(slot, from, to).await;
    assert_eq!(cluster.move_names(slot, from, to, 10).await, 1);
    // The old owner still serves the slot, and answers ASK.
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(grant(&store, &claim("k", 1)).await.0.fence(), lease.fence());
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    cluster.end_move(slot, from, to).await;
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn a_migrated_mark_is_read_at_its_new_node() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let mark = mark_name("r");
    let (slot, from) = (slot(&cluster, &mark).await, cluster.owner(&mark, 0).await);
    let to = (from + 1) % 3;
    let (lease, _) = grant(&store, &ordered("first", 1, "r", 7)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    let (waiting, _) = grant(&store, &ordered("waiting", 1, "r", 8)).await;
    cluster.begin_move(slot, from, to).await;
    let port = cluster.nodes[to].port().to_string();
    let _: String = cluster.nodes[from].query(&["MIGRATE", "127.0.0.1", &port, &mark, "0", "10000"]).await;
    let stale = |newest| Claimed::Stale { newest: Version::new(newest) };
    assert_eq!(store.claim(&ordered("older", 1, "r", 6)).await.unwrap(), stale(7));
    assert_eq!(store.complete(&completion(&waiting, &Outcome::default())).await.unwrap(), Hold::Held);
    cluster.end_move(slot, from, to).await;
    assert_eq!(store.claim(&ordered("old", 1, "r", 7)).await.unwrap(), stale(8));
}

#[tokio::test]
async fn a_dead_replica_and_a_forgotten_script_fail_no_claim() {
    let cluster = RedisCluster::start(3, true).await;
    cluster.nodes[3].kill();
    let store = store(&cluster);
    for number in 0..30 {
        let name = format!("k{number}");
        let (lease, _) = grant(&store, &ordered(&name, 1, &name, 1)).await;
        for node in &cluster.nodes[..3] {
            let _: String = node.query(&["SCRIPT", "FLUSH"]).await;
        }
        assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    }
}

#[tokio::test]
async fn a_claim_whose_reply_is_lost_is_sent_once_and_granted_to_the_same_owner() {
    let cluster = RedisCluster::start(3, false).await;
    let owner = cluster.owner(&record_name("k"), 0).await;
    let proxy = FaultProxy::start(cluster.nodes[owner].port()).await;
    let announced = proxy.url().trim_start_matches("redis://127.0.0.1:").trim_end_matches('/').to_owned();
    let _: String = cluster.nodes[owner].query(&["CONFIG", "SET", "cluster-announce-port", &announced]).await;
    let store = patient(RedisStore::cluster([proxy.url()], NAMESPACE).unwrap()).without_health_interval();
    grant(&store, &claim("warm", 1)).await;
    store.check_health().await.unwrap();
    proxy.take_requests();
    proxy.lose_reply_to("NX");
    assert_eq!(store.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(proxy.take_requests().get("set"), Some(&1), "nothing is sent twice by itself");
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
}

#[tokio::test]
async fn a_command_that_is_sent_sixteen_times_takes_effect_once() {
    // Like a client library that repeats unanswered commands by itself.
    let cluster = RedisCluster::start(1, false).await;
    let store = store(&cluster);
    for claim in [claim("k", 1), ordered("ordered", 1, "r", 1)] {
        let (first, _) = grant(&store, &claim).await;
        for _ in 0..16 {
            let (again, attempt) = grant(&store, &claim).await;
            assert_eq!((again.fence(), attempt), (first.fence(), 1));
        }
        for _ in 0..16 {
            let hold = store.complete(&completion(&first, &Outcome::new("done"))).await.unwrap();
            assert_eq!(hold, Hold::Held);
        }
    }
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn a_cluster_without_a_master_for_the_slot_is_unavailable() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let owner = cluster.owner(&record_name("k"), 0).await;
    grant(&store, &claim("k", 1)).await;
    let alive = (owner + 1) % 3;
    cluster.notice_deaths().await;
    cluster.nodes[owner].kill();
    until(async || {
        let info: String = cluster.nodes[alive].query(&["CLUSTER", "INFO"]).await;
        info.contains("cluster_state:fail")
    })
    .await;
    // The first one may have been on the dying connection.
    let _ = store.claim(&claim("k", 1)).await;
    for name in ["k", "a", "b", "c", "d", "e"] {
        assert_eq!(
            store.claim(&claim(name, 1)).await.unwrap_err().kind(),
            StoreErrorKind::Unavailable,
            "{name}"
        );
    }
    cluster.nodes[owner].restart().await;
    cluster.agreed().await;
    until(async || store.claim(&claim("k", 1)).await.is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_master_is_killed_under_load_its_replica_is_found_without_a_restart() {
    let cluster = RedisCluster::start(3, true).await;
    let store = store(&cluster);
    let victim = cluster.owner(&record_name("k"), 0).await;
    let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let (store, stop, acked) = (store.clone(), Arc::clone(&stop), Arc::clone(&acked));
            tokio::spawn(async move {
                let mut round = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    round += 1;
                    match store.claim(&claim(&format!("{worker} {round}"), 1)).await {
                        Ok(Claimed::Granted(_)) => {
                            acked.fetch_add(1, Ordering::Relaxed);
                        }
                        Err(error) if error.is_transient() => {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        answer => panic!("unexpected {answer:?}"),
                    }
                }
            })
        })
        .collect();
    until(async || acked.load(Ordering::Relaxed) > 500).await;
    cluster.notice_deaths().await;
    cluster.nodes[victim].kill();
    let killed = Instant::now();
    until(async || matches!(store.claim(&claim("k", 1)).await, Ok(Claimed::Granted(_)))).await;
    println!("{:?} until the replica granted claims", killed.elapsed());
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    // Waiters are woken too, whichever node had their subscription.
    for name in ["a", "b", "c"] {
        // A node may not know the new master yet.
        until(async || store.claim(&claim(name, 1)).await.is_ok()).await;
        let (lease, _) = grant(&store, &claim(name, 1)).await;
        let waiter = {
            let store = store.clone();
            tokio::spawn(async move { store.wait_for_change(key(name).digest(), PATIENT * 2).await })
        };
        assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
        tokio::time::timeout(PATIENT, waiter).await.expect("it is woken").unwrap().unwrap();
    }
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    stop.store(true, Ordering::Relaxed);
    for worker in load {
        worker.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_at_a_dead_master_do_not_flood_the_others_with_map_requests() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    let victim = cluster.owner(&record_name("k"), 0).await;
    grant(&store, &claim("k", 1)).await;
    // It stays the master of its slots, as before the others agree on its death.
    cluster.nodes[victim].kill();
    let others: Vec<_> = (0..3).filter(|node| *node != victim).map(|node| &cluster.nodes[node]).collect();
    for other in &others {
        other.reset_calls().await;
    }
    let end = Instant::now() + Duration::from_secs(2);
    let mut failed = 0;
    while Instant::now() < end {
        assert!(store.claim(&claim("k", 1)).await.is_err());
        failed += 1;
    }
    let mut asked = 0;
    for other in &others {
        asked += other.calls().await.get("cluster|slots").copied().unwrap_or(0);
    }
    println!("{failed} claims failed, and the map was asked for {asked} times");
    assert!(asked < 100, "{failed} claims failed, and the map was asked for {asked} times");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_master_is_given_up_for_its_replica() {
    let cluster = RedisCluster::start(3, true).await;
    let timeout = Duration::from_secs(1);
    let (lease, _) = grant(&store(&cluster), &claim("k", 1)).await;
    let store = store(&cluster).with_response_timeout(timeout).with_connect_timeout(timeout);
    let victim = cluster.owner(&record_name("k"), 0).await;
    let _: i64 = cluster.nodes[victim].query(&["WAIT", "1", "60000"]).await;
    cluster.notice_deaths().await;
    cluster.nodes[victim].pause();
    until(async || {
        let answer = store.claim(&claim("k", 1)).await;
        assert!(answer.is_ok() || answer.as_ref().is_err_and(|error| error.is_transient()), "{answer:?}");
        answer.is_ok()
    })
    .await;
    until(async || match store.claim(&claim("k", 1)).await {
        Ok(Claimed::Granted(Grant { fence, .. })) => {
            assert_eq!(fence, lease.fence());
            true
        }
        answer => {
            assert!(answer.as_ref().is_err_and(|error| error.is_transient()), "{answer:?}");
            false
        }
    })
    .await;
    cluster.nodes[victim].resume();
}

#[tokio::test]
async fn an_operation_waits_at_most_for_its_answer_and_the_map_of_each_node() {
    let cluster = RedisCluster::start(3, false).await;
    let store = store(&cluster);
    for name in ["a", "b", "c", "d", "e", "f"] {
        grant(&store, &claim(name, 1)).await;
    }
    cluster.nodes.iter().for_each(RedisServer::pause);
    // No node answers, so in paused time the timeouts end at once.
    tokio::time::pause();
    for _ in 0..8 {
        let start = Instant::now();
        let error = store.claim(&claim("a", 1)).await.unwrap_err();
        let took = start.elapsed();
        assert!(error.is_transient(), "{error:?}");
        assert!(took <= PATIENT * 4 + Duration::from_secs(1), "{took:?}");
    }
}
