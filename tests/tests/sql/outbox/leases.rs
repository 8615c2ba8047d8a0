//! The lease of a relay on a message: renewed, lost, run out.

use std::future::pending;

use tokio::sync::oneshot;

use super::*;

/// Short, so that a test can wait for its end, and long for a third of it.
const LEASE: Duration = Duration::from_secs(3);

#[tokio::test]
async fn the_message_of_a_relay_that_died_is_taken_over() {
    let process = having_pushed(None, &["42"]).await;
    let other = Process::at(&process.url, &process.url);
    let mut calls = Calls::new();
    let killed = calls.relay_hanging(&process).with_lease(LEASE).start();
    let first = calls.next().await;
    let relay = calls.relay(&other).start();
    drop(killed);
    let second = calls.next().await;
    assert_eq!((first.attempt(), second.attempt()), (1, 2));
    assert_eq!((first.id(), first.key()), (second.id(), second.key()));
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn a_lease_is_renewed_while_the_closure_runs() {
    let process = having_pushed(None, &["42"]).await;
    let other = Process::at(&process.url, &process.url);
    let mut calls = Calls::new();
    let (open, gate) = oneshot::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    let sender = calls.sender.clone();
    let slow = process.store.outbox().relay(move |message| {
        sender.send(message).unwrap();
        let gate = gate.lock().unwrap().take();
        async move { gate.ok_or("a second call")?.await.map_err(|_| "the test has ended") }
    });
    let slow = quick(slow).with_lease(LEASE).start();
    calls.next().await;
    let rival = calls.relay(&other).start();
    // Waits until the lease has been renewed for three times its length.
    let end: i64 = process.query("SELECT due_at FROM idempotency_outbox").await.parse().unwrap();
    let later = end + i64::try_from((LEASE * 3).as_micros()).unwrap();
    process.until(&format!("SELECT due_at > {later} FROM idempotency_outbox"), "t").await;
    assert!(calls.is_empty(), "the rival has not had it");
    open.send(()).unwrap();
    process.until(MESSAGES, "0").await;
    stop(slow).await;
    stop(rival).await;
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_closure_is_dropped_when_another_relay_has_taken_over() {
    let process = having_pushed(None, &["42"]).await;
    let (dropped, is_dropped) = oneshot::channel::<()>();
    let dropped = std::sync::Mutex::new(Some(dropped));
    let mut calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        let guard = dropped.lock().unwrap().take();
        sender.send(message).unwrap();
        async move {
            pending::<()>().await;
            drop(guard);
            Ok::<_, Error>(())
        }
    });
    let relay = quick(relay).with_lease(LEASE).start();
    calls.next().await;
    process
        .query("UPDATE idempotency_outbox SET fence = fence + 1, due_at = 9000000000000000, attempts = 2")
        .await;
    tokio::time::timeout(PATIENCE, is_dropped).await.unwrap().unwrap_err();
    stop(relay).await;
    // It has overwritten nothing that the other relay wrote.
    let sql = "SELECT state, due_at, attempts, last_error FROM idempotency_outbox";
    assert_eq!(process.query(sql).await, "2|9000000000000000|2|");
}

#[tokio::test]
async fn a_late_relay_ends_a_message_that_no_other_has_taken() {
    let process = having_pushed(None, &["42"]).await;
    let (open, gate) = oneshot::channel::<()>();
    let gate = std::sync::Mutex::new(Some(gate));
    let mut calls = Calls::new();
    let sender = calls.sender.clone();
    let relay = process.store.outbox().relay(move |message| {
        sender.send(message).unwrap();
        let gate = gate.lock().unwrap().take();
        async move { gate.ok_or("a second call")?.await.map_err(|_| "the test has ended") }
    });
    // It has no room for the message that it has in hand.
    let relay = quick(relay).with_concurrency(1).start();
    calls.next().await;
    process.query("UPDATE idempotency_outbox SET due_at = 1").await;
    open.send(()).unwrap();
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    assert!(calls.is_empty());
}

/// As after a pause of the process: the relay does not know yet that another one has taken the message.
#[tokio::test]
async fn a_relay_that_was_taken_over_changes_nothing_when_its_call_ends() {
    for succeeds in [true, false] {
        let process = having_pushed(None, &["42"]).await;
        let (open, gate) = oneshot::channel::<bool>();
        let gate = std::sync::Mutex::new(Some(gate));
        let mut calls = Calls::new();
        let sender = calls.sender.clone();
        let relay = process.store.outbox().relay(move |message| {
            sender.send(message).unwrap();
            let gate = gate.lock().unwrap().take();
            async move { if gate.ok_or("a second call")?.await.unwrap() { Ok(()) } else { Err("refused") } }
        });
        let relay = quick(relay).start();
        calls.next().await;
        process
            .query("UPDATE idempotency_outbox SET fence = fence + 1, due_at = 9000000000000000, attempts = 2")
            .await;
        open.send(succeeds).unwrap();
        stop(relay).await;
        let sql = "SELECT state, due_at, attempts, last_error FROM idempotency_outbox";
        assert_eq!(process.query(sql).await, "2|9000000000000000|2|");
    }
}

/// Otherwise it would kill relays for ever.
#[tokio::test]
async fn a_message_whose_relays_all_died_is_dead() {
    let process = having_pushed(None, &["42"]).await;
    let mut calls = Calls::new();
    for attempt in 1..=2 {
        let killed = calls.relay_hanging(&process).with_attempts(2).start();
        assert_eq!(calls.next().await.attempt(), attempt);
        drop(killed);
        process.query("UPDATE idempotency_outbox SET due_at = 1").await;
    }
    let relay = calls.relay_hanging(&process).with_attempts(2).start();
    process.until("SELECT state FROM idempotency_outbox", "3").await;
    stop(relay).await;
    assert!(calls.is_empty());
    let dead = process.store.outbox().dead(0, 1).await.unwrap();
    assert!(dead[0].last_error().starts_with("the relay ended"), "{}", dead[0].last_error());
}
