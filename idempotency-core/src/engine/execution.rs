//! The execution: the guard that a granted claim gives.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, poll};

use super::budget::{answered, within};
use super::ending::Ending;
use super::lease_state::LeaseState;
use super::recording::Exclusive;
use super::{Event, Idempotency, IdempotencyContext, Observation, Writes};
use crate::{Attachment, Hold, Lease, OnExpired, Outcome, Release};

/// The pause between repetitions of an ending in the background.
const PAUSE: Duration = Duration::from_millis(250);

/// The guard that a granted claim gives: it completes, releases, or is written down.
///
/// Run the work under [`drive`](Self::drive), which renews the lease meanwhile; then [`complete`](Self::complete) or
/// [`release`](Self::release), or [`fail`](Self::fail) if the effect of the work is not known. To go on in another process,
/// [`write_down`](Self::write_down).
#[derive(Debug)]
#[must_use = "a dropped execution has failed, or holds its key until the lease runs out; complete or release it"]
pub struct Execution {
    pub(super) engine: Idempotency,
    pub(super) lease: Lease,
    pub(super) context: IdempotencyContext,
    granted: Duration,
    pub(super) stage: Stage,
}

/// How far an execution has come: what is to be done if it is dropped there.
pub(super) enum Stage {
    Running,
    /// The store is being told: repeat it.
    Ending(Ending),
    /// The handler's recorder records: find out whether it has.
    Recording(Exclusive),
    Ended,
}

/// The result of a completion.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an outcome that is not recorded is not the key's"]
#[expect(clippy::exhaustive_enums, reason = "an outcome is recorded, not yet, not at all, or another's is")]
pub enum CompletionResult {
    /// The outcome is recorded.
    Recorded,
    /// The store did not take it yet; it is repeated in the background within the lease.
    Unrecorded,
    /// The handler's recorder did not record it, or it is not known whether it did: the attempt has failed.
    NotRecorded,
    /// Another claim took over; the outcome is not the key's.
    Lost,
}

impl Execution {
    pub(super) fn new(engine: Idempotency, lease: Lease, context: IdempotencyContext) -> Self {
        let granted = engine.runtime().now();
        Self { engine, lease, context, granted, stage: Stage::Running }
    }

    /// The context for the handler.
    #[must_use]
    pub fn context(&self) -> &IdempotencyContext {
        &self.context
    }

    /// The execution's identity.
    #[must_use]
    pub fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Runs the work while renewing the lease every third of it, in the same task. If the work panics, the execution
    /// [fails](Self::fail) and the panic goes on.
    ///
    /// # Cancel safety
    /// Dropping it drops the work; the execution is still held.
    pub async fn drive<F: Future>(&mut self, work: F) -> F::Output {
        let result = {
            let mut work = pin!(AssertUnwindSafe(work).catch_unwind());
            match poll!(work.as_mut()) {
                Poll::Ready(result) => result,
                // The renewal first: work that never rests uses up all that tokio lets a task do in one turn.
                Poll::Pending => match select(pin!(self.renew_until_lost()), work).await {
                    Either::Left(((), work)) => work.await,
                    Either::Right((result, _)) => result,
                },
            }
        };
        match result {
            Ok(output) => output,
            Err(panic) => {
                self.observe(Event::Panicked);
                self.stage = Stage::Ending(self.failure());
                self.roll_back().await;
                self.end().await;
                resume_unwind(panic)
            }
        }
    }

    /// Records the outcome of work that succeeded. If the store does not answer, this is repeated in the background, within the
    /// lease. If the handler has [set a recorder](IdempotencyContext::set_recorder), the recorder records, and keeps the
    /// handler's writes.
    ///
    /// # Cancel safety
    /// If it is dropped, also before it is first polled, the recording goes on in the background. With a recorder, the engine
    /// finds out there whether it has recorded.
    pub fn complete(self, outcome: Outcome) -> impl Future<Output = CompletionResult> + Send {
        self.complete_with(outcome, Writes::Keep)
    }

    /// Records an outcome. `writes` says whether a recorder keeps the handler's writes.
    ///
    /// # Cancel safety
    /// As that of [`complete`](Self::complete).
    pub fn complete_with(
        mut self,
        outcome: Outcome,
        writes: Writes,
    ) -> impl Future<Output = CompletionResult> + Send {
        let recorder = self.context.close_recorder();
        let is_lost = self.is_taken_over();
        self.stage = match &recorder {
            _ if is_lost => Stage::Ended,
            None => Stage::Ending(Ending::Complete(outcome.clone())),
            // It has not been asked to record yet: dropped here, everything is undone.
            Some(_) => Stage::Ending(self.failure()),
        };
        async move {
            if is_lost {
                self.undo(recorder).await;
                self.observe(Event::Superseded);
                return CompletionResult::Lost;
            }
            if let Some(recorder) = recorder {
                return self.record(recorder, outcome, writes).await;
            }
            match self.end().await {
                Some(Hold::Held) => CompletionResult::Recorded,
                Some(Hold::Lost) => CompletionResult::Lost,
                None => CompletionResult::Unrecorded,
            }
        }
    }

