//! A relay: attempts, pauses, dead messages, and its end.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::*;

#[tokio::test]
async fn a_message_whose_attempts_all_fail_is_dead_and_can_be_repeated() {
    let process = having_pushed(None, &["42"]).await;
    let outbox = process.store.outbox();
    let mut calls = Calls::new();
    let relay = calls.relay_failing_before(9, &process).with_attempts(3).start();
    let mut keys = BTreeSet::new();
    for attempt in 1..=3 {
        let message = calls.next().await;
        assert_eq!(message.attempt(), attempt);
        keys.insert(message.key().to_owned());
    }
    process.until("SELECT state FROM idempotency_outbox", "3").await;
    stop(relay).await;
    assert!(calls.is_empty());
    let dead = outbox.dead(0, 10).await.unwrap();
    let [dead] = dead.as_slice() else { panic!("{dead:?}") };
    assert_eq!((dead.message().payload(), dead.message().attempt()), (&b"42"[..], 3));
    assert_eq!(dead.last_error(), "refused");
    assert!(dead.dead_for() <= dead.message().age());

    let relay = calls.relay(&process).start();
    assert!(outbox.retry_dead(dead.message().id()).await.unwrap());
    let message = calls.next().await;
    assert_eq!(message.attempt(), 1);
    keys.insert(message.key().to_owned());
    assert_eq!(keys.len(), 1, "the key is the same in every attempt");
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn a_message_waits_between_two_attempts() {
    let process = having_pushed(None, &["42"]).await;
    let mut calls = Calls::new();
    let (first, longest) = (Duration::from_secs(3600), Duration::from_secs(5000));
    let pause = "SELECT round((due_at - extract(epoch FROM clock_timestamp()) * 1000000) / 100000000) * 100
                 FROM idempotency_outbox";
    let relay = calls.relay_failing_before(3, &process).with_backoff(first, longest).start();
    for (attempt, seconds) in [(1, "3600"), (2, "5000")] {
        assert_eq!(calls.next().await.attempt(), attempt);
        process.until("SELECT state FROM idempotency_outbox", "1").await;
        assert_eq!(process.query(pause).await, seconds);
        process.query("UPDATE idempotency_outbox SET due_at = 1").await;
    }
    assert_eq!(calls.next().await.attempt(), 3);
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn a_closure_that_panics_has_failed() {
    let process = having_pushed(None, &["42"]).await;
    let relay = process.store.outbox().relay(|message: Message| {
        // Once before it returns its future, and once in it.
        assert_eq!(message.attempt(), 2, "too early");
        async move { if message.attempt() == 2 { panic!("ouch") } else { Ok::<_, Error>(()) } }
    });
    let relay = quick(relay).with_attempts(2).start();
    process.until("SELECT state FROM idempotency_outbox", "3").await;
    stop(relay).await;
    let dead = process.store.outbox().dead(0, 1).await.unwrap();
    assert_eq!((dead[0].last_error(), dead[0].message().attempt()), ("the closure panicked: ouch", 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_share_the_messages_and_hand_each_over_once() {
    let numbers: Vec<_> = (0..200).map(|number: u32| number.to_string()).collect();
    let numbers: Vec<_> = numbers.iter().map(String::as_str).collect();
    let process = having_pushed(None, &numbers).await;
    let other = Process::at(&process.url, &process.url);
    let calls: Arc<Mutex<Vec<(usize, i64)>>> = Arc::default();
    let relay = |number: usize, process: &Process| {
        let calls = Arc::clone(&calls);
        quick(process.store.outbox().relay(move |message: Message| {
            calls.lock().unwrap().push((number, message.id()));
            async { Ok::<_, Error>(()) }
        }))
        .with_concurrency(5)
        .start()
    };
    let relays = [relay(0, &process), relay(1, &other)];
    process.until(MESSAGES, "0").await;
    for relay in relays {
        stop(relay).await;
    }
    let calls = calls.lock().unwrap();
    let distinct: BTreeSet<_> = calls.iter().map(|(_, id)| id).collect();
    assert_eq!((calls.len(), distinct.len()), (200, 200));
    let shares: BTreeSet<_> = calls.iter().map(|(relay, _)| relay).collect();
    assert_eq!(shares.len(), 2, "both have had messages");
}

#[tokio::test]
async fn a_relay_looks_again_at_once_when_there_may_be_more() {
    // More than it has room for, and more than are due at once.
    for (ordering_key, concurrency) in [(None, 2), (Some("account-7"), 16)] {
        let process = having_pushed(ordering_key, &["1", "2", "3", "4", "5"]).await;
        let mut calls = Calls::new();
        let relay = calls.relay(&process).with_concurrency(concurrency);
        let relay = relay.with_poll_interval(Duration::from_secs(3600)).start();
        let mut payloads = BTreeSet::new();
        for _ in 1..=5 {
            payloads.insert(calls.next_text().await.0);
        }
        assert_eq!(payloads.len(), 5);
        process.until(MESSAGES, "0").await;
        stop(relay).await;
    }
}

#[tokio::test]
async fn a_relay_has_no_more_in_hand_than_it_may() {
    let process = having_pushed(None, &["1", "2", "3", "4", "5"]).await;
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::clone(&gate);
    let calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        let running = Arc::clone(&running);
        sender.send(message).unwrap();
        async move { running.acquire().await.map(|permit| permit.forget()) }
    });
    let relay = quick(relay).with_concurrency(2).start();
    for ended in 0..=3 {
        let sql = "SELECT count(*) FILTER (WHERE state = 2), count(*) FROM idempotency_outbox";
        process.until(sql, &format!("2|{}", 5 - ended)).await;
        assert_eq!(calls.receiver.len(), 2 + ended);
        gate.add_permits(1);
    }
    gate.add_permits(1);
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn a_relay_that_is_stopped_ends_what_it_has_in_hand() {
    let process = having_pushed(None, &["1"]).await;
    let gate = Arc::new(Semaphore::new(0));
    let running = Arc::clone(&gate);
    let mut calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        let running = Arc::clone(&running);
        sender.send(message).unwrap();
        async move { running.acquire().await.map(|permit| permit.forget()) }
    });
    let relay = quick(relay).start();
    calls.next().await;
    let stopping = tokio::spawn(relay.stop(PATIENCE));
    push(&process, "other", None, &["2"]).await.unwrap();
    gate.add_permits(2);
    assert!(stopping.await.unwrap());
    let left = "SELECT convert_from(payload, 'UTF8'), attempts FROM idempotency_outbox";
    assert_eq!(process.query(left).await, "2|0");
}

#[tokio::test]
async fn a_relay_that_is_not_stopped_in_time_leaves_its_messages_to_their_leases() {
    let process = having_pushed(None, &["1"]).await;
    let mut calls = Calls::new();
    let relay = calls.relay_hanging(&process).start();
    calls.next().await;
    assert!(!relay.stop(Duration::from_millis(10)).await);
    assert_eq!(process.store.outbox().counts().await.unwrap().in_flight, 1);
}
