//! Messages and the transaction that they are pushed in.

use idempotency_core::engine::{Begun, CompletionResult, Writes};
use idempotency_core::{Outcome, RunError};
use idempotency_sqlx::PostgresStore;
use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_committed_message_is_handed_over_once() {
    let process = having_pushed(None, &["42"]).await;
    let mut calls = Calls::new();
    let relay = calls.relay(&process).start();
    let message = calls.next().await;
    assert_eq!((message.topic(), message.payload(), message.attempt()), ("charge", &b"42"[..], 1));
    assert_eq!((message.ordering_key(), message.key().len()), (None, 43));
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    assert!(calls.is_empty());
    // A duplicate pushes nothing.
    assert_eq!(push(&process, "evt", None, &["42"]).await.unwrap(), Ran::Replayed(1));
    assert_eq!(process.query(MESSAGES).await, "0");
}

#[tokio::test]
async fn a_message_is_handed_over_after_the_commit_and_not_before() {
    let process = Process::alone().await;
    let (open, gate) = oneshot::channel::<()>();
    let (pushed, has_pushed) = oneshot::channel();
    let delivering = process.clone();
    let first = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            push_one(&mut transaction, None, "first").await?;
            pushed.send(()).unwrap();
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    has_pushed.await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay(&process).start();
    // The relay passes over a message that is not committed.
    push(&process, "other", None, &["second"]).await.unwrap();
    assert_eq!(calls.next_text().await.0, "second");
    process.until(MESSAGES, "0").await;
    assert!(calls.is_empty());
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(calls.next_text().await.0, "first");
    stop(relay).await;
}

#[tokio::test]
async fn a_commit_wakes_the_relays_of_its_process() {
    let process = having_pushed(None, &["first"]).await;
    let mut calls = Calls::new();
    let relay = calls.relay(&process).with_poll_interval(Duration::from_secs(3600)).start();
    assert_eq!(calls.next_text().await.0, "first");
    process.until(MESSAGES, "0").await;
    for event in ["second", "third"] {
        push(&process, event, None, &[event]).await.unwrap();
        assert_eq!(calls.next_text().await.0, event);
    }
    stop(relay).await;
}

#[tokio::test]
async fn a_commit_in_another_process_is_found_by_looking() {
    let process = Process::alone().await;
    let other = Process::at(&process.url, &process.url);
    let mut calls = Calls::new();
    let relay = calls.relay(&process).start();
    push(&other, "evt", None, &["42"]).await.unwrap();
    assert_eq!(calls.next_text().await.0, "42");
    stop(relay).await;
}

#[tokio::test]
async fn a_handler_that_fails_pushes_nothing_and_its_retry_has_the_same_keys() {
    let process = Process::alone().await;
    let (sender, mut keys) = mpsc::unbounded_channel();
    let deliver = async |fails: bool| {
        let sender = sender.clone();
        let handler = async move |mut transaction: Transaction, _| {
            let mut keys = Vec::new();
            for (topic, payload) in [("charge", "1"), ("charge", "2"), ("mail", "1")] {
                keys.push(transaction.outbox().push(topic, payload).await?);
            }
            sender.send(keys).unwrap();
            if fails { Err(Error::from("refused")) } else { Ok(0) }
        };
        process.deliver(handler).await
    };
    assert!(matches!(deliver(true).await, Err(RunError::Handler(_))));
    assert_eq!(process.query(MESSAGES).await, "0");
    deliver(false).await.unwrap();
    let (failed, retried) = (keys.recv().await.unwrap(), keys.recv().await.unwrap());
    assert_eq!(failed, retried);
    let stored = process.query("SELECT derived_key FROM idempotency_outbox ORDER BY id").await;
    assert_eq!(stored.lines().collect::<Vec<_>>(), retried);
    let distinct: std::collections::BTreeSet<_> = retried.iter().collect();
    assert_eq!(distinct.len(), 3);
    // Another event has other keys.
    let other = push(&process, "other", None, &["1"]).await;
    other.unwrap();
    let sql = "SELECT count(DISTINCT derived_key) FROM idempotency_outbox";
    assert_eq!(process.query(sql).await, "4");
}

