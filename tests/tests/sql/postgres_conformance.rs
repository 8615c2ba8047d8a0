//! `PostgresStore` keeps the store contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::{Harness, run_all};
use idempotency_sqlx::{PostgresStore, Tables};
use idempotency_tests::postgres_server::{PostgresServer, psql};

/// A database of its own, and how its stores are set up.
struct Postgres {
    url: String,
    set_up: fn(PostgresStore) -> PostgresStore,
    records: &'static str,
    marks: &'static str,
}

impl Postgres {
    async fn new() -> Self {
        Self {
            url: PostgresServer::shared().await.new_database().await,
            set_up: |store| store,
            records: "idempotency_records",
            marks: "idempotency_marks",
        }
    }

    /// Behind a pooler, which also means polling instead of listening, and with tables of other names in a schema.
    async fn pooled_with_tables() -> Self {
        let postgres = Self::new().await;
        psql(&postgres.url, "CREATE SCHEMA infra").await.unwrap();
        Self {
            set_up: |store| {
                let tables = Tables::with_prefix("shop").unwrap().in_schema("infra").unwrap();
                store.with_tables(tables).behind_transaction_pooler()
            },
            records: "infra.shop_records",
            marks: "infra.shop_marks",
            ..postgres
        }
    }
}

#[async_trait]
impl Harness for Postgres {
    async fn store(&self) -> Arc<dyn Store> {
        let store = PostgresStore::new(&self.url, "tests").unwrap().with_timeout(Duration::from_secs(30));
        let store = (self.set_up)(store.with_connections(4));
        store.migrate().await.unwrap();
        Arc::new(store)
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        let by = by.as_micros();
        let records = self.records;
        psql(
            &self.url,
            &format!(
                "UPDATE {records} SET deadline = deadline - {by}, expires_at = expires_at - {by},
                     completed_at = completed_at - {by};
                 UPDATE {} SET expires_at = expires_at - {by}",
                self.marks
            ),
        )
        .await
        .unwrap();
    }

    async fn corrupt(&self, key: &ScopedKey) -> bool {
        let digest = key.digest();
        let hex: String = digest.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        let sql = format!(r"UPDATE {} SET state = 99 WHERE digest = '\x{hex}' RETURNING 1", self.records);
        psql(&self.url, &sql).await.unwrap().contains('1')
    }

    fn changes_mark_with_record(&self) -> bool {
        false
    }
}

idempotency_core::conformance_tests!(Postgres::new().await);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_with_other_tables_behind_a_transaction_pooler_passes_the_whole_suite() {
    run_all(&Postgres::pooled_with_tables().await).await;
}
