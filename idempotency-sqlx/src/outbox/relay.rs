//! The relay: a task that takes messages under a lease and hands them to a closure.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::Backoff;
use super::hand_over::HandOver;
use super::{Message, Messages};

/// The longest lease and poll interval. Both are added to the present.
const LONGEST: Duration = Duration::from_secs(365 * 86_400);
/// The longest pause after a look that failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

pub(super) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(super) type Handler = dyn Fn(Message) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync;

/// The settings of a relay. [`Outbox::relay`](super::Outbox::relay) returns it, and [`start`](Self::start) starts it.
///
/// Relays may run side by side, in one process or in several: each message is taken by one of them at a time.
#[must_use = "it hands nothing over until it is started"]
pub struct Relay {
    messages: Arc<dyn Messages>,
    handler: Arc<Handler>,
    concurrency: u32,
    lease: Duration,
    backoff: Backoff,
    poll_interval: Duration,
}

impl Relay {
    pub(super) fn new<H, F, E>(messages: Arc<dyn Messages>, handler: H) -> Self
    where
        H: Fn(Message) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<BoxError>,
    {
        Self {
            messages,
            handler: Arc::new(move |message| handler(message).map(|ended| ended.map_err(Into::into)).boxed()),
            concurrency: 16,
            lease: Duration::from_secs(30),
            backoff: Backoff {
                attempts: 20,
                first: Duration::from_secs(1),
                longest: Duration::from_secs(3600),
            },
            poll_interval: Duration::from_secs(1),
        }
    }

    /// Sets the maximum number of messages that this relay hands over at a time. It takes as many at once as it has room
    /// for. At least one. Default: 16, which keeps a slow API busy but does not overload it.
    pub fn with_concurrency(mut self, concurrency: u32) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Sets the lease under which the relay takes a message. It is renewed every third of this time while the closure
    /// runs. If the process dies, another relay takes the message once the lease has run out. If the lease cannot be
    /// renewed in time, the closure's future is dropped. At least 1 ms, at most a year. Default: 30 s, as for an
    /// execution: long enough to outlast a pause of the process or the database, and short enough to wait for after a
    /// crash.
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.clamp(Duration::from_millis(1), LONGEST);
        self
    }

    /// Sets the number of attempts after which a message is dead. At least one. Default: 20, which takes about 8 hours
    /// with the default backoff. This is longer than most outages, and a dead message is still seen the next day.
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.backoff.attempts = attempts.max(1);
        self
    }

    /// Sets the pause after the first failure, which doubles with each further one, up to the longest pause. The pauses
    /// have no jitter, because the concurrency already limits how many calls run at a time. Default: 1 s, up to 1 h.
    pub fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { first, longest, ..self.backoff };
        self
    }

    /// Sets how often the relay looks for messages. It also looks at once when a transaction in this process has committed
    /// some. So this interval delays only messages from other processes, and those whose pause or lease has ended. A
    /// look that fails is repeated after a second at most. At least 1 ms, at most a year. Default: 1 s, which costs the
    /// database next to nothing.
    pub fn with_poll_interval(mut self, interval: Duration) -> Self {
        self.poll_interval = interval.clamp(Duration::from_millis(1), LONGEST);
        self
    }

    /// Starts the relay.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(self) -> RelayTask {
        let (stop, stopped) = oneshot::channel();
        RelayTask { stop: Some(stop), task: tokio::spawn(self.run(stopped)) }
    }

    /// Hands messages over until it is stopped and has none in hand.
    async fn run(self, mut stopped: oneshot::Receiver<()>) {
        let hand_over = Arc::new(HandOver {
            messages: Arc::clone(&self.messages),
            handler: Arc::clone(&self.handler),
            lease: self.lease,
            backoff: self.backoff,
        });
        let mut pushes = self.messages.pushes();
        let mut in_hand = JoinSet::new();
        let (mut next_look, mut may_be_more) = (Instant::now(), false);
        // The most that one look takes. Fewer after a failure, since large payloads may not arrive in time together.
        let mut most = self.concurrency;
        loop {
            let room = self.concurrency.saturating_sub(u32::try_from(in_hand.len()).unwrap_or(u32::MAX));
            let has_room = room > 0;
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                Some(ended) = in_hand.join_next() => {
                    // The next message of its ordering key may be due.
                    if may_be_more || ended.is_ok_and(|is_ordered| is_ordered) {
                        next_look = Instant::now();
                    }
                }
                Ok(()) = pushes.changed(), if has_room => next_look = Instant::now(),
                () = sleep_until(next_look), if has_room => {
                    let max = room.min(most);
                    let taken = self.look(max, &hand_over, &mut in_hand).await;
                    may_be_more = taken.is_some_and(|taken| taken >= max as usize);
                    let pause = match taken {
                        Some(_) if may_be_more && max < room => Duration::ZERO,
                        Some(_) => self.poll_interval,
                        None => self.poll_interval.min(RETRY_PAUSE),
                    };
                    most = match taken {
                        Some(_) => most.saturating_mul(2).min(self.concurrency),
                        None => (max / 2).max(1),
                    };
                    next_look = Instant::now() + pause;
                }
            }
        }
        while in_hand.join_next().await.is_some() {}
    }

    /// Takes at most `max` messages. Returns how many, or `None` after a failure. Each task returns whether its message has
    /// an ordering key.
    async fn look(&self, max: u32, hand_over: &Arc<HandOver>, in_hand: &mut JoinSet<bool>) -> Option<usize> {
        let looked_at = Instant::now();
        match self.messages.lease(max, self.lease).await {
            Ok(messages) => {
                let taken = messages.len();
                for message in messages {
                    let (hand_over, is_ordered) = (Arc::clone(hand_over), message.ordering_key().is_some());
                    in_hand.spawn(async move {
                        hand_over.run(message, looked_at).await;
                        is_ordered
                    });
                }
                Some(taken)
            }
            // If the statement took messages all the same, they are due again when their leases run out.
            Err(error) => {
                tracing::warn!(target: "idempotency", ?error, "the relay cannot look for messages");
                None
            }
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay")
            .field("concurrency", &self.concurrency)
            .field("lease", &self.lease)
            .field("backoff", &self.backoff)
            .field("poll_interval", &self.poll_interval)
            .finish_non_exhaustive()
    }
}

/// A running relay. Dropping it ends the relay at once: the messages in hand are cut off, and handed over again when their
/// leases have run out.
#[derive(Debug)]
#[must_use = "dropping it ends the relay"]
pub struct RelayTask {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl RelayTask {
    /// Takes no more messages, and waits at most this long for those in hand. Returns whether all of them have ended. The
    /// others are cut off, and handed over again when their leases have run out.
    ///
    /// # Cancel safety
    /// Dropping the future ends the relay at once.
    pub async fn stop(mut self, limit: Duration) -> bool {
        // The task listens until it ends.
        let _ = self.stop.take().map(|stop| stop.send(()));
        timeout(limit, &mut self.task).await.is_ok()
    }
}

impl Drop for RelayTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests;
