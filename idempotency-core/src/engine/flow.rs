//! The flow of a delivery or a batch: claim, work under renewal, end as the work concludes.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use super::begin::Arrived;
use super::ending::Ending;
use super::{
    BatchContext, BatchResult, Begun, CompletionResult, Event, Execution, HandlerFailure, Idempotency,
    IdempotencyContext, Writes,
};
use crate::clock::ClockReading;
use crate::{Delivery, KeyDigest, Outcome, Release, StoreError, Version};

/// How finished work ends its execution.
pub(crate) enum Conclusion {
    /// Complete with this outcome.
    Complete(Outcome, Writes),
    /// Release: the handler says that it has no result. `None` if it did not fail.
    Release(Option<HandlerFailure>),
    /// Fail: there is no result, and the effect of the handler is unknown.
    Fail(HandlerFailure),
    /// Release without counting the attempt: the handler did not start.
    NotStarted,
}

/// The result of a delivery.
///
/// `V` is the result of work under a claim, `W` of work without a claim, and `R` is a recorded outcome.
pub(crate) enum Flow<V, W, R> {
    /// The work ran. Holds the result of its completion, if it was to be completed.
    Executed(V, Option<CompletionResult>),
    /// The work ran longer than its recorder's limit and was dropped. The execution has failed.
    OverLimit,
    /// The work ran without a claim.
    Unprotected(W),
    /// The delivery was executed before. `None` if the recorded outcome cannot be read.
    Replayed(Option<R>),
    /// As in [`Begun`].
    Conflict { retry_after: Duration },
    /// As in [`Begun`].
    Mismatch,
    /// As in [`Begun`].
    Stale { newest: Version },
    /// As in [`Begun`].
    InDoubt,
    /// The store is out of reach, and nothing ran.
    Outage(StoreError),
}

/// The next step of `execute` after a claim.
#[expect(clippy::large_enum_variant, reason = "there is one per delivery, and it is moved once")]
enum Decided<V, W, R> {
    /// Do the work, and end this execution.
    Run(Execution),
    /// Do the work without a claim.
    RunUnprotected(IdempotencyContext),
    /// The result: nothing runs.
    Flow(KeyDigest, Flow<V, W, R>),
}

/// The result of a batch. `V` is the result of work under claims, and `W` of work without claims.
pub(crate) enum BatchFlow<V, W> {
    /// The work ran for the new items.
    Executed(V, BatchContext, BatchResult),
    /// The work ran without claims.
    Unprotected(W, BatchContext),
    /// No item was new, so nothing ran.
    NothingNew(BatchResult),
    /// The store is out of reach, and nothing ran.
    Outage(StoreError),
}

impl Idempotency {
    /// Claims a delivery, runs the work if the claim is granted, and ends the execution as `conclude` says.
    ///
    /// The lease is renewed until then. `read` reads a recorded outcome. Also returns the digest of the key.
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: run it under [`shield`](Self::shield).
    #[expect(clippy::manual_async_fn, reason = "an async function stores each argument twice")]
    pub(crate) fn execute<V, W, R, F, C>(
        &self,
        delivery: &mut Option<Delivery>,
        read: impl FnOnce(&Outcome) -> Option<R>,
        work: impl FnOnce(IdempotencyContext) -> F,
        conclude: impl FnOnce(W) -> C,
    ) -> impl Future<Output = (KeyDigest, Flow<V, W, R>)>
    where
        F: Future<Output = W>,
        C: Future<Output = (V, Conclusion)>,
    {
        async move {
            let execution = match self.decide(delivery, read).await {
                Decided::Run(execution) => execution,
                // Boxed: it is rare, and every delivery would otherwise reserve space for it.
                Decided::RunUnprotected(context) => {
                    let digest = context.scoped_key().digest();
                    return (digest, Flow::Unprotected(Box::pin(work(context)).await));
                }
                Decided::Flow(digest, flow) => return (digest, flow),
            };
            (execution.lease().key().digest(), execution.work_and_end(work, conclude).await)
        }
    }

