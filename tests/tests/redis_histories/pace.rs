//! The pace: a test limits how far workers go, so that the result does not depend on the speed of the machine.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use idempotency_core::clock::Clock;
use idempotency_core::engine::{Runtime, TokioRuntime};
use idempotency_core::store::Owner;
use tokio::sync::watch;

/// The runtime of one worker, whose pauses last until it may continue.
#[derive(Debug)]
pub(crate) struct Paced {
    runtime: TokioRuntime,
    steps: u64,
    sleeps: AtomicU64,
    quarters: watch::Receiver<u64>,
}

impl Paced {
    /// For a worker with this many steps, of which it may take the current number of quarters.
    pub(crate) fn new(steps: u64, quarters: watch::Receiver<u64>) -> Self {
        Self { runtime: TokioRuntime::new(), steps, sleeps: AtomicU64::new(0), quarters }
    }
}

impl Clock for Paced {
    fn now(&self) -> Duration {
        self.runtime.now()
    }

    fn unix_time(&self) -> Duration {
        self.runtime.unix_time()
    }
}

impl Runtime for Paced {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        // Each step sleeps twice: before its request, and for its patience.
        let quarter = 4 * (self.sleeps.fetch_add(1, Ordering::Relaxed) / 2) / self.steps;
        let (sleep, mut quarters) = (self.runtime.sleep(duration), self.quarters.clone());
        Box::pin(async move {
            sleep.await;
            let _ = quarters.wait_for(|allowed| quarter < *allowed).await;
        })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.runtime.spawn(task);
    }

    fn new_owner(&self) -> Owner {
        self.runtime.new_owner()
    }
}
