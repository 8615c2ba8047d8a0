//! Operations of `PostgresStore` that are dropped halfway.

use std::time::Duration;

use idempotency_core::store::{Hold, Store as _};
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::postgres::PgPool;

use crate::postgres::{HOUR, PATIENCE, claim, granted, store};

/// Its reply is still to come, and another operation must not wait for it.
#[tokio::test]
async fn an_operation_that_is_dropped_while_a_row_is_locked_occupies_no_connection() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url).with_connections(1);
    let lease = granted(&store, &claim("k", 1)).await;
    let pool = PgPool::connect(&url).await.unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM idempotency_records FOR UPDATE").execute(&mut *other).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_stat_activity
         WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%SET deadline%'";
    let waits = async { while psql(&url, waiting).await.unwrap() != "1" {} };
    tokio::select! {
        renewed = store.renew(&lease, HOUR) => panic!("the row is locked: {renewed:?}"),
        waits = tokio::time::timeout(PATIENCE, waits) => waits.unwrap(),
    }
    // Shorter than the server would let the dropped statement wait.
    let next = tokio::time::timeout(Duration::from_secs(20), store.claim(&claim("other", 1))).await;
    next.expect("there is a connection").unwrap();
    other.rollback().await.unwrap();
    assert_eq!(store.renew(&lease, HOUR).await.unwrap(), Hold::Held);
}