    /// Claims a delivery, which is taken only if it is to be executed.
    async fn decide<V, W, R>(
        &self,
        delivery: &mut Option<Delivery>,
        read: impl FnOnce(&Outcome) -> Option<R>,
    ) -> Decided<V, W, R> {
        let now = ClockReading::of(self.runtime());
        let claim = self.claim_for(delivery.as_ref().expect("the delivery is not taken yet"));
        let flow = match self.begin_claim(delivery, &claim, now).await {
            Ok(Begun::Run(execution)) => return Decided::Run(execution),
            Ok(Begun::Unprotected(context)) => return Decided::RunUnprotected(context),
            Ok(Begun::Replay(completed)) => {
                let recorded = read(&completed.outcome);
                if recorded.is_none() {
                    let arrived = Arrived::now(&claim.key, delivery.as_ref(), now);
                    self.observe_decision(&arrived, None, Event::OutcomeUnreadable);
                }
                Flow::Replayed(recorded)
            }
            Ok(Begun::Conflict { retry_after }) => Flow::Conflict { retry_after },
            Ok(Begun::Mismatch) => Flow::Mismatch,
            Ok(Begun::Stale { newest }) => Flow::Stale { newest },
            Ok(Begun::InDoubt) => Flow::InDoubt,
            Err(error) => Flow::Outage(error),
        };
        Decided::Flow(claim.key.digest(), flow)
    }

    /// Claims the deliveries of a batch, and runs the work once if any of them is new.
    ///
    /// Each new item ends as `conclude` says. The leases are renewed until then.
    ///
    /// # Cancel safety
    /// Same as [`execute`](Self::execute).
    pub(crate) async fn execute_batch<V, W, F, C>(
        &self,
        deliveries: Vec<Delivery>,
        work: impl FnOnce(BatchContext) -> F,
        conclude: impl FnOnce(W) -> C,
    ) -> BatchFlow<V, W>
    where
        F: Future<Output = W>,
        C: Future<Output = (V, Conclusion)>,
    {
        let mut batch = match self.begin_batch(deliveries).await {
            Ok(batch) => batch,
            Err(error) => return BatchFlow::Outage(error),
        };
        let context = batch.context().clone();
        if !batch.is_protected() {
            return BatchFlow::Unprotected(work(context.clone()).await, context);
        }
        if !batch.has_new_items() {
            // This records nothing. It only waits for keys that others hold.
            return BatchFlow::NothingNew(batch.complete(Outcome::default()).await);
        }
        let handler_context = context.clone();
        let (value, conclusion) =
            batch.renew_while(async move { conclude(work(handler_context).await).await }).await;
        let result = match conclusion {
            Conclusion::Complete(outcome, _) => batch.complete(outcome).await,
            // As for a single execution: an observer that panics must not keep the keys.
            Conclusion::Release(failure) => {
                batch.set_endings(|_| Ending::Release(Release::Failed));
                failure.into_iter().for_each(|failure| batch.observe(Event::HandlerFailed(failure)));
                batch.release().await
            }
            Conclusion::Fail(failure) => {
                batch.set_endings(Execution::failure);
                batch.observe(Event::HandlerFailed(failure));
                batch.fail().await
            }
            Conclusion::NotStarted => batch.release_unstarted().await,
        };
        BatchFlow::Executed(value, context, result)
    }
}

impl Execution {
    #[expect(clippy::manual_async_fn, reason = "an async function stores each argument twice")]
    fn work_and_end<V, W, R, F, C>(
        mut self,
        work: impl FnOnce(IdempotencyContext) -> F,
        conclude: impl FnOnce(W) -> C,
    ) -> impl Future<Output = Flow<V, W, R>>
    where
        F: Future<Output = W>,
        C: Future<Output = (V, Conclusion)>,
    {
        async move {
            let (mut value, mut conclusion) = (None, None);
            // The block drops the work before its failure is settled, as in `renew_while`. The work writes its output into these
            // variables, because returning it would store it in each future.
            let result = {
                let context = self.context().clone();
                let working = pin!(async {
                    let concluded = conclude(work(context).await).await;
                    (value, conclusion) = (Some(concluded.0), Some(concluded.1));
                });
                self.renew_during(working).await
            };
            self.settle(result).await;
            let (Some(value), Some(conclusion)) = (value, conclusion) else { return Flow::OverLimit };
            match conclusion {
                Conclusion::Complete(outcome, writes) => {
                    return Flow::Executed(value, Some(self.complete_with(outcome, writes).await));
                }
                // The ending comes before its observation: an observer that panics must not keep the key.
                Conclusion::Release(failure) => {
                    self.set_ending(Ending::Release(Release::Failed));
                    match failure {
                        Some(failure) => self.observe(Event::HandlerFailed(failure)),
                        None if self.context.recorder_slot().is_set() => {
                            self.observe(Event::WritesRolledBack);
                        }
                        None => {}
                    }
                    self.release().await;
                }
                Conclusion::Fail(failure) => {
                    self.set_ending(self.failure());
                    self.observe(Event::HandlerFailed(failure));
                    self.fail().await;
                }
                Conclusion::NotStarted => self.release_unstarted().await,
            }
            Flow::Executed(value, None)
        }
    }
}
