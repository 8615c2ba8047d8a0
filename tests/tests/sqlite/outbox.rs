//! The outbox in SQLite: relays share it, keep its order, and leave dead messages to operators.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_core::clock::ManualClock;
use idempotency_core::{Delivery, Idempotency, Key, Ran, RunError, Scope, Verified};
use idempotency_sqlx::outbox::{Message, OutboxCounts, Relay};
use idempotency_sqlx::{IdempotentTransaction, SqliteStore};
use sqlx::Sqlite;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use super::Database;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Delivers an event whose handler pushes these payloads in its transaction.
async fn push(store: &SqliteStore, ordering_key: Option<&'static str>, payloads: &[&str]) {
    let payloads: Vec<_> = payloads.iter().map(ToString::to_string).collect();
    let proof = Verified::by_other_means(b"a test");
    let key = Key::new(payloads[0].as_str()).unwrap();
    let delivery = Delivery::new(&proof, Scope::endpoint("orders"), key);
    let handler = async move |mut transaction: IdempotentTransaction<Sqlite>, _| {
        for payload in payloads {
            let outbox = transaction.outbox();
            match ordering_key {
                Some(key) => outbox.ordered_by(key).push("charge", payload).await?,
                None => outbox.push("charge", payload).await?,
            };
        }
        Ok::<_, Error>(0)
    };
    let engine = Idempotency::new(store.clone());
    assert_eq!(store.run_in_transaction(&engine, delivery, handler).await.unwrap(), Ran::Executed(0));
}

fn quick(relay: Relay) -> Relay {
    relay
        .with_poll_interval(Duration::from_millis(10))
        .with_backoff(Duration::from_millis(10), Duration::from_millis(20))
}

/// A relay whose calls succeed from this attempt on, and what it hands over.
fn relay_failing_before(attempt: u32, store: &SqliteStore) -> (Relay, UnboundedReceiver<Message>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let relay = store.outbox().relay(move |message: Message| {
        let fails = message.attempt() < attempt;
        send(&sender, message);
        async move { if fails { Err("refused") } else { Ok(()) } }
    });
    (quick(relay), receiver)
}

fn send(sender: &UnboundedSender<Message>, message: Message) {
    sender.send(message).unwrap();
}

async fn next(receiver: &mut UnboundedReceiver<Message>) -> (String, u32) {
    let message = tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("a call").unwrap();
    (String::from_utf8(message.payload().to_vec()).unwrap(), message.attempt())
}

