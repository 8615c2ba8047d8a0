//! The settings of a store, and where its connections go.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use idempotency_core::{Namespace, StoreError, StoreErrorKind};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::sync::{OnceCell, watch};

use super::changes::Changes;
use super::fault;
use super::outbox::OutboxStatements;
use super::statements::Statements;
use super::{PostgresStore, Shared};
use crate::Tables;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The longest timeout: 24 days, nearly the most that PostgreSQL's settings in milliseconds can hold.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 86_400);

/// All settings of a store.
#[derive(Clone)]
pub(super) struct Settings {
    options: PgConnectOptions,
    /// The program's own pool.
    handlers: Option<PgPool>,
    namespace: Namespace,
    tables: Tables,
    connections: u32,
    timeout: Duration,
    idle_limit: Duration,
    creates_tables: bool,
    listens: bool,
    is_pooled: bool,
}

impl PostgresStore {
    /// Creates a store in the database at this address, such as `postgres://user:password@host/database`, for one service
    /// in one environment. Does not connect yet, so the program may start before the database does.
    ///
    /// **Give each service and each environment its own namespace.** Two services that share a namespace, and have the
    /// same provider at the same path, share their records: one answers with the other's outcome, and its own handler
    /// never runs.
    ///
    /// ```
    /// use idempotency_sqlx::PostgresStore;
    /// let store = PostgresStore::new("postgres://app:secret@db.internal/shop", "billing-production")?;
    /// assert!(PostgresStore::new("postgres://db.internal/shop", "{billing}").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the address or the namespace is invalid.
    pub fn new(
        url: impl AsRef<str>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let options = url.as_ref().parse::<PgConnectOptions>();
        Self::from_options(options.map_err(fault::of_connection)?, None, namespace)
    }

    /// Creates a store in the database of this pool. Does not connect yet.
    ///
    /// The store opens its own connections, with the pool's options. Otherwise claims and renewals would wait for
    /// handlers that hold every connection of the pool. Only [transactions](Self::begin) take connections of the pool. They
    /// wait for one for the pool's `acquire_timeout`.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the namespace is invalid.
    pub fn from_pool(
        pool: &PgPool,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        Self::from_options(pool.connect_options().as_ref().clone(), Some(pool.clone()), namespace)
    }

    fn from_options(
        options: PgConnectOptions,
        handlers: Option<PgPool>,
        namespace: impl TryInto<Namespace, Error: Into<BoxError>>,
    ) -> Result<Self, StoreError> {
        let refused = |cause: BoxError| fault::error(StoreErrorKind::Refused).with_source(cause);
        let namespace = namespace.try_into().map_err(|cause| refused(cause.into()))?;
        Ok(Self::assemble(Settings {
            options,
            handlers,
            namespace,
            tables: Tables::default(),
            connections: 8,
            timeout: Duration::from_millis(800),
            idle_limit: Duration::from_secs(30),
            creates_tables: true,
            listens: true,
            is_pooled: false,
        }))
    }

    /// Sets the names of the tables. Default: `idempotency_records`, `idempotency_marks` and `idempotency_outbox`, in the
    /// first schema of the search path.
    #[must_use]
    pub fn with_tables(self, tables: Tables) -> Self {
        Self::assemble(Settings { tables, ..self.settings })
    }

    /// Sets the maximum number of connections for claims, renewals and completions. One more listens for changes, and a
    /// store that was made by [`new`](Self::new) opens up to as many again for [transactions](Self::begin). At least
    /// one. Default: 8, which is enough for a few thousand operations a second, and leaves most of PostgreSQL's 100 to
    /// the program.
    #[must_use]
    pub fn with_connections(self, connections: u32) -> Self {
        Self::assemble(Settings { connections: connections.max(1), ..self.settings })
    }

