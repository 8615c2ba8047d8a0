//! What sentinels do to a store: they name another master. And what the store makes of it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Claimed, Grant, Hold, Outcome, Store as _, StoreErrorKind};
use idempotency_tests::redis_case::{NAMESPACE, SET_USER, claim, completion, grant, key, outcome_of};
use idempotency_tests::redis_cluster::until;
use idempotency_tests::redis_sentinel::{MASTER, SentinelSet};
use idempotency_tests::redis_server::free_port;
use tokio::time::Instant;

/// Longer than an answer takes, on however slow a machine.
const PATIENT: Duration = Duration::from_secs(60);

fn store(set: &SentinelSet) -> RedisStore {
    RedisStore::sentinel(set.urls(), MASTER, NAMESPACE).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_master_is_killed_under_load_the_new_one_is_found_without_a_restart() {
    let set = SentinelSet::start(2).await;
    let store = store(&set);
    let (stop, acked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let load: Vec<_> = (0..4)
        .map(|worker| {
            let (store, stop, acked) = (store.clone(), Arc::clone(&stop), Arc::clone(&acked));
            tokio::spawn(async move {
                let mut names = Vec::new();
                for round in 0_u64.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let name = format!("{worker} {round}");
                    match store.claim(&claim(&name, 1)).await {
                        Ok(Claimed::Granted(_)) => {
                            acked.fetch_add(1, Ordering::Relaxed);
                            names.push(name);
                        }
                        Err(error) if error.is_transient() => {
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                        answer => panic!("unexpected {answer:?}"),
                    }
                }
                names
            })
        })
        .collect();
    until(async || acked.load(Ordering::Relaxed) > 500).await;
    set.servers[0].kill();
    let killed = Instant::now();
    until(async || store.claim(&claim("after", 1)).await.is_ok()).await;
    println!("{:?} until another master granted claims", killed.elapsed());
    let after = acked.load(Ordering::Relaxed);
    until(async || acked.load(Ordering::Relaxed) > after + 100).await;
    stop.store(true, Ordering::Relaxed);
    let mut again = 0;
    for worker in load {
        for name in worker.await.unwrap() {
            again += u64::from(matches!(store.claim(&claim(&name, 2)).await.unwrap(), Claimed::Granted(_)));
        }
    }
    println!("{again} of {} claims were granted twice", acked.load(Ordering::Relaxed));
    // Waiters follow as well.
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let waiter = {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for_change(key("k").digest(), PATIENT * 2).await })
    };
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    tokio::time::timeout(PATIENT, waiter).await.expect("it is woken").unwrap().unwrap();
}

