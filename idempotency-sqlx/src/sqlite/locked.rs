//! Reads and writes in a transaction that has the write lock.

use idempotency_core::store::{ResourceDigest, ScopedOrder, State};
use idempotency_core::{KeyDigest, Namespace};
use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

use super::connections::before;
use super::decide::{Decision, Operation};
use super::fault::Fault;
use super::found::Found;
use super::statements::Statements;
use crate::row::{Row, version_column};

/// A connection in a transaction that has the write lock, so that nothing changes between two statements.
pub(super) struct Locked<'a> {
    connection: &'a mut SqliteConnection,
    statements: &'a Statements,
    deadline: Instant,
}

/// The result of an operation.
pub(super) struct Changed<A> {
    pub(super) answer: A,
    pub(super) has_written: bool,
    /// Whether the write left the key without a holder.
    pub(super) is_free: bool,
}

impl<'a> Locked<'a> {
    pub(super) fn new(
        connection: &'a mut SqliteConnection,
        statements: &'a Statements,
        deadline: Instant,
    ) -> Self {
        Self { connection, statements, deadline }
    }

    /// Carries out an operation. A record and its mark change together.
    pub(super) async fn change<O: Operation>(
        &mut self,
        operation: &O,
        namespace: &Namespace,
        now: i64,
    ) -> Result<Changed<O::Answer>, Fault> {
        let digest = operation.digest();
        let found = self.find(digest, operation.resource()).await?;
        let Decision { answer, write } = operation.decide(&found, now);
        let Some(write) = write else { return Ok(Changed { answer, has_written: false, is_free: false }) };
        let (expires_at, is_held) = (write.row.expires_at, write.row.deadline.is_some_and(|end| end > now));
        self.write(digest, namespace, write.row).await?;
        if let (State::Completed { .. }, Some(order)) = (&write.record.state, write.record.order) {
            self.raise(order, expires_at, now).await?;
        }
        Ok(Changed { answer, has_written: true, is_free: !is_held })
    }

    pub(super) async fn find(
        &mut self,
        digest: KeyDigest,
        resource: Option<ResourceDigest>,
    ) -> Result<Found, Fault> {
        find(&mut *self.connection, self.statements, self.deadline, digest, resource).await
    }

    async fn write(&mut self, digest: KeyDigest, namespace: &Namespace, row: Row) -> Result<(), Fault> {
        let statement = sqlx::query(self.statements.write())
            .bind(row.fence)
            .bind(row.deadline)
            .bind(row.retention)
            .bind(row.expires_at)
            .bind(row.completed_at)
            .bind(row.attempts)
            .bind(row.state)
            .bind(digest.as_bytes().to_vec())
            .bind(namespace.as_str())
            .bind(row.owner)
            .bind(row.fingerprint)
            .bind(row.resource)
            .bind(row.version)
            .bind(row.parts)
            .bind(row.outcome);
        before(self.deadline, statement.execute(&mut *self.connection)).await?;
        Ok(())
    }

    /// Raises a mark; never lowers it. It is kept as long as any completion that raised or confirmed it.
    async fn raise(&mut self, order: ScopedOrder, expires_at: i64, now: i64) -> Result<(), Fault> {
        let statement = sqlx::query(self.statements.raise())
            .bind(expires_at)
            .bind(order.resource.as_bytes().to_vec())
            .bind(version_column(order.version))
            .bind(now);
        before(self.deadline, statement.execute(&mut *self.connection)).await?;
        Ok(())
    }

    pub(super) async fn forget(&mut self, digest: KeyDigest) -> Result<(), Fault> {
        let statement = sqlx::query(self.statements.forget()).bind(digest.as_bytes().to_vec());
        before(self.deadline, statement.execute(&mut *self.connection)).await?;
        Ok(())
    }

    /// Deletes at most `max` rows that expired before `now`. Returns how many.
    pub(super) async fn purge(&mut self, now: i64, max: u32) -> Result<u64, Fault> {
        let mut deleted = 0;
        for statement in self.statements.purges() {
            let left = i64::try_from(u64::from(max).saturating_sub(deleted)).unwrap_or(0);
            let statement = sqlx::query(statement).bind(now).bind(left);
            deleted += before(self.deadline, statement.execute(&mut *self.connection)).await?.rows_affected();
        }
        Ok(deleted)
    }
}

/// Reads a record and a mark, of one state of the database.
pub(super) async fn find(
    connection: &mut SqliteConnection,
    statements: &Statements,
    deadline: Instant,
    digest: KeyDigest,
    resource: Option<ResourceDigest>,
) -> Result<Found, Fault> {
    let statement = sqlx::query(statements.find())
        .bind(digest.as_bytes().to_vec())
        .bind(resource.map(|resource| resource.as_bytes().to_vec()));
    Found::read(&before(deadline, statement.fetch_one(connection)).await?)
}