    /// Sets how long one operation may take, from the wait for a connection to the answer. The server stops a statement
    /// that runs longer. If the store has its own pool for [transactions](Self::begin), this also limits the wait for one
    /// of its connections. At most 24 days.
    ///
    /// Default: 800 ms, which is below the store timeout of the providers written as code, 1 s or more. So the engine sees the
    /// store's error, which says whether the operation may have taken effect. A scheme uses a third of the time that its sender
    /// waits, so set it lower for a sender that waits less than 3 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.min(MAX_TIMEOUT);
        Self::assemble(Settings { timeout, ..self.settings })
    }

    /// Sets how long a [transaction](Self::begin) may be silent before the server ends it. At least 1 ms, at most 24
    /// days. Default: 30 s, the default lease, so that a handler that hangs or is cut off does not keep its locks.
    #[must_use]
    pub fn with_idle_limit(self, limit: Duration) -> Self {
        let idle_limit = limit.clamp(Duration::from_millis(1), MAX_TIMEOUT);
        Self::assemble(Settings { idle_limit, ..self.settings })
    }

    /// Does not create missing tables. Default: the first operation creates them. Use this if the role must not create
    /// tables, and run [the script](crate::postgres::MIGRATION) with your own migrations.
    #[must_use]
    pub fn without_migrations(self) -> Self {
        Self::assemble(Settings { creates_tables: false, ..self.settings })
    }

    /// Does not listen for changes. Waiting duplicates then poll the database, every 50 ms at first and every second in
    /// the end. Default: one connection per process listens.
    #[must_use]
    pub fn without_listening(self) -> Self {
        Self::assemble(Settings { listens: false, ..self.settings })
    }

    /// Works behind a pooler that gives each transaction another connection, such as PgBouncer in transaction mode.
    ///
    /// The store then does not listen for changes, prepares no named statements and sends no settings at the start of a
    /// connection. Each operation is a transaction of its own, which costs two more round trips to the pooler. Set
    /// `idle_in_transaction_session_timeout` and `statement_timeout` for the role instead.
    #[must_use]
    pub fn behind_transaction_pooler(self) -> Self {
        Self::assemble(Settings { is_pooled: true, listens: false, ..self.settings })
    }

    fn assemble(settings: Settings) -> Self {
        let options = settings.connect_options();
        let channel = format!("{}_changes", settings.tables.prefix());
        let shared = Shared {
            namespace: settings.namespace.clone(),
            statements: Statements::new(&settings.tables, !settings.is_pooled),
            outbox: OutboxStatements::new(&settings.tables, !settings.is_pooled),
            pushes: watch::Sender::new(()),
            tables: settings.tables.clone(),
            changes: Arc::new(Changes::new(options.clone(), channel, settings.listens)),
            pool: OnceLock::new(),
            handlers: settings.handlers.clone().map(OnceLock::from).unwrap_or_default(),
            options,
            handler_options: settings.options.clone(),
            connections: settings.connections,
            timeout: settings.timeout,
            idle_limit: settings.idle_limit,
            creates_tables: settings.creates_tables,
            is_pooled: settings.is_pooled,
            prepared: OnceCell::new(),
        };
        Self { settings, shared: Arc::new(shared) }
    }
}

impl Shared {
    /// The store's own connections. A pool can only be made on a runtime, so the first operation makes it.
    pub(super) fn pool(&self) -> &PgPool {
        self.pool.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(self.connections)
                .acquire_timeout(self.timeout)
                // A dead connection is noticed when it is used. Asking each time would double the round trips.
                .test_before_acquire(false)
                .connect_lazy_with(self.options.clone())
        })
    }

    /// The connections of the handlers' transactions.
    pub(super) fn handlers(&self) -> &PgPool {
        self.handlers.get_or_init(|| {
            PgPoolOptions::new()
                .max_connections(self.connections)
                // The sender waits meanwhile, and a 503 with `Retry-After` in time is better than a cut connection.
                .acquire_timeout(self.timeout)
                .connect_lazy_with(self.handler_options.clone())
        })
    }
}

impl Settings {
    /// The options of the store's own connections.
    fn connect_options(&self) -> PgConnectOptions {
        let options = self.options.clone();
        if self.is_pooled {
            return options.statement_cache_capacity(0).extra_float_digits(None);
        }
        let timeout = self.timeout.as_millis().max(1).to_string();
        options.options([
            // A program's own default may be stricter. Each operation is one statement, and decides on committed rows.
            ("default_transaction_isolation", "read committed"),
            ("statement_timeout", timeout.as_str()),
        ])
    }
}
