//! The confirmations that durable grants and completions wait for, and the results without them.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use idempotency_core::engine::Begun;
use idempotency_core::store::redis::{Durability, Finding, MissingConfirmations, RedisStore};
use idempotency_core::store::{Claimed, Hold, Store as _};
use idempotency_core::{
    Delivery, Idempotency, Key, OnExpired, OnOutage, Outcome, Policy, Ran, RunError, StoreError,
    StoreErrorKind, Verified,
};
use idempotency_tests::captured::Captured;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    NAMESPACE, claim, completion, grant, ordered, outcome_of, patient, record_name, scope, store,
};
use idempotency_tests::redis_cluster::{RedisCluster, pair, until};
use idempotency_tests::redis_server::RedisServer;

/// The timeout for a replica that confirms. It is longer than the slowest machine needs.
const PATIENT: Duration = Duration::from_secs(60);
/// The timeout for a replica that never confirms.
const BRIEF: Duration = Duration::from_millis(500);
const ONE: Durability = Durability::Replicas { count: 1, timeout: PATIENT };
const ONE_BRIEFLY: Durability = Durability::Replicas { count: 1, timeout: BRIEF };

fn unconfirmed(error: &StoreError) -> MissingConfirmations {
    assert!(error.is_store_in_reach(), "no reason to run without a claim: {error:?}");
    error
        .source()
        .and_then(|cause| cause.downcast_ref::<MissingConfirmations>())
        .expect("an unconfirmed write")
        .clone()
}

fn delivery(name: &str) -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), scope(), Key::new(name).expect("a key"))
}

#[tokio::test]
async fn an_answered_durable_grant_or_completion_is_on_the_replica() {
    let (master, replica) = pair().await;
    let store = store(&master.url()).with_durability(ONE);
    for number in 0..50 {
        let name = format!("k{number}");
        let (lease, _) = grant(&store, &ordered(&name, 1, &name, 1)).await;
        assert_eq!(replica.query::<i64>(&["EXISTS", &record_name(&name)]).await, 1);
        assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
        let record: Vec<u8> = replica.query(&["GET", &record_name(&name)]).await;
        assert!(record.ends_with(b"done"));
    }
    assert!(master.calls().await["wait"] == 100);
}

#[tokio::test]
async fn a_grant_that_no_replica_confirms_is_given_back() {
    let (master, replica) = pair().await;
    let store = store(&master.url());
    let (patient, brief) = (store.clone().with_durability(ONE), store.clone().with_durability(ONE_BRIEFLY));
    replica.pause();
    let error = brief.claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_executed()), (StoreErrorKind::Unconfirmed, false), "{error:?}");
    let MissingConfirmations { wanted, reached, .. } = unconfirmed(&error);
    assert_eq!((wanted.replicas, reached.replicas), (1, 0));
    // A late copy of the claim finds that its attempt has released.
    let waits = master.calls().await["wait"];
    let late = brief.claim(&claim("k", 1)).await.unwrap();
    assert_eq!(late, Claimed::InFlight { retry_after: Duration::ZERO });
    assert_eq!(master.calls().await["wait"], waits, "an operation without a write waits for no replica");
    assert!(brief.check_health().await.unwrap().contains(&Finding::NotDurable { writes: 1 }));
    // For other owners the key is free.
    let (first, _) = grant(&store, &claim("k", 2)).await;
    replica.resume();
    let (repeated, _) = grant(&patient, &claim("k", 2)).await;
    assert_eq!(repeated.fence(), first.fence());
}

#[tokio::test]
async fn a_grant_may_stand_if_giving_it_back_is_not_answered() {
    let (master, replica) = pair().await;
    let proxy = FaultProxy::start(master.port()).await;
    let store = store(&proxy.url()).with_durability(ONE_BRIEFLY);
    replica.pause();
    proxy.lose_reply_to("idem:changed:");
    let error = store.claim(&claim("k", 1)).await.unwrap_err();
    // It may be executed late, when it must not meet a repeat of the claim.
    assert!(error.may_have_executed() && !error.is_transient(), "{error:?}");
    assert_eq!(unconfirmed(&error).reached.replicas, 0);
    replica.resume();
}

/// An outage of the replicas left keys in doubt although no handler had run.
#[tokio::test]
async fn an_outage_of_the_replicas_leaves_no_key_in_doubt() {
    let master = RedisServer::start().await;
    let policy = || Policy::webhook().with_on_expired(OnExpired::InDoubt).with_wait(Duration::ZERO);
    let local = store(&master.url());
    let engine = Idempotency::new(local.clone().with_durability(ONE_BRIEFLY)).with_policy(policy());
    for number in 0..5 {
        let begun = engine.begin(delivery(&format!("k{number}"))).await;
        assert!(begun.unwrap_err().is_store_in_reach());
    }
    assert!(engine.drain(PATIENT).await);
    master.advance(policy().lease() + Duration::from_secs(1)).await;
    let engine = Idempotency::new(local).with_policy(policy());
    for number in 0..5 {
        let begun = engine.begin(delivery(&format!("k{number}"))).await.unwrap();
        assert!(matches!(begun, Begun::Run(_)), "{begun:?}");
    }
}

