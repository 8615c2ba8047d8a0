//! Timers in simulated time.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::World;
use crate::history::Micros;

/// All timers, by the instant at which they fire.
#[derive(Default)]
pub(super) struct Timers {
    timers: BTreeMap<(Micros, u64), Waker>,
    added: u64,
}

impl Timers {
    pub(super) fn add(&mut self, at: Micros, waker: Waker) -> (Micros, u64) {
        self.added += 1;
        self.timers.insert((at, self.added), waker);
        (at, self.added)
    }

    /// The timers that fire next.
    pub(super) fn pop(&mut self) -> Option<(Micros, Vec<Waker>)> {
        let ((at, _), waker) = self.timers.pop_first()?;
        let mut wakers = vec![waker];
        while let Some(timer) = self.timers.first_entry()
            && timer.key().0 == at
        {
            wakers.push(timer.remove());
        }
        Some((at, wakers))
    }
}

/// Ends after a duration. Dropping it earlier removes its timer.
pub(super) struct Sleep {
    world: World,
    /// The duration, which starts with the first poll.
    duration: Micros,
    until: Option<Micros>,
    timer: Option<(Micros, u64)>,
}

impl Sleep {
    pub(super) fn new(world: World, duration: Micros) -> Self {
        Self { world, duration, until: None, timer: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let sleep = &mut *self;
        let mut state = sleep.world.state();
        let until = *sleep.until.get_or_insert_with(|| state.now.saturating_add(sleep.duration));
        if let Some(timer) = sleep.timer.take() {
            state.timers.timers.remove(&timer);
        }
        if until <= state.now {
            return Poll::Ready(());
        }
        sleep.timer = Some(state.timers.add(until, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer.take() {
            let waker = self.world.state().timers.timers.remove(&timer);
            drop(waker);
        }
    }
}
