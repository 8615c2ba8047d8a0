//! The link to one server: a shared connection per runtime, made when it is first needed and given up when it has gone
//! bad.
//!
//! Everything above asks [`Link::connection`] and says with [`Link::report`] how it went. How a connection is made is
//! behind [`Dial`]: at a fixed address, or wherever the sentinels say that the master is.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{MultiplexedConnection, PubSub};
use redis::{RedisError, RedisResult};

use super::confirmer::Confirmer;
use super::fault::Verdict;
use super::runtimes::PerRuntime;
use super::shortfalls::Shortfalls;

/// How many operations in a row may go unanswered before the connection is taken for dead. A connection whose packets
/// vanish reports nothing else.
const SILENCES: u32 = 3;

/// Makes connections to the current master.
#[async_trait]
pub(super) trait Dial: fmt::Debug + Send + Sync {
    /// What to call the server.
    fn address(&self) -> String;

    /// A connection for commands.
    async fn dial(&self) -> RedisResult<MultiplexedConnection>;
}

/// Makes connections for subscriptions to a server that publishes what the master does.
#[async_trait]
pub(super) trait DialPubSub: Send + Sync {
    /// A connection for subscriptions.
    async fn dial_pubsub(&self) -> RedisResult<PubSub>;
}

/// A handle on the shared connection. Clones share it.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) commands: MultiplexedConnection,
    silences: Arc<AtomicU32>,
    slot: Weak<Slot>,
}

type Attempt = Shared<BoxFuture<'static, RedisResult<Connection>>>;

/// What one runtime has of the shared connection.
type Slot = Mutex<Option<State>>;

enum State {
    Dialling(Attempt),
    Up(Connection),
}

/// Hands out the shared connection of the caller's runtime. Nothing is sent twice by it.
///
/// A connection lives on one runtime: where there are several, as in actix-web with one per worker, a worker whose thread
/// is blocked must not keep the others from the store.
pub(super) struct Link {
    pub(super) dial: Arc<dyn Dial>,
    slots: PerRuntime<Slot>,
    /// Whom durable writes ask to wait for replicas, on connections apart.
    pub(super) confirmers: PerRuntime<Confirmer>,
    pub(super) shortfalls: Shortfalls,
}

impl Link {
    pub(super) fn new(dial: Arc<dyn Dial>) -> Self {
        Self {
            dial,
            slots: PerRuntime::default(),
            confirmers: PerRuntime::default(),
            shortfalls: Shortfalls::default(),
        }
    }

    /// The shared connection of this runtime. Any number of callers wait for one attempt to make it, and share its failure.
    pub(super) async fn connection(&self) -> Result<Connection, RedisError> {
        let slot = self.slots.own();
        let attempt = {
            let mut state = lock(&slot);
            match &*state {
                Some(State::Up(connection)) => return Ok(connection.clone()),
                Some(State::Dialling(attempt)) => attempt.clone(),
                None => {
                    let attempt = attempt(Arc::clone(&self.dial), Arc::downgrade(&slot));
                    *state = Some(State::Dialling(attempt.clone()));
                    attempt
                }
            }
        };
        let result = attempt.clone().await;
        let mut state = lock(&slot);
        if matches!(&*state, Some(State::Dialling(current)) if current.ptr_eq(&attempt)) {
            *state = result.as_ref().ok().cloned().map(State::Up);
        }
        drop(state);
        result
    }

    /// Learns from the end of an operation on `connection` whether to keep it, and answers whether it is given up.
    pub(super) fn report(&self, connection: &Connection, verdict: Verdict) -> bool {
        let silences = &connection.silences;
        let lost = match verdict {
            Verdict::Alive => {
                if silences.load(Ordering::Relaxed) > 0 {
                    silences.store(0, Ordering::Relaxed);
                }
                false
            }
            Verdict::Silent => silences.fetch_add(1, Ordering::Relaxed) + 1 >= SILENCES,
            Verdict::Lost => true,
        };
        if !lost {
            return false;
        }
        self.confirmers.each(Confirmer::give_up);
        let slot = connection.slot.upgrade();
        if let Some(mut state) = slot.as_deref().map(lock)
            && matches!(&*state, Some(State::Up(current)) if Arc::ptr_eq(&current.silences, silences))
        {
            tracing::debug!(?verdict, "the connection to Redis is given up");
            *state = None;
        }
        true
    }
}

fn lock(slot: &Slot) -> MutexGuard<'_, Option<State>> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An attempt in a task of its own: it comes to its end when all who waited for it have gone away.
fn attempt(dial: Arc<dyn Dial>, slot: Weak<Slot>) -> Attempt {
    let task = tokio::spawn(async move {
        let commands = dial.dial().await?;
        Ok(Connection { commands, silences: Arc::default(), slot })
    });
    task.map(|end| end.unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::NotConnected).into())))
        .boxed()
        .shared()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dial.fmt(f)
    }
}
