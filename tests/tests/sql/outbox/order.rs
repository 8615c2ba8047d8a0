//! The order of the messages with one ordering key.

use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::*;
use crate::transaction::WAITING;

/// Each handler pushes, and then counts the orders that are committed. If the pushes of one ordering key did not wait for
/// each other's commit, some handlers would count the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_handlers_are_handed_over_in_the_order_of_their_commits() {
    let process = Process::alone().await;
    process.query("ALTER TABLE orders ADD COLUMN earlier bigint").await;
    let mut handlers = JoinSet::new();
    for number in 0..20 {
        let process = process.clone();
        handlers.spawn(async move {
            let event = format!("evt-{number}");
            let delivery = delivery(&event);
            let handler = async move |mut transaction: Transaction, _| {
                push_one(&mut transaction, Some("account-7"), &event).await?;
                sqlx::query("INSERT INTO orders SELECT $1, count(*) FROM orders")
                    .bind(&event)
                    .execute(&mut *transaction)
                    .await?;
                Ok::<_, Error>(0)
            };
            process.store.run_in_transaction(&process.engine, delivery, handler).await.unwrap();
        });
    }
    let mut calls = Calls::new();
    let relay = calls.relay(&process).start();
    handlers.join_all().await;
    let mut handed_over = Vec::new();
    while handed_over.len() < 20 {
        handed_over.push(calls.next_text().await.0);
    }
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    let committed = process.query("SELECT id FROM orders ORDER BY earlier").await;
    assert_eq!(handed_over, committed.lines().collect::<Vec<_>>());
    assert_eq!(process.query("SELECT count(DISTINCT earlier) FROM orders").await, "20");
}

#[tokio::test]
async fn a_push_waits_for_the_commit_of_an_earlier_one_with_its_ordering_key_and_for_no_other() {
    let process = Process::alone().await;
    let (open, gate) = oneshot::channel::<()>();
    let (pushed, has_pushed) = oneshot::channel();
    let delivering = process.clone();
    let first = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            push_one(&mut transaction, Some("account-7"), "first").await?;
            pushed.send(()).unwrap();
            gate.await?;
            Ok(0)
        };
        delivering.deliver(handler).await
    });
    has_pushed.await.unwrap();
    push(&process, "evt-2", Some("account-8"), &["other key"]).await.unwrap();
    push(&process, "evt-3", None, &["no key"]).await.unwrap();
    let delivering = process.clone();
    let second =
        tokio::spawn(async move { push(&delivering, "evt-4", Some("account-7"), &["second"]).await });
    process.until(WAITING, "1").await;
    assert_eq!(process.query(MESSAGES).await, "2");
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let sql = "SELECT convert_from(payload, 'UTF8') FROM idempotency_outbox
               WHERE ordering_key = 'account-7' ORDER BY id";
    assert_eq!(process.query(sql).await, "first\nsecond");
}

#[tokio::test]
async fn a_message_waits_for_the_retries_of_an_earlier_one_with_its_ordering_key() {
    let process = having_pushed(Some("account-7"), &["1", "2"]).await;
    push(&process, "other", Some("account-8"), &["3"]).await.unwrap();
    let mut calls = Calls::new();
    let relay = calls.relay_failing_before(3, &process).start();
    let mut handed_over = Vec::new();
    while handed_over.len() < 9 {
        handed_over.push(calls.next_text().await);
    }
    process.until(MESSAGES, "0").await;
    stop(relay).await;
    let expected = |payloads: &[&str]| {
        let attempts =
            payloads.iter().flat_map(|payload| (1..=3).map(|attempt| (payload.to_string(), attempt)));
        attempts.collect::<Vec<_>>()
    };
    let (others, ours): (Vec<_>, Vec<_>) = handed_over.into_iter().partition(|(payload, _)| payload == "3");
    assert_eq!(ours, expected(&["1", "2"]));
    assert_eq!(others, expected(&["3"]));
}

#[tokio::test]
async fn a_dead_message_blocks_its_ordering_key_until_an_operator_decides() {
    let process = having_pushed(Some("account-7"), &["1", "2", "3"]).await;
    let outbox = process.store.outbox();
    let mut calls = Calls::new();
    let relay = calls.relay_failing_before(9, &process).with_attempts(1).start();
    assert_eq!(calls.next_text().await.0, "1");
    process.until("SELECT count(*) FROM idempotency_outbox WHERE state = 3", "1").await;
    stop(relay).await;

    let relay = calls.relay(&process).start();
    push(&process, "other", Some("account-8"), &["4"]).await.unwrap();
    assert_eq!(calls.next_text().await.0, "4");
    process.until(MESSAGES, "3").await;
    assert!(calls.is_empty());
    let counts = outbox.counts().await.unwrap();
    assert_eq!((counts.dead, counts.waiting, counts.blocked, counts.in_flight), (1, 2, 2, 0));

    let dead = outbox.dead(0, 10).await.unwrap();
    assert!(outbox.retry_dead(dead[0].message().id()).await.unwrap());
    for payload in ["1", "2", "3"] {
        assert_eq!(calls.next_text().await, (payload.to_owned(), 1));
    }
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn the_next_message_follows_one_that_an_operator_dropped() {
    let process = having_pushed(Some("account-7"), &["1", "2"]).await;
    let outbox = process.store.outbox();
    let mut calls = Calls::new();
    let relay = calls.relay_failing_before(9, &process).with_attempts(1).start();
    assert_eq!(calls.next_text().await.0, "1");
    process.until("SELECT count(*) FROM idempotency_outbox WHERE state = 3", "1").await;
    stop(relay).await;
    let relay = calls.relay(&process).with_poll_interval(Duration::from_secs(3600)).start();
    let dead = outbox.dead(0, 10).await.unwrap();
    assert!(outbox.drop_dead(dead[0].message().id()).await.unwrap());
    assert_eq!(calls.next_text().await.0, "2");
    process.until(MESSAGES, "0").await;
    stop(relay).await;
}

#[tokio::test]
async fn a_push_waits_for_one_of_a_store_that_names_the_schema() {
    let process = Process::alone().await;
    let (open, gate) = oneshot::channel::<()>();
    let (pushed, has_pushed) = oneshot::channel();
    let delivering = process.clone();
    let first = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            push_one(&mut transaction, Some("account-7"), "first").await?;
            pushed.send(()).unwrap();
            gate.await?;
            Ok(0)
        };
        delivering.deliver(handler).await
    });
    has_pushed.await.unwrap();
    let tables = idempotency_sqlx::Tables::default().in_schema("public").unwrap();
    let named = Process::on(process.store.clone().with_tables(tables), &process.url);
    let mut second = tokio::spawn(async move { push(&named, "other", Some("account-7"), &["second"]).await });
    tokio::select! {
        pushed = &mut second => panic!("it waits for no commit: {pushed:?}"),
        () = process.until(WAITING, "1") => {}
    }
    open.send(()).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
}
