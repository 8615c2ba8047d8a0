//! The outbox in SQLite.
//!
//! A relay takes messages in a transaction that has the write lock. From then on it names a message by id and fence. A
//! relay with nothing to take only reads.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::Hold;
use idempotency_core::{StoreError, StoreErrorKind};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{AssertSqlSafe, Sqlite};
use tokio::sync::watch;

use super::connections::before;
use super::fault::Fault;
use super::{Shared, SqliteStore};
use crate::Tables;
use crate::outbox::{
    COLUMNS, DeadMessage, Failure, Held, Insert, Message, Messages, NewMessage, Outbox, OutboxCounts,
    read_counts, read_dead, read_message,
};
use crate::row::micros;

impl SqliteStore {
    /// Returns the outbox, whose messages handlers push in their [transactions](Self::begin). It makes relays, and has the
    /// operations for operators.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox::new(Arc::new(SqliteOutbox::new(Arc::clone(&self.shared))))
    }
}

/// The statements of the outbox.
pub(super) struct OutboxStatements {
    insert: Arc<str>,
    /// Returns a row if there is a message to take.
    is_due: Arc<str>,
    lease: Arc<str>,
    renew: Arc<str>,
    delete: Arc<str>,
    fail: Arc<str>,
    counts: Arc<str>,
    dead: Arc<str>,
    retry_dead: Arc<str>,
    drop_dead: Arc<str>,
}

impl OutboxStatements {
    pub(super) fn new(tables: &Tables) -> Self {
        let table = tables.outbox();
        // `RETURNING` names the columns without the alias of the table.
        let changed = COLUMNS.replace("message.", "");
        let held = "id = ?1 AND fence = ?2 AND state = 2";
        let dead = "namespace = ?1 AND id = ?2 AND state = 3";
        let due = format!(
            "SELECT message.id FROM {table} AS message
             WHERE message.namespace = ?1 AND message.state < 3 AND message.due_at <= ?2
               AND (message.ordering_key IS NULL OR NOT EXISTS (
                   SELECT 1 FROM {table} AS earlier
                   WHERE earlier.namespace = message.namespace
                     AND earlier.ordering_key = message.ordering_key AND earlier.id < message.id))
             ORDER BY message.due_at, message.id"
        );
        Self {
            insert: format!(
                "INSERT INTO {table} (due_at, created_at, namespace, topic, ordering_key, derived_key, payload)
                 VALUES (?1, ?1, ?2, ?3, ?4, ?5, ?6)"
            )
            .into(),
            is_due: format!("{due} LIMIT 1").into(),
            lease: format!(
                "UPDATE {table} SET state = 2, fence = fence + 1, attempts = attempts + 1, due_at = ?2 + ?4
                 WHERE id IN ({due} LIMIT ?3) RETURNING ?2 AS now, {changed}"
            )
            .into(),
            renew: format!("UPDATE {table} SET due_at = ?3 WHERE {held} RETURNING 1").into(),
            delete: format!("DELETE FROM {table} WHERE {held} RETURNING 1").into(),
            // ?4: the next attempt, if there is one. ?5: now.
            fail: format!(
                "UPDATE {table} SET last_error = ?3, due_at = coalesce(?4, ?5),
                     state = CASE WHEN ?4 IS NULL THEN 3 ELSE 1 END
                 WHERE {held} RETURNING 1"
            )
            .into(),
            counts: format!(
                "WITH message AS (
                     SELECT id, state, due_at, created_at, ordering_key FROM {table} WHERE namespace = ?1),
                 stuck AS (
                     SELECT ordering_key, min(id) AS id FROM message
                     WHERE state = 3 AND ordering_key IS NOT NULL GROUP BY ordering_key)
                 SELECT count(*) FILTER (WHERE state = 1 OR (state = 2 AND due_at <= ?2)) AS waiting,
                     count(*) FILTER (WHERE state = 2 AND due_at > ?2) AS in_flight,
                     count(*) FILTER (WHERE state = 3) AS dead,
                     count(*) FILTER (WHERE state = 1 AND message.id > stuck.id) AS blocked,
                     ?2 - min(created_at) FILTER (WHERE state < 3) AS oldest
                 FROM message LEFT JOIN stuck ON stuck.ordering_key = message.ordering_key"
            )
            .into(),
            dead: format!(
                "SELECT ?2 AS now, {COLUMNS} FROM {table} AS message
                 WHERE message.namespace = ?1 AND message.state = 3 AND message.id > ?3
                 ORDER BY message.id LIMIT ?4"
            )
            .into(),
            // A larger fence, so that a late repeat of its last failure changes nothing.
            retry_dead: format!(
                "UPDATE {table} SET state = 1, attempts = 0, fence = fence + 1, due_at = ?3
                 WHERE {dead} RETURNING 1"
            )
            .into(),
            drop_dead: format!("DELETE FROM {table} WHERE {dead} RETURNING 1").into(),
        }
    }
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn statement<'q>(sql: &Arc<str>) -> Statement<'q> {
    sqlx::query(AssertSqlSafe(Arc::clone(sql)))
}

/// The outbox of a store.
pub(super) struct SqliteOutbox(Arc<Shared>);

