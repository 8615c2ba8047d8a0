//! The file: it outlives the store, and its tables are the store's.

use std::time::Duration;

use idempotency_core::store::{Claimed, Completion, Hold, Store as _};
use idempotency_core::{Outcome, StoreErrorKind};
use idempotency_sqlx::{SqliteStore, Tables};
use idempotency_tests::listing::each_namespace_lists_its_own;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

use super::{DAY, Database, LEASE, NAMESPACE, claim, granted};

#[tokio::test]
async fn records_outlive_the_store() {
    let database = Database::new();
    let store = database.store();
    let done = granted(&store, &claim(&store, "done", 1)).await;
    let completion = Completion::new(done, Outcome::new("outcome"), DAY);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    let held = granted(&store, &claim(&store, "held", 1)).await;
    drop(store);

    let store = database.store();
    let answer = store.claim(&claim(&store, "done", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::Completed(completed) if completed.outcome == Outcome::new("outcome")));
    let answer = store.claim(&claim(&store, "held", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::InFlight { retry_after } if retry_after <= LEASE), "{answer:?}");
    assert_eq!(store.renew(&held, LEASE).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn each_namespace_lists_its_own_records() {
    let database = Database::new();
    let [one, two, many] = ["one", "two", "many"].map(|namespace| {
        let store = SqliteStore::new(database.path(), namespace).unwrap();
        store.with_timeout(Duration::from_secs(30))
    });
    each_namespace_lists_its_own(&one, &two, &many).await;
}

#[tokio::test]
async fn tables_with_another_prefix_have_other_records() {
    let database = Database::new();
    let store = database.store();
    let other = database.store().with_tables(Tables::with_prefix("other").unwrap()).unwrap();
    granted(&store, &claim(&store, "k", 1)).await;
    granted(&other, &claim(&other, "k", 2)).await;
    let schema = Tables::default().in_schema("main").unwrap();
    assert_eq!(database.store().with_tables(schema).unwrap_err().kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn without_migrations_missing_tables_are_an_error() {
    let database = Database::new();
    let store = database.store().without_migrations();
    let error = store.claim(&claim(&store, "k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let migrating = database.store();
    granted(&migrating, &claim(&migrating, "k", 1)).await;
    let answer = store.claim(&claim(&store, "k", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::InFlight { .. }), "{answer:?}");
}

#[tokio::test]
async fn a_pool_whose_connections_are_all_taken_delays_no_claim() {
    let database = Database::new();
    let options = SqliteConnectOptions::new().filename(database.path()).create_if_missing(true);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    let store = SqliteStore::from_pool(&pool, NAMESPACE).unwrap();
    let _taken = pool.acquire().await.unwrap();
    granted(&store, &claim(&store, "k", 1)).await;
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    assert_eq!(SqliteStore::new(":memory:", NAMESPACE).unwrap_err().kind(), StoreErrorKind::Refused);
    let pool = SqlitePoolOptions::new().connect_lazy("sqlite::memory:").unwrap();
    assert_eq!(SqliteStore::from_pool(&pool, NAMESPACE).unwrap_err().kind(), StoreErrorKind::Refused);
    // One with a name is found when it is opened.
    let pool = SqlitePoolOptions::new().connect_lazy("sqlite://records?mode=memory&cache=shared").unwrap();
    let store = SqliteStore::from_pool(&pool, NAMESPACE).unwrap();
    let error = store.claim(&claim(&store, "k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
}

#[tokio::test]
async fn debug_prints_the_path_and_no_statement() {
    let database = Database::new();
    let text = format!("{:?}", database.store());
    assert!(text.contains("records.db") && text.contains("tests"), "{text}");
    assert!(!text.contains("SELECT"), "{text}");
}
