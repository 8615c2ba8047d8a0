//! The outbox in PostgreSQL.
//!
//! A relay takes messages with `SKIP LOCKED`, in one statement that sets the end of its lease. From then on it names a
//! message by id and fence, so a relay whose message was taken over changes nothing.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::Hold;
use idempotency_core::{StoreError, StoreErrorKind};
use sqlx::Postgres;
use sqlx::postgres::PgConnection;
use tokio::sync::watch;

use super::call::Call;
use super::statements::{CLOCK, Statement};
use super::{PostgresStore, Shared, fault};
use crate::Tables;
use crate::outbox::{
    COLUMNS, DeadMessage, Failure, Held, Insert, Message, Messages, NewMessage, Outbox, OutboxCounts,
    read_counts, read_dead, read_message,
};
use crate::row::micros;

impl PostgresStore {
    /// Returns the outbox, whose messages handlers push in their [transactions](Self::begin). It makes relays, and has the
    /// operations for operators.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox::new(Arc::new(PostgresOutbox::new(Arc::clone(&self.shared))))
    }
}

/// The statements of the outbox.
pub(super) struct OutboxStatements {
    /// Takes the lock of an ordering key until the transaction ends. Waits for other transactions that pushed with it.
    lock_order: Statement,
    insert: Statement,
    lease: Statement,
    renew: Statement,
    delete: Statement,
    fail: Statement,
    counts: Statement,
    dead: Statement,
    retry_dead: Statement,
    drop_dead: Statement,
}

impl OutboxStatements {
    pub(super) fn new(tables: &Tables, are_named: bool) -> Self {
        let table = tables.outbox();
        let statement = |text: String| Statement { sql: text.into(), is_named: are_named };
        let held = "message.id = $1 AND message.fence = $2 AND message.state = 2";
        let dead = "message.namespace = $1 AND message.id = $2 AND message.state = 3";
        Self {
            // The table's number is part of the lock, because another store may name the same table with its schema.
            lock_order: statement(format!(
                "SELECT 1 FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, '{table}'::regclass::oid::bigint)))
                     AS lock"
            )),
            // BETWEEN and not `=`, so that no other index has the order of this one: the planner would prefer the
            // primary key for an ordering key with many messages, and read the table from its end.
            insert: statement(format!(
                "WITH {CLOCK}
                 INSERT INTO {table} (due_at, created_at, namespace, topic, ordering_key, derived_key, payload,
                     previous)
                 SELECT clock.now, clock.now, $1, $2, $3, $4, $5, (
                     SELECT earlier.id FROM {table} AS earlier
                     WHERE earlier.namespace = $1 AND earlier.ordering_key BETWEEN $3 AND $3
                     ORDER BY earlier.ordering_key DESC, earlier.id DESC LIMIT 1)
                 FROM clock"
            )),
            // One statement takes and leases. It waits for no row, and checks a row again if another relay has changed it
            // meanwhile. A message names the one before it with its ordering key, which it saw because that one's
            // transaction had ended. That one is deleted only after all before it. Looking for it by its number costs
            // the same whatever is in the table, and OFFSET keeps the planner from reading the whole table.
            lease: statement(format!(
                "WITH {CLOCK}, due AS MATERIALIZED (
                     SELECT message.id FROM {table} AS message
                     WHERE message.namespace = $1 AND message.state < 3
                       AND message.due_at <= (SELECT now FROM clock)
                       AND NOT EXISTS (SELECT FROM {table} AS earlier WHERE earlier.id = message.previous OFFSET 0)
                     ORDER BY message.due_at, message.id LIMIT $2 FOR UPDATE OF message SKIP LOCKED)
                 UPDATE {table} AS message SET state = 2, fence = message.fence + 1,
                     attempts = message.attempts + 1, due_at = clock.now + $3
                 FROM clock, due WHERE message.id = due.id
                 RETURNING clock.now, {COLUMNS}"
            )),
            renew: statement(format!(
                "WITH {CLOCK}
                 UPDATE {table} AS message SET due_at = clock.now + $3 FROM clock WHERE {held} RETURNING 1"
            )),
            delete: statement(format!("DELETE FROM {table} AS message WHERE {held} RETURNING 1")),
            // $4: the pause to the next attempt, if there is one.
            fail: statement(format!(
                "WITH {CLOCK}
                 UPDATE {table} AS message SET last_error = $3, due_at = clock.now + coalesce($4::bigint, 0),
                     state = CASE WHEN $4 IS NULL THEN 3 ELSE 1 END
                 FROM clock WHERE {held} RETURNING 1"
            )),
            counts: statement(format!(
                "WITH {CLOCK}, message AS (
                     SELECT id, state, due_at, created_at, ordering_key FROM {table} WHERE namespace = $1),
                 stuck AS MATERIALIZED (
                     SELECT ordering_key, min(id) AS id FROM message
                     WHERE state = 3 AND ordering_key IS NOT NULL GROUP BY ordering_key)
                 SELECT count(*) FILTER (WHERE state = 1 OR (state = 2 AND due_at <= clock.now)) AS waiting,
                     count(*) FILTER (WHERE state = 2 AND due_at > clock.now) AS in_flight,
                     count(*) FILTER (WHERE state = 3) AS dead,
                     count(*) FILTER (WHERE state = 1 AND message.id > stuck.id) AS blocked,
                     max(clock.now - created_at) FILTER (WHERE state < 3) AS oldest
                 FROM clock, message LEFT JOIN stuck ON stuck.ordering_key = message.ordering_key"
            )),
            dead: statement(format!(
                "WITH {CLOCK}
                 SELECT clock.now, {COLUMNS} FROM clock, {table} AS message
                 WHERE message.namespace = $1 AND message.state = 3 AND message.id > $2
                 ORDER BY message.id LIMIT $3"
            )),
            // A larger fence, so that a late repeat of its last failure changes nothing.
            retry_dead: statement(format!(
                "WITH {CLOCK}
                 UPDATE {table} AS message SET state = 1, attempts = 0, fence = message.fence + 1,
                     due_at = clock.now
                 FROM clock WHERE {dead} RETURNING 1"
            )),
            drop_dead: statement(format!("DELETE FROM {table} AS message WHERE {dead} RETURNING 1")),
        }
    }
}

