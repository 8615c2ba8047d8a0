//! `PostgresStore`: records in PostgreSQL.
//!
//! A record is a row, and each operation is one statement under READ COMMITTED, on the server's clock. If one statement
//! cannot decide alone, the store reads the row, lets the protocol's table decide, and replaces the row if it is
//! unchanged.

mod call;
mod changes;
mod claim;
mod fault;
mod holder;
mod operator;
mod outbox;
mod settings;
mod statements;
mod transaction;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::Store;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, Version};
use sqlx::PgPool;
use sqlx::postgres::PgConnectOptions;
use tokio::sync::{OnceCell, watch};

use crate::Tables;
use changes::Changes;
use outbox::OutboxStatements;
use settings::Settings;
use statements::Statements;

/// The script that creates the tables under their default names. Running it again changes nothing.
pub const MIGRATION: &str = include_str!("../../migrations/postgres.sql");

/// Keeps records in PostgreSQL 13 or later.
///
/// The store connects at its first operation, and creates its tables if they are missing. It has its own connections
/// for claims, renewals and completions, so handlers that hold every connection of the program's pool do not hold them
/// up. One more connection per process listens for changes and wakes waiting duplicates.
///
/// Rows of expired records count as absent, but stay until [`purge_expired`](Self::purge_expired) deletes them.
///
/// Operations panic outside of a tokio runtime.
///
/// ```no_run
/// use idempotency_core::Idempotency;
/// use idempotency_sqlx::PostgresStore;
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = PostgresStore::new("postgres://app:secret@db.internal/shop", "billing-production")?;
/// let engine = Idempotency::new(store);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PostgresStore {
    settings: Settings,
    shared: Arc<Shared>,
}

/// The state that all clones of a store share.
struct Shared {
    namespace: Namespace,
    tables: Tables,
    statements: Statements,
    outbox: OutboxStatements,
    /// Changes whenever a transaction of this process has committed messages.
    pushes: watch::Sender<()>,
    pool: OnceLock<PgPool>,
    /// The pool of the handlers' transactions.
    handlers: OnceLock<PgPool>,
    options: PgConnectOptions,
    handler_options: PgConnectOptions,
    connections: u32,
    changes: Arc<Changes>,
    timeout: Duration,
    idle_limit: Duration,
    creates_tables: bool,
    /// Whether a pooler may give each transaction another server connection.
    is_pooled: bool,
    /// Set once the tables are known to exist.
    prepared: OnceCell<()>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("namespace", &self.shared.namespace)
            .field("tables", &self.shared.tables)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for PostgresStore {
    fn namespace(&self) -> &Namespace {
        &self.shared.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.shared.claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.shared.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.shared.complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.shared.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.shared.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.shared.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.shared.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        self.shared.claim_many(claims).await
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        self.shared.renew_many(leases, duration).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        self.shared.complete_many(completions).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        self.shared.release_many(leases, release).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.shared.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.shared.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.shared.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.shared.list(filter, page).await
    }
}
