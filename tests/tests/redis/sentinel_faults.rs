//! The store on sentinels that name another master.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Grant, Hold, Store as _};
use idempotency_core::{Outcome, StoreErrorKind};
use idempotency_tests::port::Port;
use idempotency_tests::redis_case::{
    NAMESPACE, SET_USER, claim, completion, grant, key, outcome_of, patient,
};
use idempotency_tests::redis_cluster::until;
use idempotency_tests::redis_sentinel::{MASTER, SentinelSet};
use tokio::time::Instant;

/// Longer than an answer takes on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);

fn store(set: &SentinelSet) -> RedisStore {
    patient(RedisStore::sentinel(set.urls(), MASTER, NAMESPACE).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_master_is_killed_under_load_the_new_one_is_found_without_a_restart() {
    let set = SentinelSet::start(2).await;
    set.notice_deaths().await;
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
    // Waiters follow the new master as well.
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let waiter = {
        let store = store.clone();
        tokio::spawn(async move { store.wait_for_change(key("k").digest(), PATIENT * 2).await })
    };
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    tokio::time::timeout(PATIENT, waiter).await.expect("it is woken").unwrap().unwrap();
}

#[tokio::test]
async fn a_paused_master_is_given_up_and_an_earlier_waiter_is_woken() {
    let set = SentinelSet::start(1).await;
    // No probe interferes: its silence would count as well.
    let store = store(&set).without_health_interval();
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    until(async || set.servers[0].info("connected_slaves").await == 1).await;
    let _: i64 = set.servers[0].query(&["WAIT", "1", "60000"]).await;
    set.notice_deaths().await;
    set.servers[0].pause();
    assert_eq!(set.failed_over_from(0).await, 1);
    // No server answers, so in paused time the timeouts end at once. Three in a row drop the connection.
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
async fn a_master_that_became_a_replica_is_looked_up_again_and_not_used_meanwhile() {
    let set = SentinelSet::start(1).await;
    let store = store(&set);
    grant(&store, &claim("k", 1)).await;
    let _: String = set.servers[0].query(&["REPLICAOF", "127.0.0.1", "1"]).await;
    // First READONLY. Then the sentinels still name a master that has become a replica.
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
    // The old master is made to follow the new one and closes its connections.
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
    // The completion may have reached the old master just before that became a replica.
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
    // This is the view of a worker that is cut off together with one sentinel and the old master.
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
async fn two_of_five_sentinels_are_no_majority() {
    let mut set = SentinelSet::start(1).await;
    let away = [Port::free(), Port::free()];
    let away = away.iter().map(|port| format!("redis://127.0.0.1:{}/", port.number()));
    let five: Vec<_> = set.urls().into_iter().chain(away).collect();
    let store = || patient(RedisStore::sentinel(&five, MASTER, NAMESPACE).unwrap());
    grant(&store(), &claim("k", 1)).await;
    set.kill_sentinel(0);
    let error = store().claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
}

#[tokio::test]
async fn one_answer_one_refusal_and_one_dead_sentinel_leave_the_master_out_of_reach() {
    let mut set = SentinelSet::start(1).await;
    set.close_sentinel(0).await;
    set.kill_sentinel(1);
    for round in 0..3 {
        let error = store(&set).claim(&claim("k", round)).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    }
    // If no sentinel answers and one refuses, the refusal is the error to fix.
    set.kill_sentinel(2);
    let error = store(&set).claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
}

#[tokio::test]
async fn a_user_who_may_not_ask_for_the_role_learns_it_from_the_first_write() {
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
    let other = patient(RedisStore::sentinel(set.urls(), "other", NAMESPACE).unwrap());
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
