//! The tracker: counts the tasks under way, so that a shutdown can wait for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use event_listener::Event;
use futures_util::future::{Either, select};

use super::Runtime;

/// Counts the work under way in an engine and its clones.
#[derive(Clone, Debug, Default)]
pub(super) struct Tracker(Arc<Counter>);

#[derive(Debug, Default)]
struct Counter {
    active: AtomicUsize,
    idle: Event,
}

/// Counts one piece of work as under way until it is dropped.
#[derive(Debug)]
pub struct Tracked(Arc<Counter>);

impl Tracker {
    pub(super) fn track(&self) -> Tracked {
        self.0.active.fetch_add(1, Ordering::SeqCst);
        Tracked(self.0.clone())
    }

    pub(super) async fn idle_within(&self, runtime: &dyn Runtime, timeout: Duration) -> bool {
        let mut sleep = runtime.sleep(timeout);
        loop {
            // Listen before reading the count, so that no notification falls between the two.
            let listener = self.0.idle.listen();
            if self.0.active.load(Ordering::SeqCst) == 0 {
                return true;
            }
            match select(listener, sleep).await {
                Either::Left(((), unfinished)) => sleep = unfinished,
                Either::Right(_) => return self.0.active.load(Ordering::SeqCst) == 0,
            }
        }
    }
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.0.active.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify(usize::MAX);
        }
    }
}
