//! A call: one statement with its arguments, sent on a connection that no handler can hold.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::{StoreError, StoreErrorKind};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgRow};
use sqlx::{Arguments as _, AssertSqlSafe, Connection as _, Encode, Executor as _, Postgres, Type};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::fault;
use super::statements::Statement;

/// One statement with its arguments. Sending it twice has the effect of sending it once.
pub(super) struct Call {
    statement: Statement,
    arguments: PgArguments,
    failure: Option<sqlx::error::BoxDynError>,
}

impl Call {
    pub(super) fn new(statement: &Statement) -> Self {
        Self { statement: statement.clone(), arguments: PgArguments::default(), failure: None }
    }

    pub(super) fn bind<'q, T: Encode<'q, Postgres> + Type<Postgres> + 'q>(mut self, value: T) -> Self {
        if let Err(failure) = self.arguments.add(value) {
            self.failure = Some(failure);
        }
        self
    }

    /// Sends the statement on this connection.
    pub(super) async fn send(&self, connection: &mut PgConnection) -> Result<Vec<PgRow>, sqlx::Error> {
        sqlx::query_with(AssertSqlSafe(Arc::clone(&self.statement.sql)), self.arguments.clone())
            .persistent(self.statement.is_named)
            .fetch_all(connection)
            .await
    }
}

impl Shared {
    /// Sends a statement and returns its rows. Repeats it on other connections while connections are lost, but not after the
    /// timeout.
    pub(super) async fn rows(&self, call: Call) -> Result<Vec<PgRow>, StoreError> {
        if let Some(failure) = call.failure {
            return Err(fault::error(StoreErrorKind::Refused).with_source(failure));
        }
        let end = Instant::now() + self.timeout;
        self.prepared(end).await?;
        let mut earlier: Option<StoreError> = None;
        // A server that was restarted has left dead connections in the pool, and so has a runtime that has ended. Those of a
        // runtime may pass a test, so each of them may have to be met.
        let mut repeats = self.connections.saturating_add(1);
        loop {
            let connection = self.connection(end, earlier.is_some()).await;
            let mut lent = Lent::new(connection.map_err(|error| error.after(earlier.as_ref()))?);
            let error = match timeout_at(end, self.send(&call, &mut lent.connection)).await {
                Ok(Ok(rows)) => {
                    lent.give_back();
                    return Ok(rows);
                }
                Ok(Err(cause)) if fault::is_connection_lost(&cause) => fault::of_statement(cause),
                Ok(Err(cause)) => {
                    lent.give_back();
                    return Err(fault::of_statement(cause).after(earlier.as_ref()));
                }
                Err(_) => {
                    let error = fault::error(StoreErrorKind::Unknown);
                    return Err(error.with_source("the server did not answer in time"));
                }
            };
            if repeats == 0 || Instant::now() >= end {
                return Err(error);
            }
            repeats -= 1;
            earlier = Some(error);
        }
    }

    async fn send(&self, call: &Call, connection: &mut PgConnection) -> Result<Vec<PgRow>, sqlx::Error> {
        if !self.is_pooled {
            return call.send(connection).await;
        }
        // A pooler may give each transaction another server connection, and preparing and executing are two messages.
        let mut transaction = connection.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
        let rows = call.send(&mut transaction).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// A connection of the store's own. With `tested`, one that answers.
    async fn connection(&self, end: Instant, tested: bool) -> Result<PoolConnection<Postgres>, StoreError> {
        let opened = async {
            loop {
                let mut connection = self.pool().acquire().await?;
                if !tested || connection.ping().await.is_ok() {
                    return Ok(connection);
                }
                connection.close_on_drop();
            }
        };
        match timeout_at(end, opened).await {
            Ok(opened) => opened.map_err(fault::of_connection),
            Err(_) => Err(fault::error(StoreErrorKind::Unavailable)
                .with_source("no connection to the server became free in time")),
        }
    }

    /// Creates the tables at the first call, if they are missing and the store may do so.
    async fn prepared(&self, end: Instant) -> Result<(), StoreError> {
        if !self.creates_tables || self.prepared.initialized() {
            return Ok(());
        }
        let prepare = self.prepared.get_or_try_init(|| self.create_tables(end));
        match timeout_at(end, prepare).await {
            Ok(prepared) => prepared.map(|&()| ()),
            Err(_) => Err(not_created_in_time()),
        }
    }

    pub(super) async fn migrate(&self) -> Result<(), StoreError> {
        self.create_tables(Instant::now() + MIGRATION_TIMEOUT).await
    }

    async fn create_tables(&self, end: Instant) -> Result<(), StoreError> {
        let mut connection = self.connection(end, true).await?;
        let Ok(created) = timeout_at(end, self.create_tables_on(&mut connection, end)).await else {
            connection.close_on_drop();
            return Err(not_created_in_time());
        };
        created.map_err(fault::of_connection)
    }

    async fn create_tables_on(&self, connection: &mut PgConnection, end: Instant) -> Result<(), sqlx::Error> {
        let exists = Call::new(&self.statements.exists);
        if !self.send(&exists, connection).await?.is_empty() {
            return Ok(());
        }
        // One implicit transaction. The lock keeps two processes from creating the same table at once, and waiting for it
        // may take longer than an operation.
        let limit = end.saturating_duration_since(Instant::now()).as_millis().max(1);
        let script = format!(
            "SET LOCAL statement_timeout = {limit};\nSELECT pg_advisory_xact_lock({LOCK});\n{}",
            self.tables.fill_in(super::MIGRATION)
        );
        connection.execute(sqlx::raw_sql(AssertSqlSafe(script))).await?;
        Ok(())
    }
}

/// A connection that is closed on drop, unless it is given back.
///
/// If an operation is dropped or fails, its reply may still be under way. The pool would wait for that reply without a limit
/// before it lends the connection again.
struct Lent {
    connection: PoolConnection<Postgres>,
    is_given_back: bool,
}

impl Lent {
    fn new(connection: PoolConnection<Postgres>) -> Self {
        Self { connection, is_given_back: false }
    }

    /// Gives the connection back to the pool. No reply may be under way.
    fn give_back(mut self) {
        self.is_given_back = true;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if !self.is_given_back {
            self.connection.close_on_drop();
        }
    }
}

fn not_created_in_time() -> StoreError {
    fault::error(StoreErrorKind::Unavailable).with_source("the tables were not created in time")
}

/// The number of the advisory lock for creating tables: "idempote" in ASCII.
const LOCK: i64 = 0x6964_656d_706f_7465;
/// How long an explicit creation of the tables may take. A lock on the database's catalogue may hold it up.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(30);
