//! The execution: the guard of a granted claim.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, poll};

use super::budget::{answered, within};
use super::ending::Ending;
use super::lease_state::LeaseState;
use super::recorder::RecorderCell;
use super::{Event, Idempotency, IdempotencyContext, Observation, Writes};
use crate::{Attachment, Completion, Hold, Lease, OnExpired, Outcome, Release};

/// The pause between repetitions of an ending in the background.
const RETRY_PAUSE: Duration = Duration::from_millis(250);

/// The guard of a granted claim. Complete, release or suspend it.
///
/// Run the work under [`renew_while`](Self::renew_while), which renews the lease in the meantime. Then call
/// [`complete`](Self::complete) or [`release`](Self::release), or [`fail`](Self::fail) if the effect of the
/// work is unknown. To continue in another process, [`suspend`](Self::suspend).
#[derive(Debug)]
#[must_use = "a dropped execution has failed, or holds its key until the lease runs out; complete or release it"]
pub struct Execution {
    pub(super) engine: Idempotency,
    /// Has no outcome until the work is done.
    pub(super) completion: Completion,
    pub(super) context: IdempotencyContext,
    granted: Duration,
    pub(super) stage: Stage,
}

/// The work's output or panic. `None` if the work ran longer than its recorder's limit.
pub(super) type Worked<T> = Option<std::thread::Result<T>>;

/// The stage of an execution, which decides what to do if it is dropped.
pub(super) enum Stage {
    Running,
    /// The ending is being sent to the store. If dropped, repeat it.
    Ending(Ending),
    /// The handler's recorder is recording. If dropped, find out whether it has.
    Recording(RecorderCell),
    Ended,
}

/// The result of a completion.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an outcome that is not recorded answers no duplicate"]
#[expect(clippy::exhaustive_enums, reason = "an outcome is recorded, pending, refused or superseded")]
pub enum CompletionResult {
    /// The outcome is recorded.
    Recorded,
    /// The store did not answer. The recording is repeated in the background within the lease.
    Unrecorded,
    /// The handler's recorder did not record the outcome, or may not have. The attempt has failed.
    RecorderFailed,
    /// Another claim took over, so this outcome is not recorded.
    Lost,
}

impl Execution {
    /// The guard of a lease that was granted at `granted`, on the monotonic clock.
    pub(super) fn new(
        engine: Idempotency,
        lease: Lease,
        context: IdempotencyContext,
        granted: Duration,
    ) -> Self {
        let completion = Completion::new(lease, Outcome::default(), engine.policy().retention());
        Self { engine, completion, context, granted, stage: Stage::Running }
    }

    /// The context for the handler.
    #[must_use]
    pub fn context(&self) -> &IdempotencyContext {
        &self.context
    }

