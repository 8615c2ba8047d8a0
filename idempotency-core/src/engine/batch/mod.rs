//! Batches: one request with several deliveries, each with a key of its own.
//!
//! A batch never waits while it holds grants. It claims every key once, in the order of the keys' digests,
//! runs the granted items and ends each of them. Only then does it wait for keys that others hold, so two
//! batches never wait for each other.

mod begin;
mod context;
mod finish;
mod many;
mod renewal;
mod run;

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{Either, select};

use super::ending::Ending;
use super::{Event, Execution, Idempotency};
use crate::ScopedKey;

pub use context::{BatchContext, BatchItem};
pub use finish::{BatchResult, ItemResult};
pub use run::RanBatch;

/// The guard of a batch: it holds the granted executions.
///
/// If [anything is new](Self::has_new_items), call the handler once, under
/// [`renew_while`](Self::renew_while). Then call [`complete`](Self::complete) or [`fail`](Self::fail).
#[derive(Debug)]
#[must_use = "dropping a batch leaves its keys in flight until their leases run out; complete or fail it"]
pub struct Batch {
    engine: Idempotency,
    arrived: Duration,
    /// The items to execute.
    granted: Vec<Granted>,
    /// The other items and their results.
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
    /// The context for the handler.
    #[must_use]
    pub fn context(&self) -> &BatchContext {
        &self.context
    }

    /// Whether the handler has anything to do.
    #[must_use]
    pub fn has_new_items(&self) -> bool {
        !self.context.new_items().is_empty()
    }

    /// Whether claims protect this run. False only if the policy says to proceed during an outage.
    #[must_use]
    pub fn is_protected(&self) -> bool {
        self.is_protected
    }

    /// Runs the work while renewing all leases every third of their duration, in the same task.
    ///
    /// If the work panics, every execution [fails](Execution::fail) and the panic is resumed.
    ///
    /// # Cancel safety
    /// If the future is dropped, the work is dropped and the executions are still held.
    pub async fn renew_while<F: Future>(&mut self, work: F) -> F::Output {
        self.has_started = true;
        let result = {
            let work = pin!(AssertUnwindSafe(work).catch_unwind());
            // Polls the renewal first: busy work could use up the budget that tokio gives a task in one poll.
            match select(pin!(self.renew_until_lost()), work).await {
                Either::Left(((), work)) => work.await,
                Either::Right((result, _)) => result,
            }
        };
        match result {
            Ok(output) => output,
            Err(panic) => {
                self.observe(Event::Panicked);
                self.fail_all().await;
                resume_unwind(panic)
            }
        }
    }

    /// Sets how every execution ends if the batch is dropped from now on.
    pub(super) fn set_endings(&mut self, ending: impl Fn(&Execution) -> Ending) {
        for granted in &mut self.granted {
            let ending = ending(&granted.execution);
            granted.execution.set_ending(ending);
        }
    }

    /// Observes an event for every new item.
    pub(super) fn observe(&self, event: Event<'_>) {
        for granted in &self.granted {
            granted.execution.observe(event);
        }
    }
}

impl Drop for Batch {
    /// Neither blocks nor panics.
    ///
    /// An execution that never started is released in the background and does not count as an attempt. One
    /// that started ends like any dropped execution.
    fn drop(&mut self) {
        if !self.has_started {
            for granted in self.granted.drain(..) {
                self.engine.spawn_tracked(granted.execution.release_unstarted());
            }
        }
    }
}
