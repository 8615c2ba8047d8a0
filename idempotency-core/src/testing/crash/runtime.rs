//! Time and tasks of the processes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::process::{Part, Process};
use crate::clock::Clock;
use crate::engine::Runtime;
use crate::store::Owner;

/// The clock of a schedule, for its store. A clone shows the same time.
///
/// It starts in 2026, follows tokio's time, which the kit pauses, and jumps when the kit lets a lease run out.
#[derive(Clone, Debug)]
pub struct CrashClock(Arc<Mutex<Reading>>);

#[derive(Debug)]
struct Reading {
    base: Duration,
    /// When tokio's time began to count, if a runtime runs.
    since: Option<Instant>,
}

impl CrashClock {
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Reading { base: Duration::from_secs(1_767_225_600), since: None })))
    }

    /// Moves the clock forward.
    pub(super) fn advance(&self, by: Duration) {
        self.reading().base += by;
    }

    /// Follows the time of the current runtime until [`stop`](Self::stop).
    pub(super) fn start(&self) {
        self.reading().since = Some(Instant::now());
    }

    pub(super) fn stop(&self) {
        let now = self.now();
        let mut reading = self.reading();
        (reading.base, reading.since) = (now, None);
    }

    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for CrashClock {
    fn now(&self) -> Duration {
        let reading = self.reading();
        reading.base + reading.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn unix_time(&self) -> Duration {
        self.now()
    }
}

/// The runtime of a process's engine.
#[derive(Debug)]
pub(super) struct ProcessRuntime {
    process: Process,
    clock: CrashClock,
    owners: AtomicU64,
}

impl ProcessRuntime {
    pub(super) fn new(process: Process, clock: CrashClock) -> Self {
        Self { process, clock, owners: AtomicU64::new(0) }
    }
}

impl Clock for ProcessRuntime {
    fn now(&self) -> Duration {
        self.clock.now()
    }

    fn unix_time(&self) -> Duration {
        self.clock.unix_time()
    }
}

impl Runtime for ProcessRuntime {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }

    /// Drops the task of a dead process, which is how a guard's release is lost.
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let process = self.process.clone();
        if !process.is_dead()
            && let Ok(handle) = tokio::runtime::Handle::try_current()
        {
            drop(handle.spawn(async move { process.run(Part::Engine, task).await }));
        }
    }

    /// Counts, so that equal schedules are equal runs.
    fn new_owner(&self) -> Owner {
        let number = self.owners.fetch_add(1, Ordering::SeqCst);
        let process = u64::try_from(self.process.number()).unwrap_or(u64::MAX);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&process.to_be_bytes());
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        Owner::from_bytes(bytes)
    }
}
