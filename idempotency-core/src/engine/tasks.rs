//! Tasks: work that runs to its end even if its caller goes away, and that a shutdown waits for.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_channel::oneshot;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::Idempotency;
use super::tracker::Tracked;

impl Idempotency {
    /// Runs `work` to its end in a tracked task, or in place if the policy attaches it to its caller.
    ///
    /// Returns `None` if the runtime dropped the task, as it does on shutdown.
    ///
    /// # Cancel safety
    /// See [`Policy::attachment`](crate::Policy::attachment).
    pub async fn shield<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        if self.policy().attachment().is_detached() { self.detach(work).await } else { Some(work.await) }
    }

    /// Runs `work` in a task of its own. A panic in it resumes in the caller.
    async fn detach<F>(&self, work: F) -> Option<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (send, receive) = oneshot::channel();
        // The handler's log lines belong to the request's span, even in a task of its own.
        let work = work.in_current_span();
        self.spawn_tracked(async move {
            // Sending fails if the caller is gone, which is what detaching allows for.
            drop(send.send(AssertUnwindSafe(work).catch_unwind().await));
        });
        match receive.await {
            Ok(Ok(output)) => Some(output),
            Ok(Err(panic)) => resume_unwind(panic),
            Err(oneshot::Canceled) => None,
        }
    }

    /// Counts work that an adapter spawns itself as under way, until the guard is dropped.
    #[must_use = "the work is counted until the guard is dropped"]
    pub fn track(&self) -> Tracked {
        self.tracker().track()
    }

    /// Runs the rest of some work to its end in a tracked task, when its caller has gone.
    ///
    /// An adapter that polls an execution in its request's own task calls this when that request is dropped. It
    /// saves a task for each request whose caller stays.
    pub fn finish(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.spawn_tracked(work);
    }

    pub(super) fn spawn_tracked(&self, task: impl Future<Output = ()> + Send + 'static) {
        let tracked = self.tracker().track();
        self.runtime().spawn(Box::pin(async move {
            task.await;
            drop(tracked);
        }));
    }
}
