//! The link to one server: a shared connection per runtime, made on first use and dropped when it becomes unusable.
//!
//! Users get the connection from [`Link::connection`], and report the result of each operation with [`Link::report`].

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::{RedisError, RedisResult};

use super::super::durable::confirmer::Confirmer;
use super::super::durable::unconfirmed_log::UnconfirmedLog;
use super::commands::Commands;
use super::dial::Dial;
use super::fault::ConnectionState;
use super::runtimes::PerRuntime;

/// How many timeouts in a row make a connection unusable. A connection whose packets are dropped gives no other sign.
const MAX_TIMEOUTS: u32 = 3;

/// A handle on the shared connection. Clones share it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) commands: Commands,
    timeouts: Arc<AtomicU32>,
    cell: Weak<Cell>,
}

type Attempt = Shared<BoxFuture<'static, RedisResult<Connection>>>;

/// The shared connection of one runtime.
type Cell = Mutex<Option<State>>;

enum State {
    Dialling(Attempt),
    Up(Connection),
}

/// The shared connections to one server, one per runtime. Never sends a command twice.
///
/// If there are several runtimes, as in actix-web with one per worker, a blocked worker must not keep the others from
/// the store.
pub(crate) struct Link {
    pub(crate) dial: Arc<dyn Dial>,
    cells: PerRuntime<Cell>,
    /// Wait for the confirmations of durable writes, on separate connections.
    pub(crate) confirmers: PerRuntime<Confirmer>,
    pub(crate) unconfirmed_log: UnconfirmedLog,
}

impl Link {
    pub(crate) fn new(dial: Arc<dyn Dial>) -> Self {
        Self {
            dial,
            cells: PerRuntime::default(),
            confirmers: PerRuntime::default(),
            unconfirmed_log: UnconfirmedLog::default(),
        }
    }

    /// The shared connection of this runtime. Concurrent callers share one attempt to connect, and its failure.
    pub(crate) async fn connection(&self) -> Result<Connection, RedisError> {
        let cell = self.cells.current();
        let attempt = {
            let mut state = lock(&cell);
            match &*state {
                Some(State::Up(connection)) => return Ok(connection.clone()),
                Some(State::Dialling(attempt)) => attempt.clone(),
                None => {
                    let attempt = attempt(Arc::clone(&self.dial), Arc::downgrade(&cell));
                    *state = Some(State::Dialling(attempt.clone()));
                    attempt
                }
            }
        };
        let result = attempt.clone().await;
        let mut state = lock(&cell);
        if matches!(&*state, Some(State::Dialling(current)) if current.ptr_eq(&attempt)) {
            *state = result.as_ref().ok().cloned().map(State::Up);
        }
        drop(state);
        result
    }

    /// Reports the state of a connection after an operation. Returns whether the link has dropped the connection.
    pub(crate) fn report(&self, connection: &Connection, state_after: ConnectionState) -> bool {
        let timeouts = &connection.timeouts;
        let is_unusable = match state_after {
            ConnectionState::Alive => {
                if timeouts.load(Ordering::Relaxed) > 0 {
                    timeouts.store(0, Ordering::Relaxed);
                }
                false
            }
            ConnectionState::TimedOut => timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_TIMEOUTS,
            ConnectionState::Unusable => true,
        };
        if !is_unusable {
            return false;
        }
        self.confirmers.for_each(Confirmer::close_idle);
        let cell = connection.cell.upgrade();
        if let Some(mut state) = cell.as_deref().map(lock)
            && matches!(&*state, Some(State::Up(current)) if Arc::ptr_eq(&current.timeouts, timeouts))
        {
            tracing::debug!(state = ?state_after, "dropped the connection to Redis");
            *state = None;
        }
        true
    }
}

fn lock(cell: &Cell) -> MutexGuard<'_, Option<State>> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Connects in a separate task, so that the attempt finishes even if all callers are dropped.
fn attempt(dial: Arc<dyn Dial>, cell: Weak<Cell>) -> Attempt {
    let task = tokio::spawn(async move {
        let commands = Commands::new(dial.dial().await?);
        Ok(Connection { commands, timeouts: Arc::default(), cell })
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
