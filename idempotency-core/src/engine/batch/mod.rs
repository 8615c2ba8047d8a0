//! Batches: one request with several deliveries, each with a key of its own.
//!
//! A batch never waits while it holds grants: it claims every key once, in the order of the keys' digests, runs what it was
//! granted, ends each item, and only then waits for what others hold. So two batches never wait for each other.

mod begin;
mod context;
mod finish;
mod many;
mod run;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::{Event, Execution, Idempotency};
use crate::{Hold, Lease, ScopedKey, StoreError};

pub use context::{BatchContext, BatchItem};
pub use finish::{BatchResult, ItemResult};
pub use run::RanBatch;

use super::budget::each_answered;
use super::lease_state::Moment;

/// The pause between repetitions of a renewal.
const PAUSE: Duration = Duration::from_millis(250);

/// The guard of a batch: it holds what was granted of it.
///
/// Call the handler once, under [`drive`](Self::drive), if [anything is new](Self::has_new_items); then
/// [`complete`](Self::complete) or [`fail`](Self::fail).
#[derive(Debug)]
#[must_use = "dropping a batch leaves its keys in flight until their leases run out; complete or fail it"]
pub struct Batch {
    engine: Idempotency,
    arrived: Duration,
    /// What is to be executed.
    granted: Vec<Granted>,
    /// What is not, and why.
    others: Vec<Other>,
    context: BatchContext,
    has_started: bool,
    is_protected: bool,
}

#[derive(Debug)]
struct Granted {
    index: usize,
    execution: Execution,
}

#[derive(Debug)]
struct Other {
    index: usize,
    key: ScopedKey,
    result: ItemResult,
}

impl Batch {
    /// What the handler is to be told.
    #[must_use]
    pub fn context(&self) -> &BatchContext {
        &self.context
    }

    /// Whether there is anything for the handler to do.
    #[must_use]
    pub fn has_new_items(&self) -> bool {
        !self.context.new_items().is_empty()
    }

    /// Whether claims protect this run. None does only where the policy says to proceed during an outage.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// Runs the work while renewing all leases every third of them, in the same task. If the work panics, every execution
    /// [fails](Execution::fail) and the panic goes on.
    ///
    /// # Cancel safety
    /// Dropping it drops the work; the executions are still held.
    pub async fn drive<F: Future>(&mut self, work: F) -> F::Output {
        self.has_started = true;
        let result = {
            let work = pin!(AssertUnwindSafe(work).catch_unwind());
            // The renewal first: work that never rests uses up all that tokio lets a task do in one turn.
            match select(pin!(self.renew_until_lost()), work).await {
                Either::Left(((), work)) => work.await,
                Either::Right((result, _)) => result,
            }
        };
        match result {
            Ok(output) => output,
            Err(panic) => {
                for granted in &self.granted {
                    granted.execution.observe(Event::Panicked);
                }
                self.fail_all().await;
                resume_unwind(panic)
            }
        }
    }

    /// Renews every third of the lease. Ends when no lease is left to renew.
    async fn renew_until_lost(&self) {
        loop {
            if self.held().next().is_none() {
                return;
            }
            self.engine.runtime().sleep(self.engine.policy().lease() / 3).await;
            self.renew().await;
        }
    }

    /// The executions whose lease the store has not given to another.
    fn held(&self) -> impl Iterator<Item = &Execution> {
        self.granted.iter().map(|granted| &granted.execution).filter(|execution| !execution.is_taken_over())
    }

    /// One renewal of each, repeated until the store answers or the lease's local end.
    async fn renew(&self) {
        let (runtime, policy) = (self.engine.runtime(), self.engine.policy());
        let mut pending: Vec<&Execution> = self.held().collect();
        loop {
            let leases: Vec<Lease> = pending.iter().map(|execution| execution.lease().clone()).collect();
            let sent = Moment::of(runtime);
            let renewals = self.engine.store().renew_many(&leases, policy.lease());
            let answers = each_answered(runtime, policy.store_timeout(), leases.len(), renewals).await;
            pending = pending
                .into_iter()
                .zip(&answers)
                .filter(|(execution, answer)| !note_renewal(execution, sent, answer.as_ref()))
                .map(|(execution, _)| execution)
                .collect();
            let ends = pending.iter().filter_map(|execution| execution.context().lease_state());
            let left = ends.map(|state| state.end().saturating_sub(runtime.now())).max().unwrap_or_default();
            if left.is_zero() {
                break;
            }
            runtime.sleep(PAUSE.min(left)).await;
        }
        for execution in pending {
            if execution.context().lease_state().is_some_and(|state| state.lose()) {
                execution.observe(Event::LeaseLost);
            }
        }
    }
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

impl Drop for Batch {
    /// Neither blocks nor panics. What never started is released in the background, and does not count; what started ends as
    /// each execution does that is dropped.
    fn drop(&mut self) {
        if !self.has_started {
            for granted in self.granted.drain(..) {
                self.engine.spawn_tracked(granted.execution.release_unstarted());
            }
        }
    }
}
