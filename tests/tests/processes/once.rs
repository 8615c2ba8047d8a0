//! Two processes on one store: a key is executed once, however often and wherever it arrives.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use idempotency_tests::demo::{Client, Delivery, Demo, Framework, Ledger, now};
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::backing::Backing;

/// The number of keys on Redis. `ONCE_KEYS` sets that of every test.
const KEYS: usize = 1_000;
/// The number of keys on a database, which is slower.
const DATABASE_KEYS: usize = 200;
const COPIES: usize = 20;
/// The number of concurrent deliveries.
const CONCURRENCY: usize = 200;
/// The number of duplicates in a storm, and the number of them that may wait in two processes.
const STORM: usize = 300;
const WAITING: usize = 2 * 64;

/// Sends until there is a 2xx, like a sender. Returns the `idempotency-status` of every answer.
async fn send_until_2xx(client: &Client, delivery: &Delivery) -> Vec<String> {
    let mut marks = Vec::new();
    loop {
        let answer = client.send(delivery).await.expect("the server answers");
        marks.push(answer.mark().to_owned());
        if answer.status.is_success() {
            return marks;
        }
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn many_keys_twenty_times_each(pair: [Framework; 2], backing: Backing, keys: usize) {
    let keys = std::env::var("ONCE_KEYS").map_or(keys, |text| text.parse().expect("a number"));
    let ledger = Ledger::new();
    let demos = [
        Demo::start(pair[0], &backing.url(), &ledger).await,
        Demo::start(pair[1], &backing.url(), &ledger).await,
    ];
    let clients = demos.each_ref().map(Demo::pooled_client);

    let start = now();
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let mut senders = JoinSet::new();
    for number in 0..keys {
        let delivery = Delivery::github(&format!("delivery-{number}")).steered("delay_ms=10");
        for copy in 0..COPIES {
            let permit = Arc::clone(&permits).acquire_owned().await.expect("it stays open");
            let (client, delivery) = (clients[copy % 2].clone(), delivery.clone());
            senders.spawn(async move {
                let marks = send_until_2xx(&client, &delivery).await;
                drop(permit);
                marks
            });
        }
    }
    let mut counts = BTreeMap::<String, usize>::new();
    for mark in senders.join_all().await.into_iter().flatten() {
        *counts.entry(mark).or_default() += 1;
    }
    println!("{pair:?}: {counts:?} in {:?}", start.elapsed());

    let lines = ledger.lines();
    assert_eq!(lines.len(), keys);
    assert_eq!(lines.iter().map(|line| &line.key).collect::<HashSet<_>>().len(), keys);
    assert!(lines.iter().all(|line| line.attempt == 1));
    assert_eq!(counts["executed"], keys);
    assert_eq!(counts["replayed"], keys * (COPIES - 1));
}

#[tokio::test]
async fn two_axum_servers_execute_each_key_once() {
    many_keys_twenty_times_each([Framework::Axum, Framework::Axum], Backing::redis().await, KEYS).await;
}

#[tokio::test]
async fn two_actix_servers_execute_each_key_once() {
    many_keys_twenty_times_each([Framework::Actix, Framework::Actix], Backing::redis().await, KEYS).await;
}

#[tokio::test]
async fn an_axum_server_and_an_actix_server_execute_each_key_once() {
    many_keys_twenty_times_each([Framework::Axum, Framework::Actix], Backing::redis().await, KEYS).await;
}

#[tokio::test]
async fn an_axum_server_and_an_actix_server_on_one_postgresql_execute_each_key_once() {
    many_keys_twenty_times_each(
        [Framework::Axum, Framework::Actix],
        Backing::postgres().await,
        DATABASE_KEYS,
    )
    .await;
}

#[tokio::test]
async fn an_axum_server_and_an_actix_server_on_one_sqlite_file_execute_each_key_once() {
    many_keys_twenty_times_each([Framework::Axum, Framework::Actix], Backing::sqlite(), DATABASE_KEYS).await;
}

#[tokio::test]
async fn in_a_storm_of_duplicates_some_wait_and_the_others_are_told_to_retry() {
    for pair in Framework::PAIRS {
        let (redis, ledger) = (RedisServer::start().await, Ledger::new());
        let one = Demo::start(pair[0], &redis.url(), &ledger).await;
        let two = Demo::start(pair[1], &redis.url(), &ledger).await;
        let delivery = Delivery::github("delivery-1").steered("gated=1");
        let mut senders = JoinSet::new();
        for number in 0..STORM {
            let (client, delivery) = ([&one, &two][number % 2].client(), delivery.clone());
            senders.spawn(async move { client.send(&delivery).await.expect("the server answers") });
        }
        // One executes, and 64 wait in each process. All others are answered meanwhile.
        for _ in 0..STORM - 1 - WAITING {
            let refused = senders.join_next().await.expect("a task is left").expect("no task panics");
            refused.assert_is(503, "conflict");
            assert!(refused.header("retry-after").is_some(), "{refused:?}");
        }
        ledger.gate_is_reached().await;
        ledger.open_gate();
        let mut counts = BTreeMap::<String, usize>::new();
        for answer in senders.join_all().await {
            assert_eq!(answer.status, 200, "{answer:?}");
            *counts.entry(answer.mark().to_owned()).or_default() += 1;
        }
        println!("{pair:?}: {counts:?}");
        assert_eq!(counts, BTreeMap::from([("executed".to_owned(), 1), ("replayed".to_owned(), WAITING)]));
        assert_eq!(ledger.lines().len(), 1);
    }
}
