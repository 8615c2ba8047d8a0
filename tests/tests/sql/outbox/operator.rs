//! What operators see and do.

use idempotency_sqlx::PostgresStore;
use idempotency_sqlx::outbox::OutboxCounts;

use super::*;

/// A process with three dead messages and one that waits.
async fn with_dead() -> Process {
    let process = having_pushed(None, &["1", "2", "3"]).await;
    let calls = Calls::new();
    let relay = calls.relay_failing_before(9, &process).with_attempts(1).start();
    process.until("SELECT count(*) FROM idempotency_outbox WHERE state = 3", "3").await;
    stop(relay).await;
    push(&process, "other", None, &["4"]).await.unwrap();
    process
}

#[tokio::test]
async fn an_empty_outbox_counts_nothing() {
    let process = Process::alone().await;
    assert_eq!(process.store.outbox().counts().await.unwrap(), OutboxCounts::default());
    assert!(process.store.outbox().dead(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn dead_messages_are_listed_in_pages() {
    let process = with_dead().await;
    let outbox = process.store.outbox();
    let counts = outbox.counts().await.unwrap();
    assert_eq!((counts.waiting, counts.in_flight, counts.dead, counts.blocked), (1, 0, 3, 0));
    assert!(counts.oldest.is_some());
    let mut payloads = Vec::new();
    let mut after = 0;
    for expected in [2, 1, 0] {
        let page = outbox.dead(after, 2).await.unwrap();
        assert_eq!(page.len(), expected);
        payloads.extend(page.iter().map(|dead| text(dead.message())));
        after = page.last().map_or(after, |dead| dead.message().id());
    }
    assert_eq!(payloads, ["1", "2", "3"]);
}

#[tokio::test]
async fn only_a_dead_message_of_the_namespace_is_repeated_or_dropped() {
    let process = with_dead().await;
    let outbox = process.store.outbox();
    let other = PostgresStore::new(&process.url, "other").unwrap().with_timeout(PATIENCE).outbox();
    let dead = outbox.dead(0, 10).await.unwrap();
    let ids: Vec<_> = dead.iter().map(|dead| dead.message().id()).collect();
    let waiting = process.query("SELECT id FROM idempotency_outbox WHERE state = 1").await.parse().unwrap();
    for (outbox, id) in [(&other, ids[0]), (&outbox, waiting), (&outbox, -1)] {
        assert!(!outbox.retry_dead(id).await.unwrap());
        assert!(!outbox.drop_dead(id).await.unwrap());
    }
    assert!(other.dead(0, 10).await.unwrap().is_empty());
    assert_eq!(process.query(MESSAGES).await, "4");

    assert!(outbox.drop_dead(ids[0]).await.unwrap());
    assert!(!outbox.drop_dead(ids[0]).await.unwrap());
    assert!(outbox.retry_dead(ids[1]).await.unwrap());
    assert!(!outbox.retry_dead(ids[1]).await.unwrap());
    let counts = outbox.counts().await.unwrap();
    assert_eq!((counts.waiting, counts.dead), (2, 1));
}
