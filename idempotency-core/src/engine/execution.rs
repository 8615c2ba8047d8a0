//! The execution: the guard held by whoever was granted the claim.

use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{FutureExt as _, poll};

use super::budget::{answered, within};
use super::ending::Ending;
use super::lease_state::{LeaseState, Moment};
use super::{Event, Idempotency, IdempotencyContext, Observation};
use crate::{Attachment, Hold, Lease, OnExpired, Outcome, Release};

/// The pause between repetitions of a renewal, and of an ending in the background.
const PAUSE: Duration = Duration::from_millis(250);

/// The guard held by whoever was granted the claim.
///
/// Run the work under [`drive`](Self::drive), which renews the lease meanwhile; then [`complete`](Self::complete) or
/// [`release`](Self::release), or [`fail`](Self::fail) where it is not known what the work did.
#[derive(Debug)]
#[must_use = "dropping an execution leaves its key in flight until the lease runs out; complete or release it"]
pub struct Execution {
    engine: Idempotency,
    lease: Lease,
    context: IdempotencyContext,
    granted: Duration,
    stage: Stage,
}

/// How far an execution has come: what is to be done if it is dropped there.
#[derive(Clone, Debug)]
enum Stage {
    Running,
    /// The store is being told: repeat it.
    Ending(Ending),
    Settled,
}

/// What became of a completion.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use = "an outcome that is not recorded is not the key's"]
#[expect(clippy::exhaustive_enums, reason = "an outcome is recorded, not yet recorded, or another's is")]
pub enum Completion {
    /// The outcome is recorded.
    Recorded,
    /// The store did not take it yet; it is repeated in the background within the lease.
    Unrecorded,
    /// Somebody else took over; the outcome is not the key's.
    Lost,
}

impl Execution {
    pub(super) fn new(engine: Idempotency, lease: Lease, context: IdempotencyContext) -> Self {
        let granted = engine.runtime().now();
        Self { engine, lease, context, granted, stage: Stage::Running }
    }

    /// What the handler is to be told.
    #[must_use]
    pub fn context(&self) -> &IdempotencyContext {
        &self.context
    }

    /// The execution's identity, which can be written down and taken up elsewhere.
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
                self.end().await;
                resume_unwind(panic)
            }
        }
    }

    /// Records the outcome. Tries again in the background, within the lease, where the store does not answer.
    ///
    /// # Cancel safety
    /// If it is dropped, also before it is first polled, the recording goes on in the background.
    pub fn complete(mut self, outcome: Outcome) -> impl Future<Output = Completion> + Send {
        self.stage = Stage::Ending(Ending::Complete(outcome));
        async move {
            match self.end().await {
                Some(Hold::Held) => Completion::Recorded,
                Some(Hold::Lost) => Completion::Lost,
                None => Completion::Unrecorded,
            }
        }
    }

    /// Gives up, so that a retry runs at once: the work was not done. Tries again in the background, within the lease, where
    /// the store does not answer.
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

    /// Gives up after a failure of which it is not known what it did: under [`OnExpired::Rerun`] a retry runs at once, and
    /// under [`OnExpired::InDoubt`] the key is in doubt at once.
    ///
    /// # Cancel safety
    /// As that of [`release`](Self::release).
    pub fn fail(self) -> impl Future<Output = ()> + Send {
        let failure = self.failure();
        self.end_with(failure)
    }

    /// How a failure ends it of which it is not known what it did.
    fn failure(&self) -> Ending {
        Ending::Release(match self.engine.policy().on_expired() {
            OnExpired::Rerun => Release::Failed,
            OnExpired::InDoubt => Release::Abandoned,
        })
    }

    fn end_with(mut self, ending: Ending) -> impl Future<Output = ()> + Send {
        self.stage = Stage::Ending(ending);
        async move {
            self.end().await;
        }
    }

    /// Tells the store how it ended. `None` where the store does not answer: what is dropped then goes on in the
    /// background.
    async fn end(&mut self) -> Option<Hold> {
        let Stage::Ending(ending) = self.stage.clone() else { return None };
        let engine = &self.engine;
        let told = || ending.tell(engine, &self.lease);
        match within(engine.runtime(), engine.policy().store_timeout(), told).await {
            Ok(hold) => {
                self.stage = Stage::Settled;
                self.observe(ending.told(hold));
                Some(hold)
            }
            Err(error) => {
                self.observe(ending.untold(&error));
                None
            }
        }
    }

    /// Renews every third of the lease. Ends when the store says that the lease is lost.
    ///
    /// Where the store has not answered by the lease's local end, the handler is told once and for all that it is lost;
    /// renewing goes on, since what nobody took while the store was away is not to be taken while the handler runs.
    async fn renew_until_lost(&self) {
        let Some(state) = self.context.lease_state() else { return };
        let runtime = self.engine.runtime();
        loop {
            runtime.sleep(self.engine.policy().lease() / 3).await;
            let hold = self.renew_once(state).await;
            if hold != Some(Hold::Held) && state.lose() {
                self.observe(Event::LeaseLost);
            }
            if hold == Some(Hold::Lost) {
                return;
            }
        }
    }

    /// One renewal, repeated until the store answers or the lease's local end: `None` where it did not answer. It is
    /// tried at least once, also when late: a process that was paused may still hold what nobody took.
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

    fn observe(&self, event: Event<'_>) {
        self.engine.observe(&Observation {
            provider: self.engine.name(),
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
            stage: Stage::Settled,
        }
    }

    /// Repeats the ending until the store answers, or the lease has surely run out.
    async fn end_in_background(self, ending: Ending) {
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
    /// Neither blocks nor panics: what is still to be done goes on in the background.
    fn drop(&mut self) {
        match std::mem::replace(&mut self.stage, Stage::Settled) {
            Stage::Settled => {}
            Stage::Ending(ending) => {
                let rest = self.take_over();
                self.engine.spawn_tracked(rest.end_in_background(ending));
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
