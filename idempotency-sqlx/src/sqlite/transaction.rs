//! The store's own transaction, which has the write lock. Dropping it undoes it.

use sqlx::sqlite::SqliteConnection;
use tokio::time::{Instant, timeout_at};

use super::connections::{Connections, Lent, before, pause_if_busy};
use super::fault::Fault;
use super::locked::Locked;
use super::statements::Statements;

pub(super) struct Transaction<'a> {
    lent: Lent<'a>,
    statements: &'a Statements,
    deadline: Instant,
}

impl<'a> Transaction<'a> {
    /// Waits for the write lock until the deadline. Until the transaction ends, no other one changes anything.
    pub(super) async fn begin(
        writer: &'a Connections,
        statements: &'a Statements,
        deadline: Instant,
    ) -> Result<Self, Fault> {
        let mut lent = writer.lend(deadline).await?;
        loop {
            let begin = sqlx::query("BEGIN IMMEDIATE").execute(&mut lent.connection);
            match before(deadline, begin).await {
                Ok(_) => return Ok(Self { lent, statements, deadline }),
                Err(fault) => {
                    if let Err(fault) = pause_if_busy(deadline, fault).await {
                        // Nothing began, so the connection is as before.
                        lent.give_back_if_busy(&fault);
                        return Err(fault);
                    }
                }
            }
        }
    }

    pub(super) fn locked(&mut self) -> Locked<'_> {
        Locked::new(&mut self.lent.connection, self.statements, self.deadline)
    }

    pub(super) fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.lent.connection
    }

    /// Makes the changes durable, and visible to others.
    pub(super) async fn commit(mut self) -> Result<(), Fault> {
        let commit = sqlx::query("COMMIT").execute(&mut self.lent.connection);
        let committed = timeout_at(self.deadline, commit).await.map_err(|_| Fault::commit_timeout())?;
        committed.map_err(Fault::of_commit)?;
        self.lent.give_back();
        Ok(())
    }
}
