//! The lease as this process sees it: how long it is sure to hold, and whether it is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_listener::Event;

use super::Runtime;
use crate::clock::ClockReading;

/// A lease's state, written by the renewal and read by the handler's context.
#[derive(Debug)]
pub(super) struct LeaseState {
    lost: AtomicBool,
    /// Whether the store has said that another claim holds the lease.
    taken_over: AtomicBool,
    /// How long the lease is sure to hold, from when it was requested.
    guaranteed: Duration,
    /// When the lease was last requested, in microseconds: on the monotonic and on the wall clock.
    sent: [AtomicU64; 2],
    changed: Event,
}

impl LeaseState {
    /// A lease that was requested at `sent` and is sure to hold for `guaranteed` from then on.
    pub(super) fn held_from(sent: ClockReading, guaranteed: Duration) -> Self {
        let sent = [sent.monotonic, sent.unix].map(|time| AtomicU64::new(micros(time)));
        let (lost, taken_over) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { lost, taken_over, guaranteed, sent, changed: Event::new() }
    }

    /// Prolongs the lease after a renewal that was requested at `sent`.
    pub(super) fn prolong(&self, sent: ClockReading) {
        self.sent[0].store(micros(sent.monotonic), Ordering::SeqCst);
        self.sent[1].store(micros(sent.unix), Ordering::SeqCst);
    }

    /// Marks the lease as lost for good. Returns whether it was not lost before.
    pub(super) fn mark_lost(&self) -> bool {
        let is_new = !self.lost.swap(true, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
        is_new
    }

    /// Marks the lease as held by another claim, as the store says. Returns whether it was not lost before.
    pub(super) fn mark_taken_over(&self) -> bool {
        self.taken_over.store(true, Ordering::SeqCst);
        self.mark_lost()
    }

    /// Whether the store has said that another claim holds the lease.
    pub(super) fn is_taken_over(&self) -> bool {
        self.taken_over.load(Ordering::SeqCst)
    }

    /// The local end of the lease on the monotonic clock.
    ///
    /// Renewal uses this clock, so that no jump of the wall clock stops it.
    pub(super) fn end(&self) -> Duration {
        self.sent().monotonic.saturating_add(self.guaranteed)
    }

    /// Whether another owner may hold the lease, by either clock.
    pub(super) fn is_lost(&self, runtime: &dyn Runtime) -> bool {
        self.lost.load(Ordering::SeqCst) || self.sent().elapsed(ClockReading::of(runtime)) >= self.guaranteed
    }

    /// Waits for [`mark_lost`](Self::mark_lost).
    pub(super) async fn lost(&self) {
        loop {
            let listener = self.changed.listen();
            if self.lost.load(Ordering::SeqCst) {
                return;
            }
            listener.await;
        }
    }

    fn sent(&self) -> ClockReading {
        let [monotonic, unix] =
            [0, 1].map(|clock| Duration::from_micros(self.sent[clock].load(Ordering::SeqCst)));
        ClockReading { monotonic, unix }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
