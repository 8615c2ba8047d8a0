//! The runtime: the clock, timers, tasks and randomness that the engine uses.

use std::time::Duration;

use futures_util::future::BoxFuture;

#[cfg(feature = "tokio")]
use super::owner_pool;
use crate::Owner;
use crate::clock::Clock;

/// The services that the engine needs from its environment. It can run on one thread, and in simulated time.
pub trait Runtime: Clock {
    /// Returns a future that completes after `duration` on this runtime's clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Runs a task to its end, even if its caller goes away.
    ///
    /// If that is impossible, as after shutdown, drops the task.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Returns 128 random bits that name a new attempt.
    fn new_owner(&self) -> Owner;
}

/// Runs the engine on tokio, with the operating system's randomness.
#[cfg(feature = "tokio")]
#[derive(Debug, Default)]
pub struct TokioRuntime {
    clock: crate::clock::TokioClock,
}

#[cfg(feature = "tokio")]
impl TokioRuntime {
    /// Creates a runtime that spawns tasks on the caller's tokio runtime.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

#[cfg(feature = "tokio")]
impl Clock for TokioRuntime {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn unix_time(&self) -> Duration {
        self.clock.unix_time()
    }
}

#[cfg(feature = "tokio")]
impl Runtime for TokioRuntime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        match tokio::runtime::Handle::try_current() {
            Ok(handle) => drop(handle.spawn(task)),
            Err(_) => tracing::warn!("background work is dropped because no tokio runtime is running"),
        }
    }

    fn new_owner(&self) -> Owner {
        owner_pool::next(self.unix_time())
    }
}
