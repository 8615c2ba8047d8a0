//! The outbox in a handler's hands.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use idempotency_core::IdempotencyContext;
use serde::Serialize;
use sqlx::Database;

use super::{Insert, NewMessage};

/// The longest ordering key, in bytes. PostgreSQL refuses an entry of an index over about 2,700 bytes.
const ORDERING_KEY_BYTES: usize = 2000;

/// What a handler's transaction must know in order to push messages.
pub(crate) struct Pushing<DB: Database> {
    context: IdempotencyContext,
    rows: Arc<dyn Insert<DB>>,
    /// The number of messages so far, by topic.
    pushed: BTreeMap<String, u32>,
}

impl<DB: Database> Pushing<DB> {
    pub(crate) fn new(context: IdempotencyContext, rows: Arc<dyn Insert<DB>>) -> Self {
        Self { context, rows, pushed: BTreeMap::new() }
    }

    /// Whether the handler has pushed messages.
    pub(crate) fn has_pushed(&self) -> bool {
        !self.pushed.is_empty()
    }

    /// The key of the next message of this topic. It depends on the execution's key, the topic, and the number of earlier
    /// messages of that topic, which are the same in every attempt.
    fn next_key(&mut self, topic: &str) -> String {
        let number = self.pushed.entry(topic.to_owned()).or_default();
        *number += 1;
        self.context.derive_key(&format!("outbox/{number}/{topic}"))
    }
}

/// Pushes messages in the transaction of a handler. [`IdempotentTransaction::outbox`](crate::IdempotentTransaction::outbox)
/// returns it.
///
/// ```
/// use idempotency_sqlx::IdempotentTransaction;
/// # #[cfg(feature = "postgres")]
/// async fn refund(mut transaction: IdempotentTransaction<sqlx::Postgres>, order: &str) -> Result<(), sqlx::Error> {
///     transaction.outbox().push("mail", "your refund is on its way").await?;
///     // One order's messages are handed over one after the other.
///     transaction.outbox().ordered_by(order).push("refund", order).await?;
///     Ok(())
/// }
/// ```
#[must_use = "it pushes nothing until `push` is called"]
pub struct OutboxWriter<'a, DB: Database> {
    connection: &'a mut DB::Connection,
    pushing: &'a mut Pushing<DB>,
    ordering_key: Option<String>,
}

impl<'a, DB: Database> OutboxWriter<'a, DB> {
    pub(crate) fn new(connection: &'a mut DB::Connection, pushing: &'a mut Pushing<DB>) -> Self {
        Self { connection, pushing, ordering_key: None }
    }

    /// Names the ordering key of the message. The messages of one ordering key are handed over one after the other, in the
    /// order of their insertion. Default: none, so the message waits for no other.
    ///
    /// In PostgreSQL, transactions that push with the same ordering key wait for each other, from the push to the
    /// commit. So push last. A handler that uses several ordering keys should push in their sorted order. Otherwise two
    /// handlers may wait for each other until PostgreSQL fails one of them.
    ///
    /// An ordering key has up to 2,000 bytes. With a longer one, `push` fails.
    #[must_use = "it pushes nothing until `push` is called"]
    pub fn ordered_by(mut self, key: impl Into<String>) -> Self {
        self.ordering_key = Some(key.into());
        self
    }

    /// Adds a message to the outbox. A relay hands it over after the transaction has committed. If the transaction is
    /// rolled back, the message is gone.
    ///
    /// Returns the idempotency [key](super::Message::key) for the message's call. It is derived from the execution's key,
    /// the topic, and the number of messages that the execution has already pushed with this topic. So push the messages
    /// of a topic in the same order in every attempt.
    ///
    /// # Errors
    /// When the statement fails. In PostgreSQL, the transaction then refuses every other statement.
    /// [`sqlx::Error::Encode`] when the ordering key is too long. Nothing is sent then.
    ///
    /// # Cancel safety
    /// The message may or may not be added, so the handler should fail.
    pub async fn push(self, topic: &str, payload: impl AsRef<[u8]>) -> Result<String, sqlx::Error> {
        if self.ordering_key.as_ref().is_some_and(|key| key.len() > ORDERING_KEY_BYTES) {
            let error = format!("the ordering key has more than {ORDERING_KEY_BYTES} bytes");
            return Err(sqlx::Error::Encode(error.into()));
        }
        let derived_key = self.pushing.next_key(topic);
        let message = NewMessage {
            topic,
            ordering_key: self.ordering_key.as_deref(),
            derived_key: &derived_key,
            payload: payload.as_ref(),
        };
        self.pushing.rows.insert(self.connection, message).await?;
        Ok(derived_key)
    }

    /// Adds a message whose payload is this value as JSON. [`Message::json`](super::Message::json) reads it.
    ///
    /// # Errors
    /// As [`push`](Self::push), and [`sqlx::Error::Encode`] when the value cannot be written as JSON.
    ///
    /// # Cancel safety
    /// As [`push`](Self::push).
    pub async fn push_json<T: Serialize + ?Sized>(
        self,
        topic: &str,
        payload: &T,
    ) -> Result<String, sqlx::Error> {
        let payload = serde_json::to_vec(payload).map_err(|cause| sqlx::Error::Encode(cause.into()))?;
        self.push(topic, payload).await
    }
}

impl<DB: Database> fmt::Debug for OutboxWriter<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboxWriter").finish_non_exhaustive()
    }
}