    /// The execution's identity.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.completion.lease
    }

    /// Runs the work while renewing the lease every third of its duration, in the same task.
    ///
    /// If the work panics, the execution [fails](Self::fail) and the panic is resumed. If the work runs longer
    /// than its recorder's [limit](super::Recorder::limit), it is dropped, the execution fails, and this
    /// returns `None`.
    ///
    /// # Cancel safety
    /// If the future is dropped, the work is dropped and the execution is still held.
    pub async fn renew_while<F: Future>(&mut self, work: F) -> Option<F::Output> {
        let result = {
            let work = pin!(work);
            self.renew_during(work).await
        };
        self.settle(result).await
    }

    /// Runs the work while renewing the lease. The caller drops the work before it calls [`settle`](Self::settle), because the work
    /// may still hold what the recorder rolls back.
    pub(super) async fn renew_during<F: Future>(&mut self, work: Pin<&mut F>) -> Worked<F::Output> {
        let mut work = AssertUnwindSafe(work).catch_unwind();
        match poll!(&mut work) {
            Poll::Ready(result) => Some(result),
            // Polls the renewal first: busy work could use up the budget that tokio gives a task in one poll. Boxed: a
            // handler that never waits needs no renewal, and every execution would otherwise reserve space for it.
            Poll::Pending => match select(Box::pin(self.renew_until_limit()), work).await {
                Either::Left(_) => None,
                Either::Right((result, _)) => Some(result),
            },
        }
    }

    /// Returns the output of the work, or fails the execution. Resumes the panic of work that panicked.
    pub(super) async fn settle<T>(&mut self, result: Worked<T>) -> Option<T> {
        match result {
            Some(Ok(output)) => Some(output),
            // Boxed: failures are rare, and every execution would otherwise reserve space for them.
            Some(Err(panic)) => {
                Box::pin(self.fail_because(Event::Panicked)).await;
                resume_unwind(panic)
            }
            None => {
                Box::pin(self.fail_because(Event::OverLimit)).await;
                None
            }
        }
    }

    /// Ends the execution in place after a failure that may have had an effect.
    async fn fail_because(&mut self, event: Event<'_>) {
        // The ending is decided before it is observed: an observer that panics must not keep the key.
        self.stage = Stage::Ending(self.failure());
        self.observe(event);
        self.roll_back().await;
        self.end().await;
    }

    /// Records the outcome of work that succeeded.
    ///
    /// If the store does not answer, the recording is repeated in the background, within the lease. If the
    /// handler has [set a recorder](IdempotencyContext::set_recorder), the recorder records the outcome and
    /// keeps the handler's writes.
    ///
    /// # Cancel safety
    /// If the future is dropped, even before it is first polled, the recording continues in the background.
    /// With a recorder, the engine finds out in the background whether it has recorded.
    pub fn complete(self, outcome: Outcome) -> impl Future<Output = CompletionResult> + Send {
        self.complete_with(outcome, Writes::Keep)
    }

    /// Records an outcome. `writes` says whether a recorder keeps the handler's writes.
    ///
    /// # Cancel safety
    /// Same as [`complete`](Self::complete).
    pub fn complete_with(
        mut self,
        outcome: Outcome,
        writes: Writes,
    ) -> impl Future<Output = CompletionResult> + Send {
        let recorder = self.context.close_recorder();
        let is_lost = self.is_taken_over();
        // If so, the work was over its limit and is dropped. The store may not know it yet.
        let has_failed = !matches!(self.stage, Stage::Running);
        self.completion.outcome = outcome;
        let stage = match recorder {
            _ if is_lost => Stage::Ended,
            None => Stage::Ending(Ending::Complete),
            // The recorder has not started yet. If the future is dropped here, everything is undone.
            Some(_) => Stage::Ending(self.failure()),
        };
        if !has_failed {
            self.stage = stage;
        }
        async move {
            if has_failed {
                return CompletionResult::RecorderFailed;
            }
            if is_lost {
                self.undo(recorder).await;
                self.observe(Event::Superseded);
                return CompletionResult::Lost;
            }
            if let Some(recorder) = recorder {
                // Boxed: few handlers have a recorder, and every execution would otherwise reserve space for it.
                return Box::pin(self.record(recorder, writes)).await;
            }
            match self.end().await {
                Some(Hold::Held) => CompletionResult::Recorded,
                Some(Hold::Lost) => CompletionResult::Lost,
                None => CompletionResult::Unrecorded,
            }
        }
    }

    /// Gives up because the work was not done, so that a retry runs at once.
    ///
    /// If the store does not answer, the release is repeated in the background, within the lease.
    ///
    /// # Cancel safety
    /// If the future is dropped, even before it is first polled, the release continues in the background.
    pub fn release(self) -> impl Future<Output = ()> + Send {
        self.end_with(Ending::Release(Release::Failed))
    }

    /// Gives up before the handler has started.
    ///
    /// This is a [`release`](Self::release) that does not count as an attempt.
    ///
    /// # Cancel safety
    /// Same as [`release`](Self::release).
    pub fn release_unstarted(self) -> impl Future<Output = ()> + Send {
        self.end_with(Ending::Release(Release::Unstarted))
    }

    /// Gives up after a failure that may have had an effect.
    ///
    /// Under [`OnExpired::Rerun`] a retry runs at once. Under [`OnExpired::InDoubt`] the key is in doubt at
    /// once.
    ///
    /// # Cancel safety
    /// Same as [`release`](Self::release).
    pub fn fail(self) -> impl Future<Output = ()> + Send {
        let failure = self.failure();
        self.end_with(failure)
    }

    /// Whether the store has said that another claim holds the lease.
    pub(super) fn is_taken_over(&self) -> bool {
        self.context.lease_state().is_some_and(LeaseState::is_taken_over)
    }

    /// Sets how the execution ends if it is dropped from now on.
    pub(super) fn set_ending(&mut self, ending: Ending) {
        self.stage = Stage::Ending(ending);
    }

    /// Makes dropping the guard do nothing, because the execution was suspended.
    pub(super) fn disarm(mut self) {
        self.stage = Stage::Ended;
    }

    /// The ending after a failure that may have had an effect.
    pub(super) fn failure(&self) -> Ending {
        Ending::Release(match self.engine.policy().on_expired() {
            OnExpired::Rerun => Release::Failed,
            OnExpired::InDoubt => Release::Abandoned,
        })
    }

    fn end_with(mut self, ending: Ending) -> impl Future<Output = ()> + Send {
        // An ending that is already decided stands: work that was over its limit has failed.
        if matches!(self.stage, Stage::Running) {
            self.stage = Stage::Ending(ending);
        }
        async move {
            self.roll_back().await;
            self.end().await;
        }
    }

    /// Sends the ending to the store.
    ///
    /// Returns `None` if the store does not answer; on drop, the ending then continues in the background.
    pub(super) async fn end(&mut self) -> Option<Hold> {
        let Stage::Ending(ending) = self.stage else { return None };
        let engine = &self.engine;
        let send = || ending.send(engine, &self.completion);
        let answer = within(engine.runtime(), engine.policy().store_timeout(), send).await;
        self.apply_answer(answer)
    }

    /// Applies the store's answer to the ending.
    pub(super) fn apply_answer(&mut self, answer: Result<Hold, crate::StoreError>) -> Option<Hold> {
        let Stage::Ending(ending) = self.stage else { return None };
        match answer {
            Ok(hold) => {
                let event = ending.event(hold);
                self.stage = Stage::Ended;
                self.observe(event);
                Some(hold)
            }
            Err(error) => {
                self.observe(ending.failed_event(&error));
                None
            }
        }
    }

    pub(super) fn observe(&self, event: Event<'_>) {
        self.engine.observe(&Observation {
            provider: self.engine.name(),
            endpoint: self.context.scope().endpoint_name(),
            path: self.context.path(),
            instance: None,
            key: Some(self.context.scoped_key()),
            attempt: Some(self.context.attempt()),
            fence: Some(self.context.fence()),
            duration: self.engine.runtime().now().saturating_sub(self.granted),
            event,
        });
    }

    /// The same execution, for a background task.
    fn for_background(&mut self) -> Self {
        Self {
            engine: self.engine.clone(),
            completion: self.completion.clone(),
            context: self.context.clone(),
            granted: self.granted,
            stage: Stage::Ended,
        }
    }

    /// Repeats the ending until the store answers or the lease has certainly run out.
    pub(super) async fn end_in_background(mut self, ending: Ending) {
        // The ending may wait for what the recorder holds.
        self.roll_back().await;
        let runtime = self.engine.runtime();
        let end = runtime.now().saturating_add(self.engine.policy().lease());
        loop {
            let sent = ending.send(&self.engine, &self.completion);
            match answered(runtime, self.engine.policy().store_timeout(), sent).await {
                Ok(hold) => return self.observe(ending.late_event(hold)),
                Err(error) if runtime.now() >= end => return self.observe(Event::LeftToExpire(&error)),
                Err(_) => runtime.sleep(RETRY_PAUSE).await,
            }
        }
    }
}

impl Drop for Execution {
    /// Neither blocks nor panics: the ending continues in the background.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Ending(ending) => {
                let background = self.for_background();
                self.engine.spawn_tracked(background.end_in_background(ending));
            }
            Stage::Recording(recorder) => {
                let background = self.for_background();
                self.engine.spawn_tracked(background.ask_in_background(recorder));
            }
            Stage::Running if self.engine.policy().attachment() == Attachment::FailWithCaller => {
                let mut background = self.for_background();
                background.stage = Stage::Running;
                self.engine.spawn_tracked(background.fail());
            }
            // A clone of the context may outlive the execution. It must not keep what the recorder holds.
            Stage::Running | Stage::Ended => drop(self.context.close_recorder()),
        }
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "Running",
            Self::Ending(_) => "Ending",
            Self::Recording(_) => "Recording",
            Self::Ended => "Ended",
        })
    }
}