impl SqliteOutbox {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn namespace(&self) -> String {
        self.0.namespace.as_str().to_owned()
    }

    /// Reads rows of one state of the database, waiting for no writer.
    async fn read(&self, statement: Statement<'_>) -> Result<Vec<SqliteRow>, Fault> {
        let deadline = self.0.deadline();
        self.0.prepare(deadline).await?;
        let mut lent = self.0.readers.lend(deadline).await?;
        let rows = before(deadline, statement.fetch_all(&mut lent.connection)).await?;
        lent.give_back();
        Ok(rows)
    }

    /// Executes a statement under the write lock, with the time under it.
    async fn write<'q>(&self, statement: impl FnOnce(i64) -> Statement<'q>) -> Result<Vec<SqliteRow>, Fault> {
        let deadline = self.0.deadline();
        let mut transaction = self.0.begin(deadline).await?;
        let statement = statement(self.0.now());
        let rows = before(deadline, statement.fetch_all(transaction.connection())).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// Changes a message under a lease.
    async fn change<'q>(&self, statement: impl FnOnce(i64) -> Statement<'q>) -> Result<Hold, StoreError> {
        let rows = self.write(statement).await?;
        Ok(if rows.is_empty() { Hold::Lost } else { Hold::Held })
    }
}

#[async_trait]
impl Insert<Sqlite> for SqliteOutbox {
    /// The transaction has the write lock until it is committed, so the ids are in the order of the commits.
    async fn insert(
        &self,
        connection: &mut SqliteConnection,
        message: NewMessage<'_>,
    ) -> Result<(), sqlx::Error> {
        let insert = statement(&self.0.outbox.insert)
            .bind(self.0.now())
            .bind(self.namespace())
            .bind(message.topic)
            .bind(message.ordering_key)
            .bind(message.derived_key)
            .bind(message.payload);
        insert.execute(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl Messages for SqliteOutbox {
    fn pushes(&self) -> watch::Receiver<()> {
        self.0.pushes.subscribe()
    }

    async fn lease(&self, max: u32, lease: Duration) -> Result<Vec<Message>, StoreError> {
        let outbox = &self.0.outbox;
        let is_due = statement(&outbox.is_due).bind(self.namespace()).bind(self.0.now());
        if self.read(is_due).await?.is_empty() {
            return Ok(Vec::new());
        }
        let take = |now| {
            let take = statement(&outbox.lease).bind(self.namespace()).bind(now);
            take.bind(i64::from(max)).bind(micros(lease))
        };
        let rows = self.write(take).await?;
        let messages = rows.iter().map(read_message).collect::<Result<Vec<_>, _>>();
        let mut messages = messages.map_err(Fault::of_statement)?;
        messages.sort_unstable_by_key(Message::id);
        Ok(messages)
    }

    async fn renew(&self, held: Held, lease: Duration) -> Result<Hold, StoreError> {
        self.change(|now| of(&self.0.outbox.renew, held).bind(now + micros(lease))).await
    }

    async fn delete(&self, held: Held) -> Result<Hold, StoreError> {
        self.change(|_| of(&self.0.outbox.delete, held)).await
    }

    async fn fail(&self, held: Held, failure: &Failure) -> Result<Hold, StoreError> {
        let fail = |now| {
            let next = failure.pause.map(|pause| now + micros(pause));
            of(&self.0.outbox.fail, held).bind(failure.error.clone()).bind(next).bind(now)
        };
        self.change(fail).await
    }

    async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        let counts = statement(&self.0.outbox.counts).bind(self.namespace()).bind(self.0.now());
        let rows = self.read(counts).await?;
        let no_row = || Fault::new(StoreErrorKind::Refused, "the table of messages was not counted");
        let row = rows.first().ok_or_else(no_row)?;
        Ok(read_counts(row).map_err(Fault::of_statement)?)
    }

    async fn dead(&self, after: i64, max: u32) -> Result<Vec<DeadMessage>, StoreError> {
        let dead = statement(&self.0.outbox.dead).bind(self.namespace()).bind(self.0.now());
        let rows = self.read(dead.bind(after).bind(i64::from(max))).await?;
        Ok(rows.iter().map(read_dead).collect::<Result<_, _>>().map_err(Fault::of_statement)?)
    }

    async fn retry_dead(&self, id: i64) -> Result<bool, StoreError> {
        let retry = |now| statement(&self.0.outbox.retry_dead).bind(self.namespace()).bind(id).bind(now);
        let is_retried = !self.write(retry).await?.is_empty();
        self.0.pushes.send_replace(());
        Ok(is_retried)
    }

    async fn drop_dead(&self, id: i64) -> Result<bool, StoreError> {
        let drop = |_| statement(&self.0.outbox.drop_dead).bind(self.namespace()).bind(id);
        let is_dropped = !self.write(drop).await?.is_empty();
        self.0.pushes.send_replace(());
        Ok(is_dropped)
    }
}

/// A statement on a message under a lease.
fn of<'q>(sql: &Arc<str>, held: Held) -> Statement<'q> {
    statement(sql).bind(held.id).bind(held.fence)
}
