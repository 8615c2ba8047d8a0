//! The transaction in a handler's hands: its writes and the record of its execution are one.

mod answers;
mod commits;
mod dropped;
mod ended;
mod extractors;
mod holders;
mod leftovers;
mod once;

use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_core::engine::{Event, Observation, Observer};
use idempotency_core::{
    Delivery, Idempotency, IdempotencyContext, Key, Policy, Ran, RunError, Scope, Verified,
};
use idempotency_sqlx::{IdempotentTransaction, SqliteStore};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Sqlite};
use tempfile::TempDir;

/// Longer than the slowest machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) type Transaction = IdempotentTransaction<Sqlite>;
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result = std::result::Result<Ran<u32>, RunError<Error>>;

/// A file with the table `orders`, which is deleted with its last clone.
#[derive(Clone)]
pub(crate) struct Database(Arc<TempDir>);

/// One process: an engine on a store, with the table `orders` in the same file.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) store: SqliteStore,
    pub(crate) engine: Idempotency,
    pub(crate) seen: Seen,
    pub(crate) database: Database,
}

/// The events that an engine has observed, and why recorders failed.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Observer for Seen {
    fn observe(&self, observation: &Observation<'_>) {
        let mut line = observation.event.name().to_owned();
        if let Event::RecorderFailed(error) = &observation.event {
            line = format!("{line}: {}", causes(error));
        }
        self.0.lock().unwrap().push(line);
    }
}

impl Seen {
    /// Why the only recorder that failed has failed.
    pub(crate) fn failure(&self) -> String {
        let lines = self.0.lock().unwrap();
        let failures: Vec<_> = lines.iter().filter(|line| line.starts_with("recorder_failed")).collect();
        assert_eq!(failures.len(), 1, "{lines:?}");
        failures[0].clone()
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.lock().unwrap().iter().filter(|line| line.split(':').next() == Some(name)).count()
    }

    /// Waits until an event was observed.
    pub(crate) async fn wait_for(&self, name: &str) {
        let seen = async {
            while self.count(name) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap_or_else(|_| panic!("{name} is never observed"));
    }
}

/// An error and its causes in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Database {
    pub(crate) async fn new() -> Self {
        let database = Self(Arc::new(tempfile::tempdir().unwrap()));
        database.execute("CREATE TABLE orders (id TEXT)").await;
        database
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("orders.db")
    }

    pub(crate) fn options(&self) -> SqliteConnectOptions {
        let options = SqliteConnectOptions::new().filename(self.path()).create_if_missing(true);
        options.busy_timeout(PATIENCE)
    }

    pub(crate) fn store(&self) -> SqliteStore {
        SqliteStore::new(self.path(), "tests").unwrap().with_timeout(PATIENCE)
    }

    /// A connection that no store uses.
    pub(crate) async fn connection(&self) -> SqliteConnection {
        self.options().connect().await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.connection().await).await.unwrap();
    }

    pub(crate) async fn number(&self, sql: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&mut self.connection().await).await.unwrap()
    }

    /// The number of orders.
    pub(crate) async fn orders(&self) -> i64 {
        self.number("SELECT count(*) FROM orders").await
    }

    /// The state of the only record: 1 in flight, 2 released, 3 completed.
    pub(crate) async fn state(&self) -> i64 {
        self.number("SELECT state FROM idempotency_records").await
    }

    /// Lets every lease run out.
    pub(crate) async fn age(&self) {
        self.execute("UPDATE idempotency_records SET deadline = 1 WHERE state = 1").await;
    }
}

pub(crate) fn policy() -> Policy {
    Policy::webhook().with_store_timeout(PATIENCE).with_wait(Duration::ZERO)
}

impl Process {
    /// A process on a file of its own.
    pub(crate) async fn alone() -> Self {
        Self::at(&Database::new().await)
    }

    pub(crate) fn at(database: &Database) -> Self {
        Self::on(database.store(), database)
    }

    pub(crate) fn on(store: SqliteStore, database: &Database) -> Self {
        let seen = Seen::default();
        let engine = Idempotency::new(store.clone()).with_policy(policy()).with_observer(seen.clone());
        Self { store, engine, seen, database: database.clone() }
    }

    pub(crate) fn with_policy(mut self, policy: Policy) -> Self {
        self.engine = self.engine.with_policy(policy);
        self
    }

    /// Delivers the event `evt` to a handler.
    pub(crate) async fn deliver<H, F>(&self, handler: H) -> Result
    where
        H: FnOnce(Transaction, IdempotencyContext) -> F + Send + 'static,
        F: Future<Output = std::result::Result<u32, Error>> + Send + 'static,
    {
        self.store.run_in_transaction(&self.engine, delivery("evt"), handler).await
    }

    /// Delivers the event `evt` to a handler that inserts an order.
    pub(crate) async fn order(&self) -> Result {
        self.deliver(order).await
    }

    /// Asserts that nothing was written or recorded, and that a retry runs at once, as this attempt.
    pub(crate) async fn assert_retry_runs_at_once(&self, attempt: u32) {
        assert_eq!((self.database.orders().await, self.database.state().await), (0, 2));
        assert_eq!(self.order().await.unwrap(), Ran::Executed(attempt));
        assert_eq!((self.database.orders().await, self.database.state().await), (1, 3));
    }
}

pub(crate) fn delivery(key: &str) -> Delivery {
    let proof = Verified::by_other_means(b"a test");
    Delivery::new(&proof, Scope::endpoint("orders"), Key::new(key).unwrap())
}

/// A handler that inserts one order, and answers with its attempt.
pub(crate) async fn order(
    mut transaction: Transaction,
    context: IdempotencyContext,
) -> std::result::Result<u32, Error> {
    insert(&mut transaction).await?;
    Ok(context.attempt())
}

pub(crate) async fn insert(connection: &mut SqliteConnection) -> std::result::Result<(), Error> {
    sqlx::query("INSERT INTO orders (id) VALUES ('o')").execute(connection).await?;
    Ok(())
}

/// Asserts that the attempt failed because its recorder did not record.
pub(crate) fn assert_not_recorded(result: &Result) {
    assert!(matches!(result, Err(RunError::RecorderFailed)), "{result:?}");
}

/// The error of a handler that wants to fail.
#[derive(Debug)]
pub(crate) struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("refused")
    }
}

impl std::error::Error for Refused {}
