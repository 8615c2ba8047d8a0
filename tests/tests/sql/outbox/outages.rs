//! A relay whose database restarts, and whose replies are lost.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use idempotency_tests::proxy::FaultProxy;
use tokio::sync::oneshot;

use super::*;

/// Short, so that an operation that meets an outage ends.
const TIMEOUT: Duration = Duration::from_secs(2);

fn process_of(server: &PostgresServer) -> Process {
    let store = PostgresStore::new(server.url(), "tests").unwrap().with_timeout(TIMEOUT);
    Process::on(store, &server.url())
}

/// Delivers the event until it is executed or replayed.
async fn push_through(process: &Process, event: &str) {
    let pushed = async {
        while !push(process, event, None, &[event]).await.is_ok_and(|ran| ran.may_be_acknowledged()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE * 2, pushed).await.expect("the database comes back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_is_handed_over_while_the_database_restarts() {
    let server = PostgresServer::start().await;
    let process = process_of(&server);
    let policy = idempotency_core::Policy::webhook().with_lease(TIMEOUT).with_wait(Duration::ZERO);
    let process = process.with_policy(policy);
    process.store.migrate().await.unwrap();
    let called: Arc<Mutex<BTreeSet<String>>> = Arc::default();
    let calls = Arc::clone(&called);
    let relay = process.store.outbox().relay(move |message| {
        calls.lock().unwrap().insert(text(&message));
        async { Ok::<_, Error>(()) }
    });
    let relay = quick(relay).with_lease(TIMEOUT).start();
    for round in 0..3 {
        for number in 0..10 {
            push_through(&process, &format!("evt-{round}-{number}")).await;
        }
        server.kill();
        server.restart().await;
    }
    let empty = async { while psql(&process.url, MESSAGES).await.ok().as_deref() != Some("0") {} };
    tokio::time::timeout(PATIENCE * 2, empty).await.expect("all messages are handed over");
    stop(relay).await;
    assert_eq!(called.lock().unwrap().len(), 30);
}

#[tokio::test]
async fn a_call_that_ends_during_an_outage_is_not_repeated() {
    let server = PostgresServer::start().await;
    let process = process_of(&server);
    push(&process, "evt", None, &["42"]).await.unwrap();
    let (open, gate) = oneshot::channel::<()>();
    let gate = Mutex::new(Some(gate));
    let mut calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        sender.send(message).unwrap();
        let gate = gate.lock().unwrap().take();
        async move { gate.ok_or("a second call")?.await.map_err(|_| "the test has ended") }
    });
    let relay = quick(relay).with_lease(PATIENCE * 10).start();
    calls.next().await;
    server.kill();
    open.send(()).unwrap();
    server.restart().await;
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    assert!(calls.is_empty());
}

#[tokio::test]
async fn the_end_of_a_call_is_written_as_soon_as_the_database_takes_it() {
    let process = having_pushed(None, &["42"]).await;
    let (open, gate) = oneshot::channel::<()>();
    let gate = Mutex::new(Some(gate));
    let mut calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        sender.send(message).unwrap();
        let gate = gate.lock().unwrap().take();
        async move { gate.ok_or("a second call")?.await.map_err(|_| "the test has ended") }
    });
    let hour = Duration::from_secs(3600);
    let relay = relay.with_lease(hour).with_poll_interval(hour).start();
    calls.next().await;
    process.query("ALTER TABLE idempotency_outbox RENAME TO moved").await;
    open.send(()).unwrap();
    let refused = "SELECT count(*) > 0 FROM pg_stat_activity
                   WHERE datname = current_database() AND state = 'idle' AND query LIKE 'DELETE FROM%'";
    process.until(refused, "t").await;
    process.query("ALTER TABLE moved RENAME TO idempotency_outbox").await;
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_deletion_whose_reply_is_lost_is_not_followed_by_another_call() {
    let process = having_pushed(None, &["42"]).await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let behind = Process::at(&proxy.route(&process.url), &process.url);
    proxy.lose_reply_to("DELETE FROM \"idempotency_outbox\"");
    let mut calls = Calls::new();
    let relay = calls.relay(&behind).start();
    assert_eq!(calls.next_text().await, ("42".to_owned(), 1));
    process.until(MESSAGES, "0").await;
    push(&process, "other", None, &["43"]).await.unwrap();
    assert_eq!(calls.next_text().await, ("43".to_owned(), 1));
    stop(relay).await;
    assert!(calls.is_empty());
}

/// The messages that it took are handed over when the lease runs out, as if the relay had died.
#[tokio::test]
async fn messages_that_were_taken_and_whose_reply_is_lost_are_taken_again() {
    let process = having_pushed(Some("account-7"), &["1", "2"]).await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let behind = Process::at(&proxy.route(&process.url), &process.url);
    proxy.lose_reply_to("due AS MATERIALIZED");
    let mut calls = Calls::new();
    let relay = calls.relay(&behind).with_lease(Duration::from_millis(300)).start();
    assert_eq!(calls.next_text().await, ("1".to_owned(), 2));
    assert_eq!(calls.next_text().await, ("2".to_owned(), 1));
    stop(relay).await;
    process.until(MESSAGES, "0").await;
}
