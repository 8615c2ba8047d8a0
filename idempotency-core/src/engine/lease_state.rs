//! What this process knows of its lease: until when it surely holds, and whether it is lost.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use event_listener::Event;

use super::Runtime;

/// A moment on both clocks of a runtime.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    now: Duration,
    unix_time: Duration,
}

impl Moment {
    pub(super) fn of(runtime: &dyn Runtime) -> Self {
        Self { now: runtime.now(), unix_time: runtime.unix_time() }
    }

    /// How long ago it was, by the clock that has gone further: the monotonic one may stand still while the machine is
    /// suspended, and the wall clock may be set back.
    pub(super) fn elapsed(self, runtime: &dyn Runtime) -> Duration {
        let by_wall_clock = runtime.unix_time().saturating_sub(self.unix_time);
        runtime.now().saturating_sub(self.now).max(by_wall_clock)
    }
}

/// Shared by the renewal, which writes it, and the handler's context, which reads it.
#[derive(Debug)]
pub(super) struct LeaseState {
    lost: AtomicBool,
    /// Whether the store has said that it is another's.
    taken_over: AtomicBool,
    /// How long the lease surely holds from when it was asked for.
    lasts: Duration,
    /// When it was asked for last, in microseconds of the runtime's monotonic and of its wall clock.
    sent: [AtomicU64; 2],
    changed: Event,
}

impl LeaseState {
    /// A lease that was requested at `sent` and surely lasts for `lasts` from then on.
    pub(super) fn held_from(sent: Moment, lasts: Duration) -> Self {
        let sent = [sent.now, sent.unix_time].map(|time| AtomicU64::new(micros(time)));
        let (lost, taken_over) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { lost, taken_over, lasts, sent, changed: Event::new() }
    }

    /// The lease was renewed, as was asked for at `sent`.
    pub(super) fn prolong(&self, sent: Moment) {
        self.sent[0].store(micros(sent.now), Ordering::SeqCst);
        self.sent[1].store(micros(sent.unix_time), Ordering::SeqCst);
    }

    /// Loses the lease for good. Answers whether it was not lost before.
    pub(super) fn lose(&self) -> bool {
        let is_new = !self.lost.swap(true, Ordering::SeqCst);
        self.changed.notify(usize::MAX);
        is_new
    }

    /// The store says that the lease is another's. Answers whether it was not lost before.
    pub(super) fn take_over(&self) -> bool {
        self.taken_over.store(true, Ordering::SeqCst);
        self.lose()
    }

    /// Whether the store has said that the lease is another's.
    pub(super) fn is_taken_over(&self) -> bool {
        self.taken_over.load(Ordering::SeqCst)
    }

    /// The local end of the lease on the monotonic clock: renewing goes by this one, and no jump of the wall clock stops
    /// it.
    pub(super) fn end(&self) -> Duration {
        self.sent().now.saturating_add(self.lasts)
    }

    /// Whether another owner may hold it, by either clock.
    pub(super) fn is_lost(&self, runtime: &dyn Runtime) -> bool {
        self.lost.load(Ordering::SeqCst) || self.sent().elapsed(runtime) >= self.lasts
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

    fn sent(&self) -> Moment {
        let [now, unix_time] =
            [0, 1].map(|clock| Duration::from_micros(self.sent[clock].load(Ordering::SeqCst)));
        Moment { now, unix_time }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