/// A burst of durable claims counted as an outage, and delayed operations that had nothing to confirm.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_durable_claims_is_no_outage_and_delays_no_duplicate() {
    const BURST: usize = 600;
    let (master, replica) = pair().await;
    let proxy = FaultProxy::start(master.port()).await;
    let policy = Policy::webhook().with_on_outage(OnOutage::Proceed).with_store_timeout(PATIENT);
    let store = store(&proxy.url()).with_durability(ONE).without_health_interval();
    let engine = Idempotency::new(store).with_policy(policy);
    let done = async |_| Ok::<_, String>("done".to_owned());
    assert_eq!(engine.run(delivery("done"), done).await.unwrap(), Ran::Executed("done".to_owned()));
    master.reset_calls().await;
    replica.pause();
    let burst: Vec<_> = (0..BURST)
        .map(|number| {
            let engine = engine.clone();
            tokio::spawn(async move { engine.begin(delivery(&format!("k{number}"))).await })
        })
        .collect();
    // No write waits for the confirmation of another one.
    until(async || master.calls().await.get("set") == Some(&(BURST as u64))).await;
    assert_eq!(engine.run(delivery("done"), done).await.unwrap(), Ran::Replayed("done".to_owned()));
    assert!(burst.iter().all(|begun| !begun.is_finished()), "none is confirmed yet");
    replica.resume();
    for begun in burst {
        let begun = begun.await.unwrap().unwrap();
        assert!(matches!(begun, Begun::Run(_)), "{begun:?}");
    }
    let waits = master.calls().await["wait"];
    assert!(waits <= 10, "{waits} waits for {BURST} writes");
    // One for commands, and one for each waiting group.
    assert!(proxy.connections() <= 5, "{} connections", proxy.connections());
}

#[tokio::test]
async fn a_missing_replica_is_logged_once() {
    let captured = Captured::default();
    let _listening = captured.listen(tracing::Level::INFO);
    let (master, replica) = pair().await;
    let timeout = Duration::from_millis(10);
    let store = store(&master.url()).with_durability(Durability::Replicas { count: 1, timeout });
    replica.pause();
    for number in 0..20 {
        unconfirmed(&store.claim(&claim(&format!("k{number}"), 1)).await.unwrap_err());
    }
    replica.resume();
    let log = captured.text();
    assert_eq!(log.matches("as durable as asked").count(), 1, "{log}");
    assert!(store.check_health().await.unwrap().contains(&Finding::NotDurable { writes: 20 }));
}

