//! One `PostgresStore` on several runtimes, as with one per worker: a worker that ends does not disturb the others.

use std::time::Duration;

use idempotency_core::store::{Hold, Store as _};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::postgres::PgListener;
use tokio::runtime::Runtime;

use crate::postgres::{PATIENCE, claim, completion, granted, key, store};

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn changes_are_announced_after_the_runtime_that_announced_them_ended() {
    let servers = runtime();
    let url = servers.block_on(async { PostgresServer::shared().await.new_database().await });
    let store = store(&url);
    runtime().block_on(async {
        let lease = granted(&store, &claim("first", 1)).await;
        // The runtime ends before the task that announces it has run.
        assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
    });
    runtime().block_on(async {
        let mut listener = PgListener::connect(&url).await.unwrap();
        listener.listen("idempotency_changes").await.unwrap();
        let lease = granted(&store, &claim("second", 1)).await;
        assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
        let notification = tokio::time::timeout(PATIENCE, listener.recv()).await;
        let notification = notification.expect("the change is announced").unwrap();
        assert!(notification.payload().contains(&key("second").digest().to_string()));
    });
}

#[test]
fn a_waiter_listens_after_the_runtime_that_listened_ended() {
    let servers = runtime();
    let url = servers.block_on(async { PostgresServer::shared().await.new_database().await });
    let store = store(&url);
    let first = runtime().block_on(async {
        granted(&store, &claim("k", 1)).await;
        listener_of_a_wait(&store, &url, "0").await
    });
    runtime().block_on(listener_of_a_wait(&store, &url, &first));
}

/// Waits for changes until the database has a session that listens, other than those with these ids, and returns its id.
async fn listener_of_a_wait(store: &PostgresStore, url: &str, other: &str) -> String {
    let sql = format!(
        "SELECT string_agg(pid::text, ',') FROM pg_stat_activity
         WHERE datname = current_database() AND query LIKE 'LISTEN%' AND pid NOT IN ({other})"
    );
    let listener = async {
        loop {
            let id = psql(url, &sql).await.unwrap();
            if !id.is_empty() {
                return id;
            }
        }
    };
    // It may return without a change, such as when a connection is lost.
    let waits = async {
        loop {
            store.wait_for_change(key("k").digest(), PATIENCE).await.unwrap();
        }
    };
    tokio::select! {
        id = tokio::time::timeout(PATIENCE, listener) => id.expect("a session listens"),
        () = waits => unreachable!("it waits for ever"),
    }
}

/// The first runtime ends while it connects.
#[test]
fn a_waiter_looks_at_its_row_after_the_runtime_that_connected_ended() {
    let servers = runtime();
    let url = servers.block_on(async { PostgresServer::shared().await.new_database().await });
    let store = store(&url);
    for _ in 0..5 {
        let lease = runtime().block_on(async {
            let lease = granted(&store, &claim("k", 1)).await;
            let wait = store.wait_for_change(key("k").digest(), PATIENCE);
            // Polled until its listener has started.
            let _ = tokio::time::timeout(Duration::ZERO, wait).await;
            lease
        });
        runtime().block_on(async {
            let release = store.release(&lease, idempotency_core::store::Release::Failed).await;
            assert_eq!(release.unwrap(), Hold::Held);
            let began = tokio::time::Instant::now();
            store.wait_for_change(key("k").digest(), PATIENCE).await.unwrap();
            assert!(began.elapsed() < PATIENCE / 2, "it took {:?}", began.elapsed());
            assert!(store.forget(key("k").digest()).await.unwrap());
        });
    }
}
