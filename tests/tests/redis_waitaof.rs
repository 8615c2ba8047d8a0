//! Durable writes that are flushed to append-only files, on servers with `WAITAOF`: Redis 7.2 or later, and Valkey.
//!
//! `cargo test` does not run these by default, because the installed server may lack `WAITAOF`. `tests/run` does, on the
//! servers that have it.

use std::error::Error as _;
use std::time::Duration;

use idempotency_core::engine::Begun;
use idempotency_core::store::redis::{Durability, MissingConfirmations};
use idempotency_core::store::{Claimed, Hold, Store as _};
use idempotency_core::{Delivery, Idempotency, Key, OnExpired, OnOutage, Outcome, Policy, Verified};
use idempotency_tests::redis_case::{claim, completion, grant, outcome_of, scope, store};
use idempotency_tests::redis_cluster::{replicated, until};
use idempotency_tests::redis_server::RedisServer;

/// Longer than any test here takes.
const PATIENT: Duration = Duration::from_secs(60);
const APPENDING: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "everysec"];

async fn appending(more: &[&str]) -> RedisServer {
    let server = RedisServer::start_with(&[&APPENDING[..], more].concat()).await;
    let known: Vec<redis::Value> = server.query(&["COMMAND", "INFO", "WAITAOF"]).await;
    assert!(known != [redis::Value::Nil], "WAITAOF needs Redis 7.2 or later, or Valkey: name its program");
    server
}

fn fsync(local: bool, replicas: u32, timeout: Duration) -> Durability {
    Durability::Fsync { local, replicas, timeout }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_hundred_claims_at_once_are_flushed_in_few_groups_and_outlive_the_server() {
    const BURST: usize = 600;
    let server = appending(&[]).await;
    let store = store(&server.url()).with_durability(fsync(true, 0, PATIENT));
    let policy = Policy::webhook().with_on_outage(OnOutage::Proceed).with_store_timeout(PATIENT);
    let engine = Idempotency::new(store.clone()).with_policy(policy);
    let burst: Vec<_> = (0..BURST)
        .map(|number| {
            let key = Key::new(format!("k{number}")).expect("a key");
            let (engine, delivery) =
                (engine.clone(), Delivery::new(&Verified::by_other_means(b""), scope(), key));
            tokio::spawn(async move { engine.begin(delivery).await })
        })
        .collect();
    let mut running = Vec::new();
    for begun in burst {
        match begun.await.unwrap().unwrap() {
            Begun::Run(execution) => running.push(execution),
            begun => panic!("each claim must be granted, and not {begun:?}"),
        }
    }
    let waits = server.calls().await["waitaof"];
    assert!(waits <= 60, "{waits} waits for {BURST} writes");
    println!("{waits} waits for {BURST} claims at once");
    server.restart().await;
    assert_eq!(server.query::<usize>(&["DBSIZE"]).await, BURST);
    // Their leases survive as well.
    let _ = store.claim(&claim("k0", 2)).await; // fails on the dead connection
    assert!(matches!(store.claim(&claim("k0", 2)).await.unwrap(), Claimed::InFlight { .. }));
    drop(running);
    engine.drain(PATIENT).await;
}

#[tokio::test]
async fn a_grant_and_a_completion_are_in_the_files_of_the_master_and_of_a_replica() {
    let master = appending(&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"]).await;
    let replica = appending(&["--replicaof", "127.0.0.1", &master.port().to_string()]).await;
    replicated(&master, &replica).await;
    let store = store(&master.url()).with_durability(fsync(true, 1, PATIENT));
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    for server in [&master, &replica] {
        server.kill();
    }
    master.restart().await;
    let _ = store.claim(&claim("k", 2)).await; // fails on the dead connection
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}

#[tokio::test]
async fn a_grant_that_no_file_has_in_time_is_given_back() {
    let server = appending(&[]).await;
    let local = store(&server.url());
    let durability = fsync(true, 1, Duration::from_millis(100));
    let error = local.clone().with_durability(durability).claim(&claim("k", 1)).await.unwrap_err();
    let unconfirmed = error
        .source()
        .and_then(|cause| cause.downcast_ref::<MissingConfirmations>())
        .expect("an unconfirmed write");
    assert_eq!((unconfirmed.wanted.replicas, unconfirmed.reached.replicas), (1, 0));
    until(async || server.query::<usize>(&["DBSIZE"]).await == 1).await;
    let mut next = claim("k", 2);
    next.on_expired = OnExpired::InDoubt;
    grant(&local, &next).await;
}