#[tokio::test]
async fn a_repeat_of_a_write_on_another_connection_waits_for_that_write() {
    let (master, replica) = pair().await;
    let patient = store(&master.url()).with_durability(ONE);
    let durable = store(&master.url()).with_durability(ONE_BRIEFLY);
    replica.pause();
    let (lease, _) = grant(&store(&master.url()), &claim("k", 1)).await;
    let outcome = Outcome::new("done");
    assert_eq!(store(&master.url()).complete(&completion(&lease, &outcome)).await.unwrap(), Hold::Held);
    master.reset_calls().await;
    unconfirmed(&durable.complete(&completion(&lease, &outcome)).await.unwrap_err());
    // `WAIT` waits for the writes of its own connection, so there must be one.
    assert_eq!(master.calls().await.get("pexpire"), Some(&1));
    replica.resume();
    assert_eq!(patient.complete(&completion(&lease, &outcome)).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_completion_that_no_replica_confirms_stands_and_can_be_repeated() {
    let (master, replica) = pair().await;
    let patient = store(&master.url()).with_durability(ONE);
    let store = store(&master.url()).with_durability(ONE_BRIEFLY);
    let (lease, _) = grant(&patient, &claim("k", 1)).await;
    replica.pause();
    let outcome = Outcome::new("done");
    unconfirmed(&store.complete(&completion(&lease, &outcome)).await.unwrap_err());
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), outcome.clone());
    replica.resume();
    assert_eq!(patient.complete(&completion(&lease, &outcome)).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_wait_whose_connection_breaks_is_unknown_and_the_next_one_is_served() {
    let (master, _replica) = pair().await;
    let proxy = FaultProxy::start(master.port()).await;
    let store = store(&proxy.url()).with_durability(ONE);
    grant(&store, &claim("warm", 1)).await;
    proxy.lose_reply_to("WAIT");
    assert_eq!(store.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
}

#[tokio::test]
async fn a_wait_that_a_failover_ends_is_unknown_and_not_refused() {
    let (master, replica) = pair().await;
    let store = store(&master.url()).with_durability(ONE);
    let (lease, _) = grant(&store, &claim("done", 1)).await;
    replica.pause();
    let outcome = Outcome::default();
    let completion = completion(&lease, &outcome);
    let (claim, demoted) = (claim("k", 1), replica.port().to_string());
    let demoting = async {
        until(async || master.info("blocked_clients").await == 2).await;
        master.query::<String>(&["REPLICAOF", "127.0.0.1", &demoted]).await;
    };
    let (claimed, completed, ()) = tokio::join!(store.claim(&claim), store.complete(&completion), demoting);
    // Each was executed, and it is unknown whether the new master has it.
    assert_eq!(claimed.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(completed.unwrap_err().kind(), StoreErrorKind::Unknown);
    replica.resume();
}

#[tokio::test]
async fn a_flush_is_confirmed_by_both_counts_of_its_answer() {
    let master = RedisServer::start().await;
    let timeout = BRIEF;
    for (local, replicas, answer, enough) in [
        (true, 1, "return {1, 1}", true),
        (true, 0, "return {1, 0}", true),
        (true, 1, "return {0, 1}", false),
        (false, 2, "return {1, 1}", false),
    ] {
        let proxy = FaultProxy::start(master.port()).await;
        proxy.replace("WAITAOF", &["EVAL", answer, "0"]);
        let store = store(&proxy.url()).with_durability(Durability::Fsync { local, replicas, timeout });
        let claimed = store.claim(&claim(&format!("{local} {replicas} {answer}"), 1)).await;
        match enough {
            true => assert!(matches!(claimed.unwrap(), Claimed::Granted(_)), "{answer}"),
            false => drop(unconfirmed(&claimed.unwrap_err())),
        }
    }
}

#[tokio::test]
async fn a_server_without_the_requested_durability_refuses() {
    let master = RedisServer::start().await;
    let proxy = FaultProxy::start(master.port()).await;
    proxy.replace("WAITAOF", &["NOT-A-COMMAND"]);
    let fsync = Durability::Fsync { local: true, replicas: 0, timeout: BRIEF };
    let local = store(&master.url());
    let store = store(&proxy.url()).with_durability(fsync);
    assert_eq!(store.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Refused);
    // A grant that it made despite that is given back.
    grant(&local, &claim("k", 2)).await;
}

#[tokio::test]
async fn the_engine_runs_only_confirmed_claims_and_records_outcomes_later() {
    let (master, replica) = pair().await;
    let replica = Arc::new(replica);
    let timeout = Duration::from_millis(100);
    let store = store(&master.url()).with_durability(Durability::Replicas { count: 1, timeout });
    let engine = Idempotency::new(store);
    let runs = Arc::new(AtomicU32::new(0));
    let (pausing, counted) = (Arc::clone(&replica), Arc::clone(&runs));
    let handler = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        pausing.pause();
        std::future::ready(Ok::<_, String>("done".to_owned()))
    };
    // A grant that is not confirmed in time runs nothing, and is requested again.
    let ran = loop {
        match engine.run(delivery("a"), handler.clone()).await {
            Err(RunError::Store(_)) => assert_eq!(runs.load(Ordering::SeqCst), 0),
            ran => break ran.expect("the handler succeeded"),
        }
    };
    assert!(matches!(ran, Ran::ExecutedUnrecorded(_)), "{ran:?}");
    let forbidden = async |_| -> Result<String, String> { panic!("no handler runs unconfirmed") };
    let refused = engine.run(delivery("b"), forbidden).await;
    assert!(matches!(refused, Err(RunError::Store(_))), "{refused:?}");

    replica.resume();
    let state_and_flags: &[&str] = &["GETRANGE", &record_name("a"), "1", "1"];
    let is_completed = |byte: &[u8]| byte.first().is_some_and(|byte| byte & 3 == 3);
    until(async || is_completed(&replica.query::<Vec<u8>>(state_and_flags).await)).await;
    until(async || {
        let ran = engine.run(delivery("b"), async |_| Ok::<_, String>("done".to_owned())).await;
        ran.is_ok_and(|ran| matches!(ran, Ran::Executed(_)))
    })
    .await;
}

#[tokio::test]
async fn in_a_cluster_the_replica_of_the_slot_confirms() {
    let cluster = RedisCluster::start(3, true).await;
    let store = patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap());
    let (store, briefly) = (store.clone().with_durability(ONE), store.with_durability(ONE_BRIEFLY));
    for number in 0..20 {
        let name = format!("k{number}");
        let (lease, _) = grant(&store, &claim(&name, 1)).await;
        assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    }
    let owner = cluster.owner(&record_name("k"), 0).await;
    cluster.nodes[owner + 3].pause();
    unconfirmed(&briefly.claim(&claim("k", 1)).await.unwrap_err());
    cluster.nodes[owner + 3].resume();
    until(async || store.claim(&claim("k", 2)).await.is_ok()).await;
}
