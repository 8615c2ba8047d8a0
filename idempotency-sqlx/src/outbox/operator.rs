//! The outbox of a store: its relays, and what operators see and do.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use idempotency_core::StoreError;

use super::relay::{BoxError, Relay};
use super::{Message, Messages};

/// The outbox of a store, with the messages of the store's namespace. Cheap to clone.
///
/// ```no_run
/// # #[cfg(feature = "postgres")]
/// # async fn serve(store: idempotency_sqlx::PostgresStore) -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use idempotency_sqlx::outbox::Message;
///
/// let relay = store.outbox().relay(|message: Message| async move {
///     match message.topic() {
///         "mail" => send_mail(message.key(), message.payload()).await,
///         topic => Err(format!("there is no topic {topic}")),
///     }
/// });
/// let relaying = relay.start();
/// // serve
/// relaying.stop(Duration::from_secs(30)).await;
/// # Ok(()) }
/// # async fn send_mail(_: &str, _: &[u8]) -> Result<(), String> { Ok(()) }
/// ```
#[derive(Clone)]
pub struct Outbox {
    messages: Arc<dyn Messages>,
}

impl Outbox {
    pub(crate) fn new(messages: Arc<dyn Messages>) -> Self {
        Self { messages }
    }

    /// Prepares a relay, which hands messages to this closure. [`Relay::start`] starts it.
    ///
    /// The closure should make the call that the message asks for, with [`Message::key`] as its idempotency key, and
    /// return `Ok` once the other system has accepted it. The message is then deleted. After an error or a panic, the
    /// message is handed over again after a pause.
    pub fn relay<H, F, E>(&self, handler: H) -> Relay
    where
        H: Fn(Message) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Relay::new(Arc::clone(&self.messages), handler)
    }

    /// Counts the messages. May be slow if there are many, but blocks no other operation.
    ///
    /// # Errors
    /// When the database does not answer, or refuses.
    ///
    /// # Cancel safety
    /// Safe to drop.
    pub async fn counts(&self) -> Result<OutboxCounts, StoreError> {
        self.messages.counts().await
    }

    /// Returns at most `max` dead messages whose id is greater than `after`, in the order of their ids. Start with 0, and
    /// continue with the last id of each page.
    ///
    /// # Errors
    /// When the database does not answer, or refuses.
    ///
    /// # Cancel safety
    /// Safe to drop.
    pub async fn dead(&self, after: i64, max: u32) -> Result<Vec<DeadMessage>, StoreError> {
        self.messages.dead(after, max).await
    }

    /// Makes a dead message due again at once, with as many attempts as a new one. Its key stays the same.
    ///
    /// Returns `false` if there is no dead message with this id.
    ///
    /// # Errors
    /// When the database does not answer, or refuses.
    ///
    /// # Cancel safety
    /// Safe to drop: the message is dead or waits. Call it again to be sure.
    pub async fn retry_dead(&self, id: i64) -> Result<bool, StoreError> {
        self.messages.retry_dead(id).await
    }

    /// Deletes a dead message without handing it over. The next message of its ordering key is then handed over.
    ///
    /// Returns `false` if there is no dead message with this id.
    ///
    /// # Errors
    /// When the database does not answer, or refuses.
    ///
    /// # Cancel safety
    /// Safe to drop: the message is dead or deleted. Call it again to be sure.
    pub async fn drop_dead(&self, id: i64) -> Result<bool, StoreError> {
        self.messages.drop_dead(id).await
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}

/// The number of messages in an outbox.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct OutboxCounts {
    /// Messages that wait for a relay, for the end of a pause after a failure, or for an earlier message.
    pub waiting: u64,
    /// Messages that a relay holds under a lease.
    pub in_flight: u64,
    /// Dead messages, which wait for an operator.
    pub dead: u64,
    /// Waiting messages behind a dead one with the same ordering key.
    pub blocked: u64,
    /// The age of the oldest message that is not dead. Alert on it: it grows if no relay runs.
    pub oldest: Option<Duration>,
}

/// A message whose attempts have all failed. It stays until an operator retries or drops it.
#[derive(Clone, Debug)]
pub struct DeadMessage {
    pub(crate) message: Message,
    pub(crate) last_error: String,
    pub(crate) dead_for: Duration,
}

impl DeadMessage {
    /// The message. Its attempt is the last one, and its age is as of now.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// Why the last attempt failed: the first 500 characters of the closure's error with its causes.
    #[must_use]
    pub fn last_error(&self) -> &str {
        &self.last_error
    }

    /// How long it has been dead, by the database's clock.
    #[must_use]
    pub fn dead_for(&self) -> Duration {
        self.dead_for
    }
}
