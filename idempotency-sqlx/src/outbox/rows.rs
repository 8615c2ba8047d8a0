//! The outbox of a database: what the writer, the relay and the operator need of it.

use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::StoreError;
use idempotency_core::store::Hold;
use sqlx::Database;
use tokio::sync::watch;

use super::{DeadMessage, Message, OutboxCounts};

/// A message that a handler pushes.
pub(crate) struct NewMessage<'a> {
    pub(crate) topic: &'a str,
    pub(crate) ordering_key: Option<&'a str>,
    pub(crate) derived_key: &'a str,
    pub(crate) payload: &'a [u8],
}

/// Adds messages in the transaction of a handler.
#[async_trait]
pub(crate) trait Insert<DB: Database>: Send + Sync {
    /// Adds a message. Among the messages of an ordering key, the ids must grow in the order of the commits.
    async fn insert(
        &self,
        connection: &mut DB::Connection,
        message: NewMessage<'_>,
    ) -> Result<(), sqlx::Error>;
}

/// The lease of a relay on a message. The fence grows with every lease, so a late relay changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Held {
    pub(crate) id: i64,
    pub(crate) fence: i64,
}

/// How an attempt failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Failure {
    pub(crate) error: String,
    /// The time to the next attempt. `None` if there is none: the message is dead.
    pub(crate) pause: Option<Duration>,
}

/// The messages of one namespace, after the commit. Each method is one atomic step.
#[async_trait]
pub(crate) trait Messages: Send + Sync {
    /// Returns a receiver that sees a change whenever a transaction of this process has committed messages.
    fn pushes(&self) -> watch::Receiver<()>;

    /// Takes at most `max` messages that are due, in the order of their insertion, and counts an attempt of each. Never
    /// takes a message while an earlier one with the same ordering key exists, in whatever state.
    async fn lease(&self, max: u32, lease: Duration) -> Result<Vec<Message>, StoreError>;

    /// Prolongs a lease, even late, if no relay has taken over.
    async fn renew(&self, held: Held, lease: Duration) -> Result<Hold, StoreError>;

    /// Deletes a message that was handed over.
    async fn delete(&self, held: Held) -> Result<Hold, StoreError>;

    /// Ends a lease after a failure.
    async fn fail(&self, held: Held, failure: &Failure) -> Result<Hold, StoreError>;

    /// Counts the messages by state.
    async fn counts(&self) -> Result<OutboxCounts, StoreError>;

    /// Returns the dead messages with a greater id, in the order of their ids.
    async fn dead(&self, after: i64, max: u32) -> Result<Vec<DeadMessage>, StoreError>;

    /// Makes a dead message wait again, with no attempts counted. Returns whether there was one.
    async fn retry_dead(&self, id: i64) -> Result<bool, StoreError>;

    /// Deletes a dead message. Returns whether there was one.
    async fn drop_dead(&self, id: i64) -> Result<bool, StoreError>;
}
