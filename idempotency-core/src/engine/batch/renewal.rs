//! Renewal: keeping the leases of a batch while its handler runs.

use std::pin::pin;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _, select_biased};

use super::super::budget::each_answered;
use super::super::lease_state::{LeaseState, Moment};
use super::super::{Event, Execution};
use super::Batch;
use crate::{Hold, Lease, StoreError};

/// The pause before an item whose renewal failed is renewed by itself.
const PAUSE: Duration = Duration::from_millis(250);

impl Batch {
    /// Renews all leases in one call, every third of the lease. Ends when the store says that each of them is lost.
    ///
    /// A renewal that fails goes on by itself, beside the others: no item waits for the answer to another one.
    pub(super) async fn renew_until_lost(&self) {
        let (runtime, third) = (self.engine.runtime(), self.engine.policy().lease() / 3);
        let executions = self.granted.iter().map(|granted| &granted.execution);
        let mut together: Vec<&Execution> =
            executions.filter(|execution| !execution.is_taken_over()).collect();
        let mut apart = FuturesUnordered::new();
        let mut due = runtime.now().saturating_add(third);
        while !(together.is_empty() && apart.is_empty()) {
            let mut back = Vec::new();
            let failed = {
                let round = async {
                    runtime.sleep(due.saturating_sub(runtime.now())).await;
                    due = runtime.now().saturating_add(third);
                    self.renew_together(&together).await
                };
                let mut round = pin!(round.fuse());
                loop {
                    select_biased! {
                        failed = round => break failed,
                        execution = apart.select_next_some() => back.push(execution),
                    }
                }
            };
            let mut has_failed = failed.iter().map(Option::is_some);
            together.retain(|_| !has_failed.next().unwrap_or(false));
            together.extend(back);
            together.retain(|execution| !execution.is_taken_over());
            apart
                .extend(failed.into_iter().flatten().map(|(execution, pause)| renew_apart(execution, pause)));
        }
    }

    /// Renews each once. Gives, for each, itself if its renewal failed, and how long to pause before the next try.
    async fn renew_together<'a>(
        &self,
        executions: &[&'a Execution],
    ) -> Vec<Option<(&'a Execution, Duration)>> {
        if executions.is_empty() {
            return Vec::new();
        }
        let (runtime, policy) = (self.engine.runtime(), self.engine.policy());
        let leases: Vec<Lease> = executions.iter().map(|execution| execution.lease().clone()).collect();
        let sent = Moment::of(runtime);
        let ends =
            executions.iter().filter_map(|execution| execution.context().lease_state()).map(LeaseState::end);
        let shortest = ends.map(|end| end.saturating_sub(runtime.now())).filter(|left| !left.is_zero()).min();
        // One item may hold up the answer for all: the other half is left to ask for each by itself.
        let limit = policy.store_timeout().min(shortest.map_or(Duration::MAX, |left| left / 2));
        let renewals = self.engine.store().renew_many(&leases, policy.lease());
        let began = runtime.now();
        let answers = each_answered(runtime, limit, leases.len(), renewals).await;
        let is_answered = runtime.now().saturating_sub(began) < limit;
        let pause = if is_answered { PAUSE.min(policy.lease() / 3) } else { Duration::ZERO };
        let note = |(execution, answer): (&&'a Execution, &Result<Hold, StoreError>)| {
            let is_answered = note_renewal(execution, sent, answer.as_ref());
            (!is_answered).then_some((*execution, pause))
        };
        executions.iter().zip(&answers).map(note).collect()
    }
}

/// Renews one by itself until the store answers or its lease's local end, and gives it back.
async fn renew_apart(execution: &Execution, pause: Duration) -> &Execution {
    execution.engine.runtime().sleep(pause).await;
    execution.renew().await;
    execution
}

/// Learns how a renewal went that was asked for at `sent`; answers whether the store has answered it.
fn note_renewal(execution: &Execution, sent: Moment, answer: Result<&Hold, &StoreError>) -> bool {
    let Some(state) = execution.context().lease_state() else { return true };
    match answer {
        Ok(Hold::Held) => state.prolong(sent),
        Ok(Hold::Lost) => {
            if state.take_over() {
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