#[tokio::test]
async fn a_paused_master_is_given_up_and_a_waiter_of_before_learns_of_the_outcome() {
    let set = SentinelSet::start(1).await;
    let store = store(&set).with_response_timeout(PATIENT).with_connect_timeout(PATIENT);
    // No probe comes between, which would count as silent as well.
    let store = store.without_health_interval();
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    until(async || set.servers[0].info("connected_slaves").await == 1).await;
    let _: i64 = set.servers[0].query(&["WAIT", "1", "60000"]).await;
    set.servers[0].pause();
    assert_eq!(set.failed_over_from(0).await, 1);
    // Nobody answers, so in paused time the timeouts are over at once. Three in a row give the connection up.
    tokio::time::pause();
    for _ in 0..3 {
        assert_eq!(store.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    }
    tokio::time::resume();
    let answer = store.claim(&claim("k", 1)).await;
    assert!(matches!(answer.unwrap(), Claimed::Granted(Grant { attempt: 1, .. })));
    let waiter = {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for_change(key("k").digest(), PATIENT * 2).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    tokio::time::timeout(PATIENT, waiter).await.expect("it is woken").unwrap().unwrap();
    set.servers[0].resume();
}

#[tokio::test]
async fn a_master_that_became_a_replica_is_looked_up_anew_and_not_used_while_it_is_one() {
    let set = SentinelSet::start(1).await;
    let store = store(&set);
    grant(&store, &claim("k", 1)).await;
    let _: String = set.servers[0].query(&["REPLICAOF", "127.0.0.1", "1"]).await;
    // READONLY, and then a master of which the sentinels do not know yet that it is none.
    for _ in 0..2 {
        let error = store.claim(&claim("l", 1)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    assert_eq!(store.load(key("k").digest()).await.unwrap_err().kind(), StoreErrorKind::Unavailable);
    let _: String = set.servers[0].query(&["REPLICAOF", "NO", "ONE"]).await;
    grant(&store, &claim("l", 1)).await;
}

#[tokio::test]
async fn a_failover_by_hand_is_followed_and_forgets_nothing() {
    let set = SentinelSet::start(1).await;
    let store = store(&set);
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    set.fail_over().await;
    assert_eq!(set.failed_over_from(0).await, 1);
    // The old master is told to follow the new one and closes its connections.
    let mut answer = store.complete(&completion(&lease, &Outcome::new("done"))).await;
    until(async || {
        if let Err(error) = &answer {
            assert!(error.is_transient(), "{error:?}");
            answer = store.complete(&completion(&lease, &Outcome::new("done"))).await;
        }
        answer.is_ok() && set.servers[1].info("connected_slaves").await == 1
    })
    .await;
    until(async || store.claim(&claim("k", 2)).await.is_ok()).await;
    // It may have been written to the old master just before that became a replica.
    let held = store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap();
    assert_eq!(held, Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn one_sentinel_of_three_may_be_dead_and_all_dead_is_unavailable() {
    let mut set = SentinelSet::start(1).await;
    set.kill_sentinel(0);
    grant(&store(&set), &claim("k", 1)).await;
    set.kill_sentinel(1);
    set.kill_sentinel(2);
    let error = store(&set).claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test]
async fn a_minority_of_the_sentinels_is_not_believed() {
    let mut set = SentinelSet::start(1).await;
    // Beside an old master that still takes writes, it is what a worker sees that was cut off with the two.
    set.kill_sentinel(0);
    set.pause_sentinel(1);
    let store = store(&set).with_connect_timeout(Duration::from_millis(500));
    for round in 0..3 {
        let error = store.claim(&claim("k", round)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
        assert!(!error.may_have_executed(), "{error:?}");
    }
}

#[tokio::test]
async fn of_five_sentinels_two_are_no_majority() {
    let mut set = SentinelSet::start(1).await;
    let away = || format!("redis://127.0.0.1:{}/", free_port());
    let five: Vec<_> = set.urls().into_iter().chain([away(), away()]).collect();
    let store = || RedisStore::sentinel(&five, MASTER, NAMESPACE).unwrap();
    grant(&store(), &claim("k", 1)).await;
    set.kill_sentinel(0);
    let error = store().claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn where_one_sentinel_answers_one_refuses_and_one_is_dead_the_master_is_out_of_reach_for_now() {
    let mut set = SentinelSet::start(1).await;
    set.close_sentinel(0).await;
    set.kill_sentinel(1);
    for round in 0..3 {
        let error = store(&set).claim(&claim("k", round)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    // Where none answers and one refuses, that is what there is to mend.
    set.kill_sentinel(2);
    let error = store(&set).claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
}

#[tokio::test]
async fn who_may_not_ask_a_master_for_its_role_learns_it_from_the_first_write() {
    let set = SentinelSet::start(1).await;
    let _: String = set.servers[0].query(&SET_USER).await;
    let store = store(&set).with_user("app", "pw");
    grant(&store, &claim("k", 1)).await;
    let _: String = set.servers[0].query(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let error = store.claim(&claim("l", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn a_master_of_another_name_is_refused_and_credentials_are_never_shown() {
    let set = SentinelSet::start(1).await;
    let other = RedisStore::sentinel(set.urls(), "other", NAMESPACE).unwrap();
    assert_eq!(other.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Refused);
    let wrong = store(&set).with_user("app", "s3cret");
    let error = wrong.claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let texts = format!("{wrong:?} {error:?} {error}");
    assert!(!texts.contains("s3cret"), "{texts}");
    assert_eq!(
        RedisStore::sentinel(Vec::<String>::new(), "idem", NAMESPACE).unwrap_err().kind(),
        StoreErrorKind::Refused
    );
}
