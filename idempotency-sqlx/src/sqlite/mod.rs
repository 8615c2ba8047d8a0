//! `SqliteStore`: records in a SQLite file, for the processes of one machine.
//!
//! A record is a row. Each change is one transaction, which reads the row and the mark of its resource, decides with the
//! protocol's pure functions, and writes both.

mod change;
mod connections;
mod decide;
mod fault;
mod found;
mod gate;
mod handlers;
mod locked;
mod operator;
mod outbox;
mod recorder;
mod settings;
mod statements;
mod transaction;
mod wait;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::clock::Clock;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Hold, Lease, Listing, Owner, Page, RecordView, Release,
    Resolution, ResourceDigest, Store,
};
use idempotency_core::{KeyDigest, Namespace, StoreError, Version};
use tokio::sync::{OnceCell, watch};
use tokio::time::Instant;

use crate::row::micros;
use crate::{PurgeTask, Tables};
use connections::{Connections, before, pause_if_busy};
use decide::{Adoption, GivingUp, Renewal, Settlement};
use fault::Fault;
use handlers::Handlers;
use outbox::OutboxStatements;
use settings::Settings;
use statements::Statements;
use wait::Waiters;

/// The script that creates the tables under their default names. Running it again changes nothing.
pub const MIGRATION: &str = include_str!("../../migrations/sqlite.sql");

/// Keeps records in a SQLite file: for a service on one machine, in one process or several.
///
/// The file must be on a local file system. On a network file system, SQLite's locks and its write-ahead log do not
/// work.
///
/// - **Durable.** The file has a write-ahead log with `synchronous=FULL`, so an answered operation survives a crash of
///   the process and a loss of power. Each change costs one `fsync`: an execution has two changes, its claim and its
///   completion. A batch costs as many as a single execution.
/// - **One writer.** The changes of all processes happen one after the other, and wait for each other for at most
///   [`with_timeout`](Self::with_timeout). A long transaction of your own in the same file blocks them too. A duplicate
///   is answered from a read, which waits for no writer.
/// - **One clock.** Leases and retentions use the machine's wall clock. If it jumps, they get shorter or longer by the
///   jump. Fences grow even if it jumps back.
/// - **Cancel safe.** A dropped operation is executed completely or not at all.
///
/// Expired records and marks stay in the file until [`purge_expired`](Self::purge_expired) deletes them.
///
/// A handler that awaits nothing but its [transaction](Self::begin) can commit its own rows together with the record.
///
/// The store opens the file at its first operation, and creates its tables if they are missing. It has one connection
/// that writes and at most four that read, and one more while a handler has a transaction. All clones share them. A
/// waiting duplicate polls the record, every 25 ms at first and every 500 ms in the end, to see changes by other
/// processes. Changes by this store and its clones end a wait at once.
///
/// Operations panic outside of a tokio runtime.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = std::env::temp_dir().join(format!("idempotency-doc-{}.db", std::process::id()));
/// use std::time::Duration;
/// use idempotency_core::store::{Claim, Claimed, Owner, Store as _};
/// use idempotency_core::{Key, Scope, ScopedKey};
/// use idempotency_sqlx::SqliteStore;
/// let store = SqliteStore::new(&path, "billing-production")?;
/// let key = ScopedKey::new(store.namespace(), Scope::endpoint("jobs"), Key::new("job-1")?);
/// let (lease, retention) = (Duration::from_secs(30), Duration::from_secs(86_400));
/// let claim = Claim::new(key, Owner::from_bytes([7; 16]), lease, retention);
/// assert!(matches!(store.claim(&claim).await?, Claimed::Granted(grant) if grant.attempt == 1));
/// # drop(store);
/// # for end in ["", "-wal", "-shm"] {
/// #     let _ = std::fs::remove_file(format!("{}{end}", path.display()));
/// # }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SqliteStore {
    settings: Settings,
    shared: Arc<Shared>,
}

/// The state that all clones of a store share.
struct Shared {
    path: PathBuf,
    namespace: Namespace,
    tables: Tables,
    statements: Statements,
    outbox: OutboxStatements,
    /// Changes whenever a transaction of this process has committed messages.
    pushes: watch::Sender<()>,
    writer: Connections,
    readers: Connections,
    handlers: Handlers,
    transaction_limit: Duration,
    /// Set once the tables exist.
    prepared: OnceCell<()>,
    waiters: Waiters,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Deletes at most `max` expired records and marks, in one transaction. Returns how many it deleted; if that is
    /// `max`, there may be more.
    ///
    /// Other changes wait for this transaction, so call it often with a small `max`: 1,000 rows every minute keep up
    /// with 16 deliveries a second.
    ///
    /// # Errors
    /// When the file cannot be read or written in time. Call it again later.
    ///
    /// # Cancel safety
    /// All of these rows are deleted, or none.
    pub async fn purge_expired(&self, max: u32) -> Result<u64, StoreError> {
        self.shared.purge_expired(max).await
    }

    /// Purges in the background: at once, then whenever `interval` has passed, in batches of 1,000 rows. Dropping the task
    /// ends it. A minute is a good interval. Several processes may purge at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn purge_in_background(&self, interval: Duration) -> PurgeTask {
        let store = self.clone();
        PurgeTask::start(interval, move |max| {
            let store = store.clone();
            async move { store.purge_expired(max).await }
        })
    }
}

impl Shared {
    /// Microseconds since 1970.
    fn now(&self) -> i64 {
        micros(self.clock.unix_time())
    }

    /// The end of an operation that starts now.
    fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Creates the tables unless they exist.
    async fn prepare(&self, deadline: Instant) -> Result<(), Fault> {
        let prepared = self.prepared.get_or_try_init(|| self.migrate(deadline));
        tokio::time::timeout_at(deadline, prepared).await.map_err(|_| Fault::timeout())??;
        Ok(())
    }

    /// Each statement creates a table or an index that does not exist, so it may be repeated.
    async fn migrate(&self, deadline: Instant) -> Result<(), Fault> {
        let mut lent = self.writer.lend(deadline).await?;
        loop {
            let migration = sqlx::raw_sql(self.statements.migration()).execute(&mut lent.connection);
            match before(deadline, migration).await {
                Ok(_) => {
                    lent.give_back();
                    return Ok(());
                }
                Err(fault) => pause_if_busy(deadline, fault).await?,
            }
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.shared.path)
            .field("tables", &self.shared.tables)
            .field("namespace", &self.shared.namespace)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for SqliteStore {
    fn namespace(&self) -> &Namespace {
        &self.shared.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.shared.claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.shared.change_one(Renewal { lease, duration }).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.shared.change_one(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.shared.change_one(GivingUp { lease, release }).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.shared.change_one(Adoption { lease, owner, duration }).await
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
        let renewals: Vec<_> = leases.iter().map(|lease| Renewal { lease, duration }).collect();
        self.shared.change_many(&renewals).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        let completions: Vec<_> = completions.iter().collect();
        self.shared.change_many(&completions).await
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        let releases: Vec<_> = leases.iter().map(|lease| GivingUp { lease, release }).collect();
        self.shared.change_many(&releases).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.shared.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.shared.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.shared.change_one(Settlement { digest: key, resolution }).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.shared.list(filter, page).await
    }
}
