//! The settings of a store.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::{Clock, TokioClock};
use idempotency_core::{Namespace, StoreError, StoreErrorKind};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePool, SqliteSynchronous,
};
use tokio::sync::{OnceCell, watch};

use super::connections::{Connections, in_memory};
use super::fault::Fault;
use super::handlers::Handlers;
use super::outbox::OutboxStatements;
use super::statements::Statements;
use super::wait::Waiters;
use super::{Shared, SqliteStore};
use crate::Tables;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The maximum number of connections that read.
const READERS: usize = 4;

/// The longest timeout: 24 days, nearly the most milliseconds that SQLite can wait.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 86_400);

/// How long SQLite itself waits for the write lock. Short, so that its thread is soon free when the operation ends.
const LOCK_WAIT: Duration = Duration::from_millis(50);

/// All settings of a store.
#[derive(Clone)]
pub(super) struct Settings {
    options: SqliteConnectOptions,
    namespace: Namespace,
    tables: Tables,
    migrates: bool,
    timeout: Duration,
    transaction_limit: Duration,
    clock: Arc<dyn Clock>,
}

impl SqliteStore {
    /// Creates a store in the file at this path, for one service in one environment. Does not open the file yet; the
    /// first operation creates a missing file, but no directory.
    ///
    /// **Give each service and each environment its own namespace.** Two services that share a file and a namespace,
    /// and have the same provider at the same path, share their records: one answers with the other's outcome, and its
    /// own handler never runs.
    ///
    /// ```
    /// use idempotency_sqlx::SqliteStore;
    /// let store = SqliteStore::new("/var/lib/billing/idempotency.db", "billing-production")?;
    /// assert!(SqliteStore::new(":memory:", "billing-production").is_err());
    /// # Ok::<(), idempotency_core::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the namespace is invalid or the database is in memory.
    pub fn new(
        path: impl AsRef<Path>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let path = path.as_ref();
        // SQLite reads an empty path and one that starts with ":" or "file:" in ways of its own.
        if path.as_os_str().is_empty() || path == Path::new(":memory:") {
            return Err(in_memory().into());
        }
        let path = if path.is_absolute() { path.to_owned() } else { Path::new(".").join(path) };
        Self::open(SqliteConnectOptions::new().filename(path).create_if_missing(true), namespace)
    }

    /// Creates a store in the file that a pool connects to. Does not open the file yet.
    ///
    /// The store opens its own connections, with the pool's options. Otherwise claims and renewals would wait for
    /// handlers that hold every connection of the pool. The journal mode, synchronization, locking and timeouts are the
    /// store's.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the namespace is invalid or the database is in memory.
    pub fn from_pool(
        pool: &SqlitePool,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let options = pool.connect_options();
        // SQLx names databases in memory like this. One with a name of its own is refused when it is opened.
        let name = options.get_filename().to_string_lossy();
        let is_in_memory = name == ":memory:" || name.starts_with("file:sqlx-in-memory-");
        if is_in_memory {
            return Err(in_memory().into());
        }
        Self::open((*options).clone(), namespace)
    }

    fn open(
        options: SqliteConnectOptions,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let namespace = namespace.try_into().map_err(|cause| Fault::new(StoreErrorKind::Refused, cause))?;
        Ok(Self::with_settings(Settings {
            options,
            namespace,
            tables: Tables::default(),
            migrates: true,
            timeout: Duration::from_millis(800),
            transaction_limit: Duration::MAX,
            clock: Arc::new(TokioClock::new()),
        }))
    }

    fn with_settings(settings: Settings) -> Self {
        let shared = Arc::new(Shared::new(&settings));
        Self { settings, shared }
    }

    /// Sets the names of the tables. Default: `idempotency_records`, `idempotency_marks` and `idempotency_outbox`.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the names have a schema, because SQLite has none.
    pub fn with_tables(self, tables: Tables) -> Result<Self, StoreError> {
        if tables.names_schema() {
            return Err(Fault::new(StoreErrorKind::Refused, "SQLite has no schemas").into());
        }
        Ok(Self::with_settings(Settings { tables, ..self.settings }))
    }

    /// Does not create missing tables. Default: the first operation creates them. To create them with your own
    /// migrations, run [the script](crate::sqlite::MIGRATION).
    #[must_use]
    pub fn without_migrations(self) -> Self {
        Self::with_settings(Settings { migrates: false, ..self.settings })
    }

    /// Sets how long one operation may take, including the wait for a connection and for the write lock. At most 24
    /// days.
    ///
    /// Default: 800 ms, which is below the store timeout of the providers written as code, 1 s or more. So the engine sees the
    /// store's error, which says whether the operation may have taken effect. A scheme uses a third of the time that its sender
    /// waits, so set it lower for a sender that waits less than 3 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.min(MAX_TIMEOUT);
        Self::with_settings(Settings { timeout, ..self.settings })
    }

    /// Sets how long a handler may hold its [transaction](Self::begin). At most half of
    /// [`with_timeout`](Self::with_timeout).
    ///
    /// Nothing else can change the file meanwhile. A handler that takes longer is dropped, its transaction is rolled back,
    /// and the sender gets 503.
    ///
    /// Default: half of the timeout, 400 ms. Claims of other keys wait for the transaction, and need the other half for
    /// their own turn. To raise the limit, raise the timeout, and the [store timeout] of each policy above it.
    ///
    /// [store timeout]: idempotency_core::Policy::with_store_timeout
    #[must_use]
    pub fn with_transaction_limit(self, limit: Duration) -> Self {
        Self::with_settings(Settings { transaction_limit: limit, ..self.settings })
    }

    /// Sets the clock. Only its [`unix_time`](Clock::unix_time) is used, because processes that share the file must
    /// agree on the time.
    ///
    /// Default: the system's clock.
    #[must_use]
    pub fn with_clock(self, clock: impl Clock) -> Self {
        Self::with_settings(Settings { clock: Arc::new(clock), ..self.settings })
    }
}

impl Shared {
    fn new(settings: &Settings) -> Self {
        let options = settings
            .options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            // A completion that was answered must survive a loss of power.
            .synchronous(SqliteSynchronous::Full)
            .locking_mode(SqliteLockingMode::Normal)
            .shared_cache(false)
            .immutable(false);
        // The statements in a handler's transaction are the program's. They are logged as its pool's options say.
        let handler_options = options.clone().busy_timeout(LOCK_WAIT);
        let options = options.disable_statement_logging();
        Self {
            path: PathBuf::from(options.get_filename()),
            namespace: settings.namespace.clone(),
            tables: settings.tables.clone(),
            statements: Statements::new(&settings.tables),
            outbox: OutboxStatements::new(&settings.tables),
            pushes: watch::Sender::new(()),
            // SQLite has one writer at a time.
            writer: Connections::new(options.clone().busy_timeout(LOCK_WAIT), 1),
            readers: Connections::new(options.busy_timeout(settings.timeout), READERS),
            handlers: Handlers::new(handler_options),
            transaction_limit: settings.transaction_limit.min(settings.timeout / 2),
            prepared: OnceCell::new_with((!settings.migrates).then_some(())),
            waiters: Waiters::default(),
            timeout: settings.timeout,
            clock: Arc::clone(&settings.clock),
        }
    }
}
