//! Renewal: keeps a lease while its handler runs.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};

use super::budget::answered;
use super::lease_state::LeaseState;
use super::{Event, Execution};
use crate::Hold;
use crate::clock::ClockReading;

/// The pause between repetitions of a renewal.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

impl Execution {
    /// Renews the lease until a recorder with a limit is set, and then waits until that limit is over.
    ///
    /// The limit is over at the lease's local end at the latest, because the lease is no longer renewed.
    pub(super) async fn renew_until_limit(&self) {
        let limit = match select(self.context.recorder_limit(), pin!(self.renew_until_lost())).await {
            Either::Left((limit, _)) => limit,
            Either::Right(((), limit)) => limit.await,
        };
        let end = self.context.lease_state().map_or(limit, |state| limit.min(state.end()));
        let runtime = self.engine.runtime();
        runtime.sleep(end.saturating_sub(runtime.now())).await;
    }

    /// Renews the lease every third of its duration. Returns when the store says that the lease is lost.
    ///
    /// Renewal continues after the lease's local end: if the store was unreachable and no claim took over,
    /// none should take over while the handler runs.
    pub(super) async fn renew_until_lost(&self) {
        let mut hold = None;
        while self.context.lease_state().is_some() && hold != Some(Hold::Lost) {
            self.engine.runtime().sleep(self.engine.policy().lease() / 3).await;
            hold = self.renew().await;
        }
    }

    /// Renews once, and repeats until the store answers or the lease's local end.
    ///
    /// If the store has not answered by then, this marks the lease as lost for good.
    pub(super) async fn renew(&self) -> Option<Hold> {
        let state = self.context.lease_state()?;
        let hold = self.renew_once(state).await;
        let is_newly_lost = match hold {
            Some(Hold::Held) => false,
            Some(Hold::Lost) => state.mark_taken_over(),
            None => state.mark_lost(),
        };
        if is_newly_lost {
            self.observe(Event::LeaseLost);
        }
        hold
    }

    /// Renews once, and repeats until the store answers or the lease's local end.
    ///
    /// Returns `None` if it did not answer.
    ///
    /// The store is asked at least once, even when late: a process that was paused may still hold its lease.
    async fn renew_once(&self, state: &LeaseState) -> Option<Hold> {
        let runtime = self.engine.runtime();
        let policy = self.engine.policy();
        loop {
            let sent = ClockReading::of(runtime);
            let limit = match state.end().saturating_sub(runtime.now()) {
                Duration::ZERO => policy.store_timeout(),
                left => policy.store_timeout().min(left),
            };
            let renewal = self.engine.store().renew(self.lease(), policy.lease());
            let error = match answered(runtime, limit, renewal).await {
                Ok(Hold::Held) => {
                    state.prolong(sent);
                    return Some(Hold::Held);
                }
                Ok(Hold::Lost) => return Some(Hold::Lost),
                Err(error) => error,
            };
            self.observe(Event::RenewalFailed(&error));
            let left = state.end().saturating_sub(runtime.now());
            if left.is_zero() {
                return None;
            }
            runtime.sleep(RETRY_PAUSE.min(left)).await;
        }
    }
}
