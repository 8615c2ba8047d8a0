//! The transaction in a handler's hands: its writes and the record of its execution are one.

mod answers;
mod commits;
mod dropped;
mod extractors;
mod holders;
mod once;

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use idempotency_core::engine::{Event, Observation, Observer};
use idempotency_core::{
    Delivery, Idempotency, IdempotencyContext, Key, Policy, Ran, RunError, Scope, Verified,
};
use idempotency_sqlx::{IdempotentTransaction, PostgresStore};
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::Postgres;

/// Longer than the slowest machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The sessions of this database that wait for an advisory lock. The server has the databases of other tests too.
pub(crate) const WAITING: &str =
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'";

pub(crate) type Transaction = IdempotentTransaction<Postgres>;
pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Result = std::result::Result<Ran<u32>, RunError<Error>>;

/// One process: an engine on a store, with the table `orders` in the same database.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) store: PostgresStore,
    pub(crate) engine: Idempotency,
    pub(crate) seen: Seen,
    /// The database, without proxies.
    pub(crate) url: String,
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
        self.0.lock().unwrap().iter().filter(|line| *line == name).count()
    }
}

/// An error and its causes in one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// A new database with the table `orders`, and its address.
pub(crate) async fn database() -> String {
    let url = PostgresServer::shared().await.new_database().await;
    psql(&url, "CREATE TABLE orders (id text)").await.unwrap();
    url
}

pub(crate) fn policy() -> Policy {
    Policy::webhook().with_store_timeout(PATIENCE).with_wait(Duration::ZERO)
}

impl Process {
    /// A process on a database of its own.
    pub(crate) async fn alone() -> Self {
        let url = database().await;
        Self::at(&url, &url)
    }

    /// A process whose store reaches the database `direct` through the address `url`.
    pub(crate) fn at(url: &str, direct: &str) -> Self {
        Self::on(PostgresStore::new(url, "tests").unwrap().with_timeout(PATIENCE), direct)
    }

    pub(crate) fn on(store: PostgresStore, direct: &str) -> Self {
        let seen = Seen::default();
        let engine = Idempotency::new(store.clone()).with_policy(policy()).with_observer(seen.clone());
        Self { store, engine, seen, url: direct.to_owned() }
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

    /// The number of orders.
    pub(crate) async fn orders(&self) -> String {
        self.query("SELECT count(*) FROM orders").await
    }

    /// The state of the only record: 1 in flight, 2 released, 3 completed.
    pub(crate) async fn state(&self) -> String {
        self.query("SELECT state FROM idempotency_records").await
    }

    pub(crate) async fn query(&self, sql: &str) -> String {
        psql(&self.url, sql).await.unwrap()
    }

    /// Lets every lease run out.
    pub(crate) async fn age(&self) {
        self.query("UPDATE idempotency_records SET deadline = 1 WHERE state = 1").await;
    }

    /// Asserts that nothing was written or recorded, and that a retry runs at once, as this attempt.
    pub(crate) async fn assert_retry_runs_at_once(&self, attempt: u32) {
        assert_eq!(self.orders().await, "0");
        assert_eq!(self.state().await, "2");
        assert_eq!(self.order().await.unwrap(), Ran::Executed(attempt));
        assert_eq!(self.orders().await, "1");
        assert_eq!(self.state().await, "3");
    }

    /// Polls the database until it answers this.
    pub(crate) async fn until(&self, sql: &str, answer: &str) {
        let answers = async { while self.query(sql).await != answer {} };
        let answers = tokio::time::timeout(PATIENCE, answers).await;
        answers.unwrap_or_else(|_| panic!("{sql} never answers {answer}"));
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

pub(crate) async fn insert(transaction: &mut Transaction) -> std::result::Result<(), Error> {
    sqlx::query("INSERT INTO orders VALUES ('o')").execute(&mut **transaction).await?;
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