/// The outbox of a store.
pub(super) struct PostgresOutbox(Arc<Shared>);

impl PostgresOutbox {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    fn namespace(&self) -> &str {
        self.0.namespace.as_str()
    }

    /// Changes a message under a lease.
    async fn change(&self, call: Call) -> Result<Hold, StoreError> {
        let is_changed = !self.0.rows(call).await?.is_empty();
        Ok(if is_changed { Hold::Held } else { Hold::Lost })
    }

    /// Changes a dead message.
    async fn settle(&self, statement: &Statement, id: i64) -> Result<bool, StoreError> {
        let call = Call::new(statement).bind(self.namespace()).bind(id);
        Ok(!self.0.rows(call).await?.is_empty())
    }
}

#[async_trait]
impl Insert<Postgres> for PostgresOutbox {
    async fn insert(
        &self,
        connection: &mut PgConnection,
        message: NewMessage<'_>,
    ) -> Result<(), sqlx::Error> {
        let statements = &self.0.outbox;
        // Two transactions may commit in another order than that of their ids. With the same ordering key they do not,
        // because the second waits here until the first has ended.
        if let Some(key) = message.ordering_key {
            let lock = format!("{} {key}", self.namespace());
            Call::new(&statements.lock_order).bind(lock).send(connection).await?;
        }
        let insert = Call::new(&statements.insert)
            .bind(self.namespace())
            .bind(message.topic)
            .bind(message.ordering_key)
            .bind(message.derived_key)
            .bind(message.payload);
        insert.send(connection).await?;
        Ok(())
    }
}

#[async_trait]
impl Messages for PostgresOutbox {
    fn pushes(&self) -> watch::Receiver<()> {
        self.0.pushes.subscribe()
    }

    async fn lease(&self, max: u32, lease: Duration) -> Result<Vec<Message>, StoreError> {
        let call =
            Call::new(&self.0.outbox.lease).bind(self.namespace()).bind(i64::from(max)).bind(micros(lease));
        let rows = self.0.rows(call).await?;
        let messages = rows.iter().map(read_message).collect::<Result<Vec<_>, _>>();
        let mut messages = messages.map_err(fault::of_statement)?;
        messages.sort_unstable_by_key(Message::id);
        Ok(messages)
    }

    async fn renew(&self, held: Held, lease: Duration) -> Result<Hold, StoreError> {
        self.change(of(&self.0.outbox.renew, held).bind(micros(lease))).await
    }

    async fn delete(&self, held: Held) -> Result<Hold, StoreError> {
        self.change(of(&self.0.outbox.delete, held)).await
    }

    async fn fail(&self, held: Held, failure: &Failure) -> Result<Hold, StoreError> {
        let pause = failure.pause.map(micros);
        let fail =
            |error: &str| self.change(of(&self.0.outbox.fail, held).bind(error.to_owned()).bind(pause));
        match fail(&failure.error).await {
            // The database's encoding may not have these characters.
            Err(error) if error.kind() == StoreErrorKind::Refused && !failure.error.is_ascii() => {
                fail(&failure.error.escape_default().to_string()).await
            }
            failed => failed,
        }
    }

    async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        let rows = self.0.rows(Call::new(&self.0.outbox.counts).bind(self.namespace())).await?;
        let row = rows.first().ok_or_else(fault::unexpected_reply)?;
        read_counts(row).map_err(fault::of_statement)
    }

    async fn dead(&self, after: i64, max: u32) -> Result<Vec<DeadMessage>, StoreError> {
        let call = Call::new(&self.0.outbox.dead).bind(self.namespace()).bind(after).bind(i64::from(max));
        let rows = self.0.rows(call).await?;
        rows.iter().map(read_dead).collect::<Result<_, _>>().map_err(fault::of_statement)
    }

    async fn retry_dead(&self, id: i64) -> Result<bool, StoreError> {
        let retried = self.settle(&self.0.outbox.retry_dead, id).await?;
        self.0.pushes.send_replace(());
        Ok(retried)
    }

    async fn drop_dead(&self, id: i64) -> Result<bool, StoreError> {
        let dropped = self.settle(&self.0.outbox.drop_dead, id).await?;
        self.0.pushes.send_replace(());
        Ok(dropped)
    }
}

/// A statement on a message under a lease.
fn of(statement: &Statement, held: Held) -> Call {
    Call::new(statement).bind(held.id).bind(held.fence)
}
