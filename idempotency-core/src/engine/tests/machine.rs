//! A machine that can be suspended in paused time: its wall clock continues while tokio's time stands still.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock::Clock;
use crate::engine::{Runtime, TokioRuntime};
use crate::*;

#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    tokio: Arc<TokioRuntime>,
    suspended: Arc<Mutex<Duration>>,
    readings: Arc<AtomicUsize>,
}

impl Machine {
    /// Suspends the machine for this time.
    pub(super) fn suspend(&self, time: Duration) {
        *self.suspended.lock().unwrap() += time;
    }

    /// How often its clocks were read.
    pub(super) fn readings(&self) -> usize {
        self.readings.load(Ordering::Relaxed)
    }
}

impl Clock for Machine {
    fn now(&self) -> Duration {
        self.readings.fetch_add(1, Ordering::Relaxed);
        self.tokio.now()
    }

    fn unix_time(&self) -> Duration {
        self.now() + *self.suspended.lock().unwrap()
    }
}

impl Runtime for Machine {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.tokio.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.tokio.spawn(task);
    }

    fn new_owner(&self) -> Owner {
        self.tokio.new_owner()
    }
}