    /// Gives up, so that a retry runs at once: the work was not done. If the store does not answer, this is repeated in the
    /// background, within the lease.
    ///
    /// # Cancel safety
    /// If it is dropped, also before it is first polled, the release goes on in the background.
    pub fn release(self) -> impl Future<Output = ()> + Send {
        self.end_with(Ending::Release(Release::Failed))
    }

    /// Gives up before the handler has started: as [`release`](Self::release), and the attempt does not count.
    ///
    /// # Cancel safety
    /// As that of [`release`](Self::release).
    pub fn release_unstarted(self) -> impl Future<Output = ()> + Send {
        self.end_with(Ending::Release(Release::Unstarted))
    }

    /// Gives up after a failure that may have had an effect: under [`OnExpired::Rerun`] a retry runs at once, and under
    /// [`OnExpired::InDoubt`] the key is in doubt at once.
    ///
    /// # Cancel safety
    /// As that of [`release`](Self::release).
    pub fn fail(self) -> impl Future<Output = ()> + Send {
        let failure = self.failure();
        self.end_with(failure)
    }

    /// Whether the store has said that the lease is another's.
    pub(super) fn is_taken_over(&self) -> bool {
        self.context.lease_state().is_some_and(LeaseState::is_taken_over)
    }

    /// How it ends if it is dropped from now on.
    pub(super) fn set_ending(&mut self, ending: Ending) {
        self.stage = Stage::Ending(ending);
    }

    /// Nothing is left to be done for it: it was written down.
    pub(super) fn disarm(mut self) {
        self.stage = Stage::Ended;
    }

    /// How a failure that may have had an effect ends it.
    pub(super) fn failure(&self) -> Ending {
        Ending::Release(match self.engine.policy().on_expired() {
            OnExpired::Rerun => Release::Failed,
            OnExpired::InDoubt => Release::Abandoned,
        })
    }

    fn end_with(mut self, ending: Ending) -> impl Future<Output = ()> + Send {
        self.stage = Stage::Ending(ending);
        async move {
            self.roll_back().await;
            self.end().await;
        }
    }

    /// Tells the store how it ended. `None` where the store does not answer: what is dropped then goes on in the
    /// background.
    pub(super) async fn end(&mut self) -> Option<Hold> {
        let Stage::Ending(ending) = &self.stage else { return None };
        let (ending, engine) = (ending.clone(), &self.engine);
        let told = || ending.tell(engine, &self.lease);
        let answer = within(engine.runtime(), engine.policy().store_timeout(), told).await;
        self.note_end(&ending, answer)
    }

    /// Learns what the store answered to its ending.
    pub(super) fn note_end(
        &mut self,
        ending: &Ending,
        answer: Result<Hold, crate::StoreError>,
    ) -> Option<Hold> {
        match answer {
            Ok(hold) => {
                self.stage = Stage::Ended;
                self.observe(ending.told(hold));
                Some(hold)
            }
            Err(error) => {
                self.observe(ending.untold(&error));
                None
            }
        }
    }

    pub(super) fn observe(&self, event: Event<'_>) {
        self.engine.observe(&Observation {
            provider: self.engine.name(),
            endpoint: self.context.scope().as_endpoint(),
            path: self.context.path(),
            instance: None,
            key: Some(self.context.scoped_key()),
            attempt: Some(self.context.attempt()),
            fence: Some(self.context.fence()),
            duration: self.engine.runtime().now().saturating_sub(self.granted),
            event,
        });
    }

    /// The same execution, to go on in a task of its own.
    fn take_over(&mut self) -> Self {
        Self {
            engine: self.engine.clone(),
            lease: self.lease.clone(),
            context: self.context.clone(),
            granted: self.granted,
            stage: Stage::Ended,
        }
    }

    /// Repeats the ending until the store answers, or the lease has surely run out.
    pub(super) async fn end_in_background(self, ending: Ending) {
        let runtime = self.engine.runtime();
        let end = runtime.now().saturating_add(self.engine.policy().lease());
        loop {
            let told = ending.tell(&self.engine, &self.lease);
            match answered(runtime, self.engine.policy().store_timeout(), told).await {
                Ok(hold) => return self.observe(ending.told_late(hold)),
                Err(error) if runtime.now() >= end => return self.observe(Event::Unsettled(&error)),
                Err(_) => runtime.sleep(PAUSE).await,
            }
        }
    }
}

impl Drop for Execution {
    /// Neither blocks nor panics: the ending goes on in the background.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Ended) {
            Stage::Ended => {}
            Stage::Ending(ending) => {
                let rest = self.take_over();
                self.engine.spawn_tracked(rest.end_in_background(ending));
            }
            Stage::Recording(recorder) => {
                let rest = self.take_over();
                self.engine.spawn_tracked(rest.find_out_in_background(recorder));
            }
            Stage::Running => {
                if self.engine.policy().attachment() == Attachment::ReleaseWithCaller {
                    let rest = self.take_over();
                    self.engine.spawn_tracked(rest.fail());
                }
            }
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
