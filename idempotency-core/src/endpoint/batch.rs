//! A batch on its way through the endpoint: the handler is called once, and each item is recorded by itself.

use std::collections::HashSet;
use std::future::Future;

use http::StatusCode;

use super::execute::Verdict;
use super::{Endpoint, Executed, Head, Readiness, Reply};
use crate::engine::{Batch, BatchContext, BatchItem, BatchResult, ItemResult};
use crate::protocol::{Answer, Status, StoredFlag};
use crate::{Delivery, KeyDigest, RecordedResponse};

/// What became of the work of a batch.
enum Worked<R, E> {
    /// The handler answered.
    Answered(R, Verdict),
    /// The handler failed without an answer.
    Failed(E),
    /// The handler was not called: its service failed to become ready, it was not ready in time, or a lease was lost first.
    NotStarted(Option<E>),
}

impl Endpoint {
    /// Claims the deliveries of a batch, waits until the handler's service is ready and calls it once if any of them is new,
    /// and records each item by itself.
    ///
    /// The handler's answer passes only if every item is done: recorded here, executed before, or stale. Otherwise the
    /// sender is told to send the batch again. A 2xx that is not recorded passes only if the handler failed no item and
    /// every item that was not new is done. Other answers that are not recorded pass as they are. A batch whose items are
    /// all done already gets a 200, since senders regroup events on a retry.
    ///
    /// # Errors
    /// That of `readiness`, and the handler's own after its keys were given up.
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: run it in a task of its own where [`Policy::attachment`](crate::Policy::attachment) says
    /// so.
    pub async fn execute_batch<T, R, E, H, F>(
        &self,
        deliveries: Vec<Delivery>,
        readiness: impl Future<Output = Result<T, E>>,
        handler: H,
    ) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(T, BatchContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let Ok(mut batch) = self.engine.begin_batch(deliveries).await else {
            return Ok(Executed::Answered(self.answer_to_request(&Answer::Outage)));
        };
        let context = batch.context().clone();
        if !batch.is_protected() {
            return match self.ready(readiness).await? {
                Readiness::Ready(service) => {
                    let reply = handler(service, context.clone()).await?;
                    Ok(self.end_unprotected(&context, reply))
                }
                Readiness::Busy(answer) => Ok(Executed::Answered(answer)),
            };
        }
        if !batch.has_new_items() {
            let result = batch.complete(no_body().to_outcome()).await;
            return Ok(Executed::Answered(self.answer_without_new_items(&result)));
        }
        let work = async move {
            let held = context.new_items().iter().map(BatchItem::context);
            let held: Vec<_> = held.filter(|item| !item.is_lease_lost()).collect();
            let service = match self.ready_in_time(readiness).await {
                Some(Ok(service)) => service,
                Some(Err(error)) => return Worked::NotStarted(Some(error)),
                None => return Worked::NotStarted(None),
            };
            // As for a single delivery. The handler is called once for all of them, so none of them starts.
            if held.iter().any(|item| item.is_lease_lost()) {
                return Worked::NotStarted(None);
            }
            match handler(service, context).await {
                Ok(mut reply) => {
                    let verdict = self.judge(&mut reply).await;
                    Worked::Answered(reply, verdict)
                }
                Err(error) => Worked::Failed(error),
            }
        };
        match batch.drive(work).await {
            Worked::Answered(reply, verdict) => Ok(self.end_batch(batch, reply, verdict).await),
            Worked::Failed(error) => {
                batch.fail().await;
                Err(error)
            }
            Worked::NotStarted(error) => {
                batch.release_unstarted().await;
                error.map_or_else(|| Ok(Executed::Answered(self.not_ready())), Err)
            }
        }
    }

    /// Whether an outer layer holds this very batch.
    pub(super) fn is_batch_held_outside(&self, head: &Head<'_>, deliveries: &[Delivery]) -> bool {
        let Some(held) = head.extensions.get::<BatchContext>() else { return false };
        let held = held.new_items().iter().map(|item| item.context().scoped_key().digest());
        let digest = |delivery: &Delivery| self.engine.digest_of(delivery.scope(), delivery.key());
        let come: HashSet<KeyDigest> = deliveries.iter().map(digest).collect();
        held.len() > 0 && held.into_iter().all(|held| come.contains(&held))
    }

    /// Nothing is recorded, so the answer alone has the sender send again what the handler failed.
    fn end_unprotected<R: Reply>(&self, context: &BatchContext, reply: R) -> Executed<R> {
        let acknowledges =
            reply.status().is_success() || self.engine.policy().completing().includes(reply.status());
        if acknowledges && !context.failed_items().is_empty() {
            return Executed::Answered(self.answer_to_request(&Answer::BatchIncomplete));
        }
        Executed::Passed(reply, Status::Bypassed)
    }

    async fn end_batch<R: Reply>(&self, batch: Batch, reply: R, verdict: Verdict) -> Executed<R> {
        let context = batch.context().clone();
        let is_recorded = matches!(verdict, Verdict::Complete(..));
        let result = match verdict {
            Verdict::Complete(..) => batch.complete(no_body().to_outcome()).await,
            Verdict::Release => batch.release().await,
            Verdict::Fail => batch.fail().await,
        };
        let passes = match is_recorded {
            true => result.is_done(),
            false => !reply.status().is_success() || speaks_for_all(&context, &result),
        };
        if !passes {
            return Executed::Answered(self.answer_to_request(&Answer::BatchIncomplete));
        }
        let flag = match result.any(ItemResult::Unrecorded) {
            true => StoredFlag::Unrecorded,
            false => StoredFlag::Settled,
        };
        Executed::Passed(reply, Status::Executed(flag))
    }

    fn answer_without_new_items(&self, result: &BatchResult) -> RecordedResponse {
        let answer = match result.is_done() {
            true if result.any(ItemResult::Stale) && !result.any(ItemResult::Replayed) => Answer::Stale,
            true => Answer::Replayed(no_body()),
            false => Answer::BatchIncomplete,
        };
        self.answer_to_request(&answer)
    }
}

/// Whether a 2xx that is not recorded may reach the sender. It is the handler's word for the new items that it did not fail;
/// each of the others must be done.
fn speaks_for_all(context: &BatchContext, result: &BatchResult) -> bool {
    let new: HashSet<usize> = context.new_items().iter().map(BatchItem::index).collect();
    let is_done = |(index, item): &(usize, ItemResult)| new.contains(index) || item.is_done();
    context.failed_items().is_empty() && result.items.iter().all(is_done)
}

/// What is recorded of each item. The handler's answer is to the whole request, which may never come again like that.
fn no_body() -> RecordedResponse {
    RecordedResponse::new(StatusCode::OK, "")
}
