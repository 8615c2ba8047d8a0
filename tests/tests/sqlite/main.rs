//! The SQLite store: the contract, faults of the file, and cancelled operations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cancellation;
mod clock;
mod conformance;
mod engine;
mod faults;
mod file;
mod outbox;
mod purge;
mod rivals;
mod transaction;

use std::time::Duration;

use idempotency_core::store::{Claim, Claimed, Lease, Owner, Store};
use idempotency_core::{Key, Scope, ScopedKey};
use idempotency_sqlx::SqliteStore;
use tempfile::TempDir;

const LEASE: Duration = Duration::from_secs(30);
const DAY: Duration = Duration::from_secs(86_400);
const NAMESPACE: &str = "tests";

/// A directory with a database, which is deleted with this value.
struct Database(TempDir);

impl Database {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> std::path::PathBuf {
        self.0.path().join("records.db")
    }

    fn store(&self) -> SqliteStore {
        // Long, so that a busy machine fails no test.
        SqliteStore::new(self.path(), NAMESPACE).unwrap().with_timeout(Duration::from_secs(30))
    }

    /// A connection that no store uses.
    async fn connection(&self) -> sqlx::SqliteConnection {
        use sqlx::ConnectOptions as _;
        sqlx::sqlite::SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap()
    }
}

fn key(store: &dyn Store, name: &str) -> ScopedKey {
    ScopedKey::new(store.namespace(), Scope::endpoint("sqlite"), Key::new(name).unwrap())
}

fn claim(store: &dyn Store, name: &str, owner: u8) -> Claim {
    Claim::new(key(store, name), Owner::from_bytes([owner; 16]), LEASE, DAY)
}

async fn granted(store: &dyn Store, claim: &Claim) -> Lease {
    match store.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("not granted: {answer:?}"),
    }
}
