//! A message, as a relay hands it over.

use std::fmt;
use std::time::Duration;

use serde::de::DeserializeOwned;
use sqlx::{ColumnIndex, Decode, Type};

use super::{DeadMessage, Held, OutboxCounts};
use crate::row::duration;

/// A message that a handler has pushed.
#[derive(Clone)]
pub struct Message {
    id: i64,
    fence: i64,
    attempt: u32,
    age: Duration,
    topic: String,
    ordering_key: Option<String>,
    derived_key: String,
    payload: Vec<u8>,
}

impl Message {
    /// The number of the message in its table. Logs and operators name it by this number.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.id
    }

    /// The topic that the handler named.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// The ordering key, if the handler named one.
    #[must_use]
    pub fn ordering_key(&self) -> Option<&str> {
        self.ordering_key.as_deref()
    }

    /// The idempotency key for this message's call. Send it as `Idempotency-Key`.
    ///
    /// It is derived from the key of the execution that pushed the message. So it is the same each time the message is
    /// handed over, and stays the same if the execution runs again. It is 43 characters of base64url.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.derived_key
    }

    /// The payload.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Reads a payload that was pushed as JSON.
    ///
    /// # Errors
    /// When the payload is not JSON of this type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.payload)
    }

    /// The number of this attempt, counted from 1. From 2 on, an earlier attempt failed or its relay ended, and the call
    /// may already have had its effect. After [`retry_dead`](super::Outbox::retry_dead), the count starts again at 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The time from the push to this attempt, by the database's clock.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.age
    }

    /// The lease of this attempt.
    pub(crate) fn held(&self) -> Held {
        Held { id: self.id, fence: self.fence }
    }
}

#[cfg(test)]
impl Message {
    /// The first attempt of a message with this number.
    pub(super) fn example(id: i64) -> Self {
        Self {
            id,
            fence: 1,
            attempt: 1,
            age: Duration::ZERO,
            topic: "mail".to_owned(),
            ordering_key: None,
            derived_key: "key".to_owned(),
            payload: Vec::new(),
        }
    }
}

/// Prints neither the payload nor the keys.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// The columns that [`read_message`] and [`read_dead`] need, besides the time as `now`.
pub(crate) const COLUMNS: &str =
    "message.id, message.fence, message.attempts, message.created_at, message.due_at, message.topic,
     message.ordering_key, message.derived_key, message.payload, message.last_error";

pub(crate) fn read_message<'r, R: sqlx::Row>(row: &'r R) -> Result<Message, sqlx::Error>
where
    &'static str: ColumnIndex<R>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let attempts: i32 = row.try_get("attempts")?;
    let (now, created_at): (i64, i64) = (row.try_get("now")?, row.try_get("created_at")?);
    Ok(Message {
        id: row.try_get("id")?,
        fence: row.try_get("fence")?,
        attempt: u32::try_from(attempts).unwrap_or(0),
        age: duration(now.saturating_sub(created_at)),
        topic: row.try_get("topic")?,
        ordering_key: row.try_get("ordering_key")?,
        derived_key: row.try_get("derived_key")?,
        payload: row.try_get("payload")?,
    })
}

pub(crate) fn read_dead<'r, R: sqlx::Row>(row: &'r R) -> Result<DeadMessage, sqlx::Error>
where
    &'static str: ColumnIndex<R>,
    i32: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
{
    let (now, died_at): (i64, i64) = (row.try_get("now")?, row.try_get("due_at")?);
    let last_error: Option<String> = row.try_get("last_error")?;
    Ok(DeadMessage {
        message: read_message(row)?,
        last_error: last_error.unwrap_or_default(),
        dead_for: duration(now.saturating_sub(died_at)),
    })
}

/// Reads the columns `waiting`, `in_flight`, `dead`, `blocked` and `oldest`.
pub(crate) fn read_counts<'r, R: sqlx::Row>(row: &'r R) -> Result<OutboxCounts, sqlx::Error>
where
    &'static str: ColumnIndex<R>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    let count = |column: &'static str| row.try_get::<i64, _>(column).map(i64::unsigned_abs);
    Ok(OutboxCounts {
        waiting: count("waiting")?,
        in_flight: count("in_flight")?,
        dead: count("dead")?,
        blocked: count("blocked")?,
        oldest: row.try_get::<Option<i64>, _>("oldest")?.map(duration),
    })
}
