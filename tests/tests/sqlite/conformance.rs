//! The SQLite store keeps the store contract, with two stores on one file.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::clock::ManualClock;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::Harness;
use idempotency_sqlx::SqliteStore;

use super::Database;

struct File {
    database: Database,
    clock: Arc<ManualClock>,
    store: SqliteStore,
}

impl File {
    fn new() -> Self {
        let (database, clock) = (Database::new(), Arc::new(ManualClock::new()));
        let store = database.store().with_clock(Arc::clone(&clock));
        Self { database, clock, store }
    }
}

#[async_trait]
impl Harness for File {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        Arc::new(self.database.store().with_clock(Arc::clone(&self.clock)))
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn corrupt(&self, key: &ScopedKey) -> bool {
        let update = sqlx::query("UPDATE idempotency_records SET state = 99 WHERE digest = ?")
            .bind(key.digest().as_bytes().to_vec());
        update.execute(&mut self.database.connection().await).await.unwrap().rows_affected() == 1
    }
}

idempotency_core::conformance_tests!(File::new());