/// The layers do this with a recorded 4xx.
#[tokio::test]
async fn an_answer_without_its_writes_pushes_nothing() {
    let process = Process::alone().await;
    let Begun::Run(mut execution) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    let context = execution.context().clone();
    let pushed = async {
        let mut transaction = process.store.begin(&context).await?;
        push_one(&mut transaction, None, "42").await?;
        Ok::<_, Error>(())
    };
    execution.renew_while(pushed).await.unwrap().unwrap();
    let result = execution.complete_with(Outcome::of_value(&7).unwrap(), Writes::RollBack).await;
    assert_eq!(result, CompletionResult::Recorded);
    assert_eq!(process.query(MESSAGES).await, "0");
}

#[tokio::test]
async fn a_holder_that_was_taken_over_pushes_nothing() {
    let process = Process::alone().await;
    let (pushed, has_pushed) = oneshot::channel();
    let (open, gate) = oneshot::channel::<()>();
    let delivering = process.clone();
    let late = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            push_one(&mut transaction, None, "late").await?;
            pushed.send(()).unwrap();
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    has_pushed.await.unwrap();
    process.age().await;
    assert_eq!(push(&process, "evt", None, &["rival"]).await.unwrap(), Ran::Executed(2));
    open.send(()).unwrap();
    assert!(matches!(late.await.unwrap(), Err(RunError::RecorderFailed)));
    let sql = "SELECT convert_from(payload, 'UTF8') FROM idempotency_outbox";
    assert_eq!(process.query(sql).await, "rival");
}

#[tokio::test]
async fn a_payload_is_json_or_any_bytes() {
    let process = Process::alone().await;
    let handler = async |mut transaction: Transaction, _| {
        transaction.outbox().push_json("json", &("order-1", 42)).await?;
        transaction.outbox().push("bytes", [0, 255]).await?;
        Ok(0)
    };
    process.deliver(handler).await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay(&process).with_concurrency(1).start();
    let json = calls.next().await;
    assert_eq!(json.json::<(String, u32)>().unwrap(), ("order-1".to_owned(), 42));
    assert_eq!(calls.next().await.payload(), [0, 255]);
    let printed = format!("{json:?}");
    assert!(!printed.contains("order-1") && !printed.contains(json.key()), "{printed}");
    stop(relay).await;
}

#[tokio::test]
async fn a_relay_hands_over_the_messages_of_its_namespace() {
    let process = having_pushed(None, &["ours"]).await;
    let store = PostgresStore::new(&process.url, "other").unwrap().with_timeout(PATIENCE);
    let other = Process::on(store, &process.url);
    push(&other, "evt", None, &["theirs"]).await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay(&other).start();
    assert_eq!(calls.next_text().await.0, "theirs");
    process.until(MESSAGES, "1").await;
    stop(relay).await;
    assert!(calls.is_empty());
    assert_eq!(process.store.outbox().counts().await.unwrap().waiting, 1);
    assert_eq!(other.store.outbox().counts().await.unwrap().waiting, 0);
}

#[tokio::test]
async fn the_outbox_has_the_names_of_its_tables() {
    let process = Process::alone().await;
    process.query("CREATE SCHEMA infra").await;
    let tables = idempotency_sqlx::Tables::with_prefix("billing").unwrap().in_schema("infra").unwrap();
    let store = process.store.clone().with_tables(tables);
    let process = Process::on(store, &process.url);
    push(&process, "evt", Some("order-1"), &["42"]).await.unwrap();
    assert_eq!(process.query("SELECT count(*) FROM infra.billing_outbox").await, "1");
    let mut calls = Calls::new();
    let relay = calls.relay(&process).start();
    assert_eq!(calls.next_text().await.0, "42");
    stop(relay).await;
}

#[tokio::test]
async fn an_ordering_key_that_is_too_long_is_refused_and_harms_nothing() {
    let process = Process::alone().await;
    let ran = process.deliver(async |mut transaction: Transaction, context: IdempotencyContext| {
        let pushed = push_one(&mut transaction, Some(&"ä".repeat(1001)), "refused").await;
        assert!(matches!(pushed, Err(sqlx::Error::Encode(_))), "{pushed:?}");
        push_one(&mut transaction, Some(&"ä".repeat(1000)), "accepted").await?;
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!(process.query(MESSAGES).await, "1");
}
