//! Renewal: keeping a lease while its handler runs.

use std::time::Duration;

use super::budget::answered;
use super::lease_state::{LeaseState, Moment};
use super::{Event, Execution};
use crate::Hold;

/// The pause between repetitions of a renewal.
const PAUSE: Duration = Duration::from_millis(250);

impl Execution {
    /// Renews every third of the lease. Ends when the store says that the lease is lost.
    ///
    /// Renewing goes on after the lease's local end: what was not taken over while the store was away is not to be taken
    /// while the handler runs.
    pub(super) async fn renew_until_lost(&self) {
        let mut hold = None;
        while self.context.lease_state().is_some() && hold != Some(Hold::Lost) {
            self.engine.runtime().sleep(self.engine.policy().lease() / 3).await;
            hold = self.renew().await;
        }
    }

    /// One renewal, repeated until the store answers or the lease's local end. Where the store has not answered by then, the
    /// handler is told once and for all that the lease is lost.
    pub(super) async fn renew(&self) -> Option<Hold> {
        let state = self.context.lease_state()?;
        let hold = self.renew_once(state).await;
        let is_news = match hold {
            Some(Hold::Held) => false,
            Some(Hold::Lost) => state.take_over(),
            None => state.lose(),
        };
        if is_news {
            self.observe(Event::LeaseLost);
        }
        hold
    }

    /// One renewal, repeated until the store answers or the lease's local end: `None` where it did not answer. It is
    /// tried at least once, also when late: a process that was paused may still hold what was not taken over.
    async fn renew_once(&self, state: &LeaseState) -> Option<Hold> {
        let runtime = self.engine.runtime();
        let policy = self.engine.policy();
        loop {
            let sent = Moment::of(runtime);
            let limit = match state.end().saturating_sub(runtime.now()) {
                Duration::ZERO => policy.store_timeout(),
                left => policy.store_timeout().min(left),
            };
            let renewal = self.engine.store().renew(&self.lease, policy.lease());
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
            runtime.sleep(PAUSE.min(left)).await;
        }
    }
}