/// Polls the counts until they are as expected.
async fn until(store: &SqliteStore, expected: impl Fn(&OutboxCounts) -> bool) -> OutboxCounts {
    let counts = async {
        loop {
            let counts = store.outbox().counts().await.unwrap();
            if expected(&counts) {
                return counts;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, counts).await.expect("the counts become as expected")
}

async fn until_empty(store: &SqliteStore) {
    until(store, |counts| *counts == OutboxCounts::default()).await;
}

#[tokio::test]
async fn a_message_is_handed_over_until_it_succeeds_and_then_deleted() {
    let database = Database::new();
    let store = database.store();
    push(&store, None, &["42"]).await;
    let (relay, mut calls) = relay_failing_before(3, &store);
    let relay = relay.start();
    for attempt in 1..=3 {
        assert_eq!(next(&mut calls).await, ("42".to_owned(), attempt));
    }
    until_empty(&store).await;
    assert!(relay.stop(PATIENCE).await);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_message_waits_between_two_attempts_and_is_dead_after_the_last() {
    let database = Database::new();
    let clock = Arc::new(ManualClock::new());
    let store = database.store().with_clock(Arc::clone(&clock));
    push(&store, None, &["42"]).await;
    let (relay, mut calls) = relay_failing_before(9, &store);
    let relay = relay.with_backoff(HOUR, HOUR).with_attempts(2).start();
    assert_eq!(next(&mut calls).await, ("42".to_owned(), 1));
    until(&store, |counts| counts.waiting == 1).await;
    clock.advance(HOUR - Duration::from_secs(1));
    assert_eq!(store.outbox().counts().await.unwrap().waiting, 1);
    assert!(calls.is_empty());
    clock.advance(Duration::from_secs(1));
    assert_eq!(next(&mut calls).await, ("42".to_owned(), 2));
    until(&store, |counts| counts.dead == 1).await;
    assert!(relay.stop(PATIENCE).await);

    clock.advance(HOUR);
    let dead = store.outbox().dead(0, 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].last_error(), dead[0].dead_for()), (1, "refused", HOUR));
    let key = dead[0].message().key().to_owned();
    let (relay, mut calls) = relay_failing_before(0, &store);
    let relay = relay.with_poll_interval(HOUR).start();
    let id = dead[0].message().id();
    assert!(store.outbox().retry_dead(id).await.unwrap());
    assert!(!store.outbox().drop_dead(id).await.unwrap());
    let message = calls.recv().await.unwrap();
    assert_eq!((message.attempt(), message.key()), (1, key.as_str()));
    until_empty(&store).await;
    assert!(relay.stop(PATIENCE).await);
}

#[tokio::test]
async fn a_commit_wakes_the_relays_of_its_process() {
    let database = Database::new();
    let store = database.store();
    push(&store, None, &["first"]).await;
    let (relay, mut calls) = relay_failing_before(0, &store);
    let relay = relay.with_poll_interval(HOUR).start();
    assert_eq!(next(&mut calls).await.0, "first");
    until_empty(&store).await;
    push(&store, None, &["second"]).await;
    assert_eq!(next(&mut calls).await.0, "second");
    assert!(relay.stop(PATIENCE).await);
}

#[tokio::test]
async fn a_handler_that_fails_pushes_nothing() {
    let database = Database::new();
    let store = database.store();
    let proof = Verified::by_other_means(b"a test");
    let delivery = Delivery::new(&proof, Scope::endpoint("orders"), Key::new("evt").unwrap());
    let handler = async |mut transaction: IdempotentTransaction<Sqlite>, _| {
        transaction.outbox().push("charge", "42").await?;
        Err::<u32, _>(Error::from("refused"))
    };
    let failed = store.run_in_transaction(&Idempotency::new(store.clone()), delivery, handler).await;
    assert!(matches!(failed, Err(RunError::Handler(_))), "{failed:?}");
    assert_eq!(store.outbox().counts().await.unwrap(), OutboxCounts::default());
}

#[tokio::test]
async fn a_dead_message_blocks_its_ordering_key_alone() {
    let database = Database::new();
    let store = database.store();
    push(&store, Some("account-7"), &["1", "2", "3"]).await;
    let (relay, mut calls) = relay_failing_before(9, &store);
    let relay = relay.with_attempts(1).start();
    assert_eq!(next(&mut calls).await.0, "1");
    until(&store, |counts| counts.dead == 1).await;
    assert!(relay.stop(PATIENCE).await);
    push(&store, Some("account-8"), &["4"]).await;
    push(&store, None, &["5"]).await;
    let (relay, mut calls) = relay_failing_before(0, &store);
    let relay = relay.start();
    let others = BTreeSet::from([next(&mut calls).await.0, next(&mut calls).await.0]);
    assert_eq!(others, BTreeSet::from(["4".to_owned(), "5".to_owned()]));
    let counts = until(&store, |counts| counts.waiting == 2 && counts.in_flight == 0).await;
    assert_eq!((counts.dead, counts.blocked), (1, 2));
    assert!(calls.is_empty());
    let dead = store.outbox().dead(0, 10).await.unwrap();
    assert!(store.outbox().drop_dead(dead[0].message().id()).await.unwrap());
    assert_eq!(next(&mut calls).await.0, "2");
    assert_eq!(next(&mut calls).await.0, "3");
    until_empty(&store).await;
    assert!(relay.stop(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_share_the_messages_and_hand_each_over_once() {
    let database = Database::new();
    let stores = [database.store(), database.store()];
    let numbers: Vec<_> = (0..100).map(|number: u32| number.to_string()).collect();
    push(&stores[0], None, &numbers.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let calls: Arc<Mutex<Vec<(usize, i64)>>> = Arc::default();
    let relays = [0, 1].map(|number| {
        let calls = Arc::clone(&calls);
        let relay = stores[number].outbox().relay(move |message: Message| {
            calls.lock().unwrap().push((number, message.id()));
            async { Ok::<_, String>(()) }
        });
        quick(relay).with_concurrency(3).start()
    });
    until_empty(&stores[0]).await;
    for relay in relays {
        assert!(relay.stop(PATIENCE).await);
    }
    let calls = calls.lock().unwrap();
    let ids: BTreeSet<_> = calls.iter().map(|(_, id)| id).collect();
    assert_eq!((calls.len(), ids.len()), (100, 100));
    let shares: BTreeSet<_> = calls.iter().map(|(relay, _)| relay).collect();
    assert_eq!(shares.len(), 2, "both have had messages");
}

#[tokio::test]
async fn the_message_of_a_relay_that_died_is_taken_over_when_its_lease_has_run_out() {
    let database = Database::new();
    let clock = Arc::new(ManualClock::new());
    let store = database.store().with_clock(Arc::clone(&clock));
    push(&store, None, &["42"]).await;
    let (sender, mut hanging) = mpsc::unbounded_channel();
    let killed = quick(store.outbox().relay(move |message| {
        send(&sender, message);
        std::future::pending::<Result<(), String>>()
    }));
    let killed = killed.with_lease(HOUR).start();
    assert_eq!(next(&mut hanging).await.1, 1);
    drop(killed);
    let (relay, mut calls) = relay_failing_before(0, &store);
    let relay = relay.start();
    clock.advance(HOUR - Duration::from_secs(1));
    push(&store, None, &["43"]).await;
    assert_eq!(next(&mut calls).await, ("43".to_owned(), 1));
    until(&store, |counts| counts.in_flight == 1 && counts.waiting == 0).await;
    assert!(calls.is_empty());
    clock.advance(Duration::from_secs(1));
    assert_eq!(next(&mut calls).await, ("42".to_owned(), 2));
    until_empty(&store).await;
    assert!(relay.stop(PATIENCE).await);
}

#[tokio::test]
async fn a_relay_hands_over_the_messages_of_its_namespace() {
    let database = Database::new();
    let store = database.store();
    let other = SqliteStore::new(database.path(), "other").unwrap().with_timeout(PATIENCE);
    push(&store, None, &["ours"]).await;
    push(&other, None, &["theirs"]).await;
    let (relay, mut calls) = relay_failing_before(0, &other);
    let relay = relay.start();
    assert_eq!(next(&mut calls).await.0, "theirs");
    until_empty(&other).await;
    assert!(relay.stop(PATIENCE).await);
    assert!(calls.is_empty());
    assert_eq!(store.outbox().counts().await.unwrap().waiting, 1);
}

#[tokio::test]
async fn texts_and_payloads_of_any_length_are_handed_over() {
    let database = Database::new();
    let store = database.store();
    let proof = Verified::by_other_means(b"a test");
    let delivery = Delivery::new(&proof, Scope::endpoint("orders"), Key::new("evt").unwrap());
    let handler = async |mut transaction: IdempotentTransaction<Sqlite>, _| {
        transaction.outbox().ordered_by("a\0b").push("t\0", "").await?;
        transaction.outbox().ordered_by("a\0c").push("", vec![7; 50 << 20]).await?;
        transaction.outbox().ordered_by("").push(&"t".repeat(1 << 20), "x").await?;
        Ok::<_, Error>(0)
    };
    let ran = store.run_in_transaction(&Idempotency::new(store.clone()), delivery, handler).await;
    assert_eq!(ran.unwrap(), Ran::Executed(0));
    let (relay, mut calls) = relay_failing_before(0, &store);
    let relay = relay.with_concurrency(1).start();
    let message = calls.recv().await.unwrap();
    assert_eq!((message.topic(), message.ordering_key(), message.payload()), ("t\0", Some("a\0b"), &b""[..]));
    let message = calls.recv().await.unwrap();
    assert_eq!(
        (message.topic(), message.ordering_key(), message.payload().len()),
        ("", Some("a\0c"), 50 << 20)
    );
    let message = calls.recv().await.unwrap();
    assert_eq!((message.topic().len(), message.ordering_key()), (1 << 20, Some("")));
    until_empty(&store).await;
    assert!(relay.stop(PATIENCE).await);
}

/// Handlers hold the write lock nearly all the time, in two processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_work_while_handlers_hold_the_write_lock() {
    let database = Database::new();
    let calls: Arc<Mutex<BTreeSet<i64>>> = Arc::default();
    let stores = [0, 1].map(|_| SqliteStore::new(database.path(), "tests").unwrap());
    let relays = [0, 1].map(|number: usize| {
        let calls = Arc::clone(&calls);
        let relay = stores[number].outbox().relay(move |message: Message| {
            calls.lock().unwrap().insert(message.id());
            async { Ok::<_, String>(()) }
        });
        quick(relay).start()
    });
    let mut handlers = tokio::task::JoinSet::new();
    for (number, store) in stores.iter().enumerate() {
        let store = store.clone();
        handlers.spawn(async move {
            let mut pushed = 0;
            for event in 0..20 {
                let proof = Verified::by_other_means(b"a test");
                let key = Key::new(format!("evt-{number}-{event}")).unwrap();
                let delivery = Delivery::new(&proof, Scope::endpoint("orders"), key);
                let handler = async |mut transaction: IdempotentTransaction<Sqlite>, _| {
                    transaction.outbox().ordered_by("account-7").push("charge", "1").await?;
                    tokio::time::sleep(Duration::from_millis(150)).await;
                    Ok::<_, Error>(0)
                };
                let ran = store.run_in_transaction(&Idempotency::new(store.clone()), delivery, handler).await;
                pushed += usize::from(ran.is_ok());
            }
            pushed
        });
    }
    let pushed: usize = handlers.join_all().await.into_iter().sum();
    until_empty(&stores[0]).await;
    for relay in relays {
        assert!(relay.stop(PATIENCE).await);
    }
    assert_eq!(calls.lock().unwrap().len(), pushed);
    assert!(pushed > 0);
}
