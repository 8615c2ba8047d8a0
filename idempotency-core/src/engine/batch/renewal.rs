//! Renewal: keeps the leases of a batch while its handler runs.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _, select_biased};

use super::super::budget::each_answered;
use super::super::lease_state::LeaseState;
use super::super::{Event, Execution};
use super::Batch;
use crate::clock::ClockReading;
use crate::{Hold, Lease, StoreError};

/// The pause before a failed renewal is repeated for its item alone.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

impl Batch {
    /// Renews all leases in one call, every third of the lease.
    ///
    /// Returns when the store says that all are lost.
    ///
    /// A failed renewal is repeated for its item alone, concurrently with the others, so that no item waits
    /// for another.
    pub(super) async fn renew_until_lost(&self) {
        let (runtime, third) = (self.engine.runtime(), self.engine.policy().lease() / 3);
        let executions = self.granted.iter().map(|granted| &granted.execution);
        let mut renewed_together: Vec<&Execution> =
            executions.filter(|execution| !execution.is_taken_over()).collect();
        let mut renewed_alone = FuturesUnordered::new();
        let mut due = runtime.now().saturating_add(third);
        while !(renewed_together.is_empty() && renewed_alone.is_empty()) {
            let mut recovered = Vec::new();
            let failed = {
                let round = async {
                    runtime.sleep(due.saturating_sub(runtime.now())).await;
                    due = runtime.now().saturating_add(third);
                    self.renew_all_once(&renewed_together).await
                };
                let mut round = pin!(round.fuse());
                loop {
                    select_biased! {
                        failed = round => break failed,
                        execution = renewed_alone.select_next_some() => recovered.push(execution),
                    }
                }
            };
            let mut has_failed = failed.iter().map(Option::is_some);
            renewed_together.retain(|_| !has_failed.next().unwrap_or(false));
            renewed_together.extend(recovered);
            renewed_together.retain(|execution| !execution.is_taken_over());
            let failed = failed.into_iter().flatten();
            renewed_alone.extend(failed.map(|(execution, pause)| renew_alone(execution, pause)));
        }
    }

    /// Renews each execution once. Returns those that failed, with the pause before the next try.
    async fn renew_all_once<'a>(
        &self,
        executions: &[&'a Execution],
    ) -> Vec<Option<(&'a Execution, Duration)>> {
        if executions.is_empty() {
            return Vec::new();
        }
        let (runtime, policy) = (self.engine.runtime(), self.engine.policy());
        let leases: Vec<Lease> = executions.iter().map(|execution| execution.lease().clone()).collect();
        let sent = ClockReading::of(runtime);
        let ends =
            executions.iter().filter_map(|execution| execution.context().lease_state()).map(LeaseState::end);
        let shortest = ends.map(|end| end.saturating_sub(runtime.now())).filter(|left| !left.is_zero()).min();
        // One slow item can delay the answer for all, so the other half of the time is left to renew each
        // alone.
        let limit = policy.store_timeout().min(shortest.map_or(Duration::MAX, |left| left / 2));
        let renewals = self.engine.store().renew_many(&leases, policy.lease());
        let began = runtime.now();
        let answers = each_answered(runtime, limit, leases.len(), renewals).await;
        let is_answered = runtime.now().saturating_sub(began) < limit;
        let pause = if is_answered { RETRY_PAUSE.min(policy.lease() / 3) } else { Duration::ZERO };
        let failed = |(execution, answer): (&&'a Execution, &Result<Hold, StoreError>)| {
            let is_answered = apply_renewal(execution, sent, answer.as_ref());
            (!is_answered).then_some((*execution, pause))
        };
        executions.iter().zip(&answers).map(failed).collect()
    }
}

/// Renews one execution until the store answers or its lease's local end, and returns it.
async fn renew_alone(execution: &Execution, pause: Duration) -> &Execution {
    execution.engine.runtime().sleep(pause).await;
    execution.renew().await;
    execution
}

/// Applies the answer to a renewal that was sent at `sent`. Returns whether the store answered.
fn apply_renewal(execution: &Execution, sent: ClockReading, answer: Result<&Hold, &StoreError>) -> bool {
    let Some(state) = execution.context().lease_state() else { return true };
    match answer {
        Ok(Hold::Held) => state.prolong(sent),
        Ok(Hold::Lost) => {
            if state.mark_taken_over() {
                execution.observe(Event::LeaseLost);
            }
        }
        Err(error) => {
            execution.observe(Event::RenewalFailed(error));
            return false;
        }
    }
    true
}
