//! The connection of the handlers' transactions.
//!
//! There is one at a time, because SQLite has one writer. So handlers wait for one another before they wait for the write
//! lock, and a claim waits for one of them at most.

use std::future::ready;
use std::sync::{Arc, OnceLock};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Sqlite, Transaction};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Shared;
use super::connections::{before, pause_if_busy, turn};
use super::fault::Fault;
use super::gate::Gate;

pub(super) struct Handlers {
    options: SqliteConnectOptions,
    /// Passes the transaction from handler to handler, in the order of their arrival.
    permits: Arc<Semaphore>,
    /// A pool can only be made on a runtime, so the first transaction makes it.
    pool: OnceLock<SqlitePool>,
}

/// A transaction that a handler has begun, and the places that it takes until it has ended.
pub(super) struct Begun {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) gate: Arc<Gate>,
    pub(super) places: Places,
}

/// A handler's place among the handlers and among the writers.
pub(super) struct Places {
    _handler: OwnedSemaphorePermit,
    _writer: OwnedSemaphorePermit,
}

impl Handlers {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self { options, permits: Arc::new(Semaphore::new(1)), pool: OnceLock::new() }
    }

    fn pool(&self) -> &SqlitePool {
        self.pool.get_or_init(|| {
            SqlitePoolOptions::new()
                .max_connections(1)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                // A handler may leave settings, temporary tables, attached databases or savepoints behind. So each
                // transaction has a new connection.
                .after_release(|_, _| Box::pin(ready(Ok(false))))
                .connect_lazy_with(self.options.clone())
        })
    }
}

impl Shared {
    /// Waits for the write lock on the handlers' connection, and takes it.
    ///
    /// # Cancel safety
    /// If the future is dropped, closing the connection rolls the transaction back.
    pub(super) async fn begin_for_handler(&self) -> Result<Begun, Fault> {
        let deadline = self.deadline();
        self.prepare(deadline).await?;
        let handler = turn(&self.handlers.permits, deadline).await?;
        // Claims that already wait come first.
        let writer = self.writer.take_place(deadline).await?;
        let mut transaction = self.begin_immediate(deadline).await?;
        let gate = before(deadline, Gate::close(&mut transaction)).await?;
        Ok(Begun { transaction, gate, places: Places { _handler: handler, _writer: writer } })
    }

    async fn begin_immediate(&self, deadline: Instant) -> Result<Transaction<'static, Sqlite>, Fault> {
        loop {
            match before(deadline, self.handlers.pool().begin_with("BEGIN IMMEDIATE")).await {
                Ok(transaction) => return Ok(transaction),
                // Another process has the lock.
                Err(fault) => pause_if_busy(deadline, fault).await?,
            }
        }
    }
}
