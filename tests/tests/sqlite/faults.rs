//! Faults of the file: another writer, a full disk, and a file that cannot be used.

use std::time::Duration;

use idempotency_core::store::{Claimed, Completion, Hold, Release, Store as _};
use idempotency_core::{Order, Outcome, Resource, Scope, StoreErrorKind, Version};
use idempotency_sqlx::SqliteStore;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use tokio::time::Instant;

use super::{DAY, Database, LEASE, NAMESPACE, claim, granted};

#[tokio::test]
async fn a_duplicate_is_answered_while_another_writer_holds_the_lock() {
    let database = Database::new();
    let store = database.store();
    let done = granted(&store, &claim(&store, "done", 1)).await;
    let completion = Completion::new(done, Outcome::new("outcome"), DAY);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    let held = granted(&store, &claim(&store, "held", 1)).await;

    let mut writer = database.connection().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
    // A store that has not opened the file yet.
    let timeout = Duration::from_millis(300);
    let store = SqliteStore::new(database.path(), NAMESPACE).unwrap().with_timeout(timeout);
    let answer = store.claim(&claim(&store, "done", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::Completed(completed) if completed.outcome == Outcome::new("outcome")));
    let answer = store.claim(&claim(&store, "held", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::InFlight { .. }), "{answer:?}");
    let began = Instant::now();
    let error = store.claim(&claim(&store, "new", 2)).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_executed()), (StoreErrorKind::Unavailable, false));
    assert!(began.elapsed() >= timeout / 2, "it waited for the lock");
    let error = store.renew(&held, LEASE).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    sqlx::query("ROLLBACK").execute(&mut writer).await.unwrap();
    granted(&store, &claim(&store, "new", 3)).await;
}

#[tokio::test]
async fn a_claim_waits_for_another_writer() {
    let database = Database::new();
    let store = database.store();
    granted(&store, &claim(&store, "first", 1)).await;
    let mut writer = database.connection().await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
    let waiting = tokio::spawn({
        let store = store.clone();
        async move { granted(&store, &claim(&store, "second", 1)).await }
    });
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(!waiting.is_finished(), "the claim was granted without the lock");
    sqlx::query("COMMIT").execute(&mut writer).await.unwrap();
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused() {
    let database = Database::new();
    let missing = SqliteStore::new(database.path().join("missing").join("records.db"), NAMESPACE).unwrap();
    let error = missing.claim(&claim(&missing, "k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "no directory");

    std::fs::write(database.path(), "This is not a database, although it is long enough. ".repeat(100))
        .unwrap();
    let foreign = database.store();
    let error = foreign.claim(&claim(&foreign, "k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "not a database");
    assert_eq!(error.to_string(), "the SQLite store refused the operation");
}

#[tokio::test]
async fn a_file_that_is_only_readable_refuses_changes() {
    let database = Database::new();
    let store = database.store();
    granted(&store, &claim(&store, "k", 1)).await;
    let options = SqliteConnectOptions::new().filename(database.path()).read_only(true);
    let pool = SqlitePoolOptions::new().connect_lazy_with(options);
    let reader = SqliteStore::from_pool(&pool, NAMESPACE).unwrap();
    let error = reader.claim(&claim(&reader, "new", 2)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_full_disk_refuses_and_loses_nothing() {
    let database = Database::new();
    let full = |pages: u32| {
        let options = SqliteConnectOptions::new().filename(database.path()).create_if_missing(true);
        let options = options.pragma("max_page_count", pages.to_string());
        let pool = SqlitePoolOptions::new().connect_lazy_with(options);
        SqliteStore::from_pool(&pool, NAMESPACE).unwrap().with_timeout(Duration::from_secs(30))
    };
    let store = full(16);
    let lease = granted(&store, &claim(&store, "k", 1)).await;
    let completion = Completion::new(lease.clone(), Outcome::new("x".repeat(100_000)), DAY);
    for _ in 0..2 {
        let error = store.complete(&completion).await.unwrap_err();
        assert_eq!((error.kind(), error.may_have_executed()), (StoreErrorKind::Full, false));
        let answer = store.claim(&claim(&store, "k", 2)).await.unwrap();
        assert!(matches!(answer, Claimed::InFlight { .. }), "the key is still held: {answer:?}");
    }
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held, "a lease is renewed in place");
    let mut refused = None;
    for number in 0..2_000 {
        refused = store.claim(&claim(&store, &format!("k{number}"), 1)).await.err();
        if refused.is_some() {
            break;
        }
    }
    assert_eq!(refused.expect("it is full").kind(), StoreErrorKind::Full);

    // There is room again.
    let store = full(10_000);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    let answer = store.claim(&claim(&store, "k", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::Completed(completed) if completed.outcome == completion.outcome));
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Lost);
}

/// The answer of a completed key needs no mark, and a grant does.
#[tokio::test]
async fn an_unreadable_mark_forbids_only_grants() {
    let database = Database::new();
    let store = database.store();
    let scope = Scope::endpoint("e");
    let order = Order::new(Resource::new(&scope, "kind", "name"), Version::new(1)).scoped(store.namespace());
    let mut completed = claim(&store, "completed", 1);
    completed.order = Some(order);
    let mut fresh = claim(&store, "fresh", 2);
    fresh.order = Some(order);
    let lease = granted(&store, &completed).await;
    let completion = Completion::new(lease, Outcome::new("done"), DAY);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    let mut connection = database.connection().await;
    let corrupt = sqlx::query("UPDATE idempotency_marks SET version = x'ff'");
    corrupt.execute(&mut connection).await.unwrap();
    let answer = store.claim(&completed).await.unwrap();
    assert!(matches!(answer, Claimed::Completed(_)), "{answer:?}");
    assert_eq!(store.claim(&fresh).await.unwrap(), Claimed::InDoubt);
    assert!(store.newest(order.resource).await.is_err());
}
