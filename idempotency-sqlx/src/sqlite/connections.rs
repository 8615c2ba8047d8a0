//! Connections to the file, each lent to one operation at a time.
//!
//! An operation gives its connection back when it has ended. If its future is dropped, or fails, the connection is
//! closed instead. Closing it undoes an unfinished transaction, so no operation gets a connection in an unknown state.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use idempotency_core::StoreErrorKind;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::fault::Fault;

/// The pause before another try while another connection has a lock.
const PAUSE: Duration = Duration::from_millis(5);

/// At most `max` connections, opened when they are needed.
pub(super) struct Connections {
    options: SqliteConnectOptions,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Connections {
    pub(super) fn new(options: SqliteConnectOptions, max: usize) -> Self {
        Self { options, permits: Arc::new(Semaphore::new(max)), idle: Mutex::default() }
    }

    /// Lends a connection, waiting for one until the deadline.
    pub(super) async fn lend(&self, deadline: Instant) -> Result<Lent<'_>, Fault> {
        let permit = turn(&self.permits, deadline).await?;
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open(&self.options, deadline).await?,
        };
        Ok(Lent { connections: self, connection, _permit: permit })
    }

    /// Takes the place of one connection without lending it. Waits in the same queue as [`lend`](Self::lend).
    pub(super) async fn take_place(&self, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
        turn(&self.permits, deadline).await
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is closed on drop.
#[must_use = "a connection that is not given back is closed"]
pub(super) struct Lent<'a> {
    connections: &'a Connections,
    pub(super) connection: SqliteConnection,
    _permit: OwnedSemaphorePermit,
}

impl Lent<'_> {
    /// Gives the connection back. It must not be in a transaction.
    pub(super) fn give_back(self) {
        self.connections.idle().push(self.connection);
    }

    /// Gives the connection back if the first statement on it only failed to get a lock.
    pub(super) fn give_back_if_busy(self, fault: &Fault) {
        if fault.is_busy() {
            self.give_back();
        }
    }
}

/// Waits for a permit until the deadline, in the order of arrival.
pub(super) async fn turn(permits: &Arc<Semaphore>, deadline: Instant) -> Result<OwnedSemaphorePermit, Fault> {
    let permit = timeout_at(deadline, Arc::clone(permits).acquire_owned()).await;
    Ok(permit.map_err(|_| Fault::timeout())?.expect("the semaphore is never closed"))
}

async fn open(options: &SqliteConnectOptions, deadline: Instant) -> Result<SqliteConnection, Fault> {
    let mut connection = loop {
        match before(deadline, options.connect()).await {
            Ok(connection) => break connection,
            // Switching a new file to a write-ahead log does not wait for locks.
            Err(fault) => pause_if_busy(deadline, fault).await?,
        }
    };
    let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode").fetch_one(&mut connection);
    match before(deadline, mode).await?.as_str() {
        "wal" => Ok(connection),
        "memory" => Err(in_memory()),
        _ => Err(Fault::new(StoreErrorKind::Refused, "the database cannot have a write-ahead log")),
    }
}

/// The refusal of a database in memory.
pub(super) fn in_memory() -> Fault {
    let cause = "the database is in memory, where each connection would see another one";
    Fault::new(StoreErrorKind::Refused, cause)
}

/// Runs a statement that comes before `COMMIT`, until the deadline.
pub(super) async fn before<T>(
    deadline: Instant,
    statement: impl Future<Output = Result<T, Error>>,
) -> Result<T, Fault> {
    timeout_at(deadline, statement).await.map_err(|_| Fault::timeout())?.map_err(Fault::of_statement)
}

/// Returns after a pause if another connection had a lock and there is time for another try.
pub(super) async fn pause_if_busy(deadline: Instant, fault: Fault) -> Result<(), Fault> {
    if !fault.is_busy() || Instant::now() + PAUSE >= deadline {
        return Err(fault);
    }
    tokio::time::sleep(PAUSE).await;
    Ok(())
}
