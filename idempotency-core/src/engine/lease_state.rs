//! What this process knows of its lease: until when it surely holds, and whether it is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_listener::Event;

/// Shared by the renewal, which writes it, and the handler's context, which reads it.
#[derive(Debug)]
pub(super) struct LeaseState {
    lost: AtomicBool,
    /// The local end of the lease, in microseconds of the runtime's monotonic clock.
    held_until: AtomicU64,
    changed: Event,
}

impl LeaseState {
    /// A lease that surely holds until `until` on the runtime's clock.
    pub(super) fn held_until(until: Duration) -> Self {
        Self {
            lost: AtomicBool::new(false),
            held_until: AtomicU64::new(micros(until)),
            changed: Event::new(),
        }
    }

    pub(super) fn prolong(&self, until: Duration) {
        self.held_until.fetch_max(micros(until), Ordering::SeqCst);
    }

    /// Loses the lease for good. Answers whether it was not lost before.
    pub(super) fn lose(&self) -> bool {
        let is_new = !self.lost.swap(true, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
        is_new
    }

    /// The local end of the lease.
    pub(super) fn end(&self) -> Duration {
        Duration::from_micros(self.held_until.load(Ordering::SeqCst))
    }

    pub(super) fn is_lost(&self, now: Duration) -> bool {
        self.lost.load(Ordering::SeqCst) || now >= self.end()
    }

    /// Waits for [`lose`](Self::lose).
    pub(super) async fn lost(&self) {
        loop {
            let listener = self.changed.listen();
            if self.lost.load(Ordering::SeqCst) {
                return;
            }
            listener.await;
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
