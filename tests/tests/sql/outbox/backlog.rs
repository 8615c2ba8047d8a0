//! Many messages, large ones, and others that a relay seldom meets.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use idempotency_sqlx::PostgresStore;

use super::*;

/// The relay's store has its default timeout. The database would read the table once for each of them, if it did not
/// find the earlier message by its number.
#[tokio::test]
async fn messages_behind_a_dead_one_hold_up_no_other() {
    let process = Process::alone().await;
    process.store.migrate().await.unwrap();
    let pausing =
        "INSERT INTO idempotency_outbox (due_at, created_at, namespace, topic, derived_key, payload)
                   SELECT 9000000000000000, 1, 'tests', 'mail', 'key', '' FROM generate_series(1, 6000)";
    process.query(pausing).await;
    let payloads: Vec<_> = (0..3000).map(|number: u32| number.to_string()).collect();
    let payloads: Vec<_> = payloads.iter().map(String::as_str).collect();
    push(&process, "evt", Some("account-7"), &payloads).await.unwrap();
    let first = "UPDATE idempotency_outbox SET state = 3
                 WHERE id = (SELECT min(id) FROM idempotency_outbox WHERE ordering_key = 'account-7')";
    process.query(first).await;
    process.query("ANALYZE idempotency_outbox").await;
    push(&process, "other", None, &["other"]).await.unwrap();

    let hurried = Process::on(PostgresStore::new(&process.url, "tests").unwrap(), &process.url);
    let mut calls = Calls::new();
    let relay = calls.relay(&hurried).start();
    assert_eq!(calls.next_text().await.0, "other");
    process.until("SELECT count(*) FROM idempotency_outbox WHERE topic = 'charge'", "3000").await;
    stop(relay).await;
    assert!(calls.is_empty());
}

/// One of them arrives in a small part of the relay's timeout, and all of them together do not.
#[tokio::test]
async fn large_payloads_hold_up_no_other_message() {
    const SIZE: usize = 24 << 20;
    let process = Process::alone().await;
    let handler = async |mut transaction: Transaction, _| {
        // Not compressible.
        let mut state = 1_u64;
        let payload: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .take(SIZE / 8)
        .flatten()
        .collect();
        for _ in 0..16 {
            transaction.outbox().push("large", &payload).await?;
        }
        transaction.outbox().push("small", "42").await?;
        Ok(0)
    };
    process.deliver(handler).await.unwrap();
    let store = PostgresStore::new(&process.url, "tests").unwrap().with_timeout(Duration::from_millis(400));
    let hurried = Process::on(store, &process.url);
    let mut calls = Calls::new();
    let relay = calls.relay(&hurried).start();
    for _ in 0..17 {
        calls.next().await;
    }
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn texts_and_payloads_of_any_length_are_handed_over() {
    let process = Process::alone().await;
    let store = PostgresStore::new(&process.url, "n".repeat(64)).unwrap().with_timeout(PATIENCE);
    let process = Process::on(store, &process.url);
    let key: String = (0..2000_u32).map(|n| char::from(b'!' + (n * n % 7919 % 93) as u8)).collect();
    let topic = "t".repeat(1 << 20);
    let (pushed_topic, pushed_key) = (topic.clone(), key.clone());
    let handler = async move |mut transaction: Transaction, _| {
        transaction.outbox().ordered_by(pushed_key).push(&pushed_topic, "").await?;
        transaction.outbox().ordered_by("").push("", vec![7; 50 << 20]).await?;
        Ok(0)
    };
    process.deliver(handler).await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay(&process).with_concurrency(1).start();
    let message = calls.next().await;
    assert_eq!(
        (message.topic(), message.ordering_key(), message.payload()),
        (&*topic, Some(&*key), &b""[..])
    );
    let message = calls.next().await;
    assert_eq!((message.topic(), message.ordering_key(), message.payload().len()), ("", Some(""), 50 << 20));
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn an_error_that_the_database_cannot_hold_is_kept_without_its_characters() {
    let process = Process::alone().await;
    process.query("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0").await;
    let url = process.url.rsplit_once('/').unwrap().0.to_owned() + "/latin";
    let process = Process::at(&url, &url);
    push(&process, "evt", None, &["42"]).await.unwrap();
    let relay = process.store.outbox().relay(|_| async { Err::<(), _>("no → route") });
    let relay = quick(relay).with_concurrency(1).with_attempts(1).start();
    process.until("SELECT state FROM idempotency_outbox", "3").await;
    stop(relay).await;
    let dead = process.store.outbox().dead(0, 1).await.unwrap();
    assert_eq!(dead[0].last_error(), "no \\u{2192} route");
}

#[tokio::test]
async fn a_database_of_an_earlier_version_gets_the_table() {
    let process = Process::alone().await;
    process.store.migrate().await.unwrap();
    process.query("DROP TABLE idempotency_outbox").await;
    let process = Process::at(&process.url, &process.url);
    push(&process, "evt", Some("account-7"), &["42"]).await.unwrap();
    assert_eq!(process.query(MESSAGES).await, "1");
}

#[tokio::test]
async fn a_relay_works_behind_a_pooler() {
    let process = Process::alone().await;
    let store = PostgresStore::new(&process.url, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store.behind_transaction_pooler(), &process.url);
    push(&process, "evt", Some("account-7"), &["1", "2"]).await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay_failing_before(2, &process).start();
    for expected in [("1", 1), ("1", 2), ("2", 1), ("2", 2)] {
        assert_eq!(calls.next_text().await, (expected.0.to_owned(), expected.1));
    }
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

/// The calls succeed in the order of the pushes, however often the operator repeats dead ones meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_who_races_relays_keeps_the_order() {
    let payloads: Vec<_> = (0..30).map(|number: u32| number.to_string()).collect();
    let payloads: Vec<_> = payloads.iter().map(String::as_str).collect();
    let process = having_pushed(Some("account-7"), &payloads).await;
    let other = Process::at(&process.url, &process.url);
    let succeeded: Arc<Mutex<Vec<String>>> = Arc::default();
    let tries: Arc<Mutex<BTreeMap<i64, u32>>> = Arc::default();
    let relay = |process: &Process| {
        let (succeeded, tries) = (Arc::clone(&succeeded), Arc::clone(&tries));
        quick(process.store.outbox().relay(move |message: Message| {
            let mut tries = tries.lock().unwrap();
            let count = tries.entry(message.id()).or_default();
            *count += 1;
            let fails = *count < 3;
            if !fails {
                succeeded.lock().unwrap().push(text(&message));
            }
            async move { if fails { Err("refused") } else { Ok(()) } }
        }))
        .with_attempts(1)
        .start()
    };
    let relays = [relay(&process), relay(&other)];
    let outbox = process.store.outbox();
    let repeated = async {
        while process.query(MESSAGES).await != "0" {
            for dead in outbox.dead(0, 10).await.unwrap() {
                let (one, two) = tokio::join!(
                    outbox.retry_dead(dead.message().id()),
                    outbox.retry_dead(dead.message().id())
                );
                assert!(one.unwrap() || two.unwrap());
            }
        }
    };
    tokio::time::timeout(PATIENCE * 2, repeated).await.unwrap();
    for relay in relays {
        stop(relay).await;
    }
    assert_eq!(*succeeded.lock().unwrap(), payloads);
}
