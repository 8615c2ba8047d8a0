//! The side connections: what a durable write has to itself.
//!
//! `WAIT` counts the writes of its own connection and blocks it, so it must run where the write ran, and never on the
//! shared connection. A connection is lent to one operation at a time, on the runtime that it lives on; there are at most
//! [`ROOM`] lent and [`ROOM`] idle.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::runtime::{Handle, Id};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::link::Dial;

/// The most side connections to one server. As many durable writes are under way at once.
const ROOM: usize = 32;

/// Connections that nobody uses just now, and room for more.
pub(super) struct Side {
    idle: Mutex<Vec<(Id, MultiplexedConnection)>>,
    room: Arc<Semaphore>,
}

/// A connection of one operation's own. Dropping it closes the connection.
pub(super) struct Lent {
    pub(super) commands: MultiplexedConnection,
    runtime: Id,
    room: OwnedSemaphorePermit,
}

impl Default for Side {
    fn default() -> Self {
        Self { idle: Mutex::default(), room: Arc::new(Semaphore::new(ROOM)) }
    }
}

impl Side {
    /// Lends a connection, once there is room for it, if that is soon enough.
    pub(super) async fn lend(&self, dial: &dyn Dial, patience: Duration) -> RedisResult<Lent> {
        let room = tokio::time::timeout(patience, Arc::clone(&self.room).acquire_owned())
            .await
            .map_err(|_| std::io::Error::from(std::io::ErrorKind::TimedOut))?
            .expect("the semaphore is never closed");
        let runtime = Handle::current().id();
        let idle = {
            let mut idle = self.idle();
            let last = idle.iter().rposition(|(home, _)| *home == runtime);
            last.map(|at| idle.swap_remove(at).1)
        };
        let commands = match idle {
            Some(commands) => commands,
            None => dial.dial().await?,
        };
        Ok(Lent { commands, runtime, room })
    }

    /// Takes a connection back that is in step.
    pub(super) fn take_back(&self, lent: Lent) {
        let mut idle = self.idle();
        if idle.len() >= ROOM {
            idle.remove(0);
        }
        idle.push((lent.runtime, lent.commands));
        drop(idle);
        drop(lent.room);
    }

    /// Closes what is idle: the server has gone bad, or is not the master any more.
    pub(super) fn give_up(&self) {
        self.idle().clear();
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<(Id, MultiplexedConnection)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
