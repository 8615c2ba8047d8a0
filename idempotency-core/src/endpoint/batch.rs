//! A batch in the endpoint: one call of the handler, and a record for each item.

use std::collections::HashSet;
use std::future::Future;

use http::StatusCode;

use super::{Endpoint, Executed, Head, Reply};
use crate::engine::{BatchContext, BatchFlow, BatchItem, BatchResult, Conclusion, ItemResult};
use crate::protocol::{Answer, Status};
use crate::{Delivery, KeyDigest, RecordedResponse};

impl Endpoint {
    /// Calls the handler once for the new items of a batch, and records each item by itself.
    ///
    /// This claims the deliveries. If any is new, it waits until the handler's service is ready and calls it.
    ///
    /// The handler's answer passes only if every item is done: recorded here, executed before, or stale.
    /// Otherwise the sender is asked to send the batch again. A 2xx that is not recorded passes only if the
    /// handler failed no item and every item that was not new is done. Other answers that are not recorded
    /// pass unchanged. If all items were done already, the answer is 200, because senders regroup events on a
    /// retry.
    ///
    /// # Errors
    /// The error of `readiness`, or the handler's own error after its keys were given up.
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: [`Serving`](super::Serving) says when it must not be dropped.
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
        let work = |context: BatchContext| async move {
            let contexts = context.new_items().iter().map(BatchItem::context);
            self.call_handler(contexts, readiness, |service| handler(service, context.clone())).await
        };
        let conclude = |result| async {
            let (result, conclusion) = self.conclude(result).await;
            match conclusion {
                Conclusion::Complete(_, writes) => {
                    ((result, true), Conclusion::Complete(no_body().to_outcome(), writes))
                }
                other => ((result, false), other),
            }
        };
        Ok(match self.engine().execute_batch(deliveries, work, conclude).await {
            BatchFlow::Executed((Ok(reply), is_recorded), context, result) => {
                self.answer_executed(reply, is_recorded, &context, &result)
            }
            BatchFlow::Unprotected(Ok(reply), context) => self.answer_unprotected(reply, &context),
            BatchFlow::Executed((Err(reason), _), ..) | BatchFlow::Unprotected(Err(reason), _) => {
                self.without_answer(reason)?
            }
            BatchFlow::NothingNew(result) => Executed::Answered(self.answer_without_new_items(&result)),
            BatchFlow::Outage(_) => Executed::Answered(self.answer_to_request(&Answer::Outage)),
        })
    }

    /// Whether an outer layer already guards this batch.
    pub(super) fn is_batch_guarded_outside(&self, head: &Head<'_>, deliveries: &[Delivery]) -> bool {
        let Some(held) = head.extensions.get::<BatchContext>() else { return false };
        let held = held.new_items().iter().map(|item| item.context().scoped_key().digest());
        let digest = |delivery: &Delivery| self.engine().digest_of(delivery.scope(), delivery.key());
        let arriving: HashSet<KeyDigest> = deliveries.iter().map(digest).collect();
        held.len() > 0 && held.into_iter().all(|held| arriving.contains(&held))
    }

    /// Nothing is recorded, so only the answer can make the sender send the failed items again.
    fn answer_unprotected<R: Reply>(&self, reply: R, context: &BatchContext) -> Executed<R> {
        let acknowledges =
            reply.status().is_success() || self.engine().policy().completing().includes(reply.status());
        if acknowledges && !context.failed_items().is_empty() {
            return Executed::Answered(self.answer_to_request(&Answer::BatchIncomplete));
        }
        Executed::Passed(reply, Status::Bypassed)
    }

    fn answer_executed<R: Reply>(
        &self,
        reply: R,
        is_recorded: bool,
        context: &BatchContext,
        result: &BatchResult,
    ) -> Executed<R> {
        let passes = match is_recorded {
            true => result.is_done(),
            false => !reply.status().is_success() || is_rest_done(context, result),
        };
        if !passes {
            return Executed::Answered(self.answer_to_request(&Answer::BatchIncomplete));
        }
        let status = match result.contains(ItemResult::Unrecorded) {
            true => Status::ExecutedUnrecorded,
            false => Status::Executed,
        };
        Executed::Passed(reply, status)
    }

    fn answer_without_new_items(&self, result: &BatchResult) -> RecordedResponse {
        let answer = match result.is_done() {
            true if result.contains(ItemResult::Stale) && !result.contains(ItemResult::Replayed) => {
                Answer::Stale
            }
            true => Answer::Replayed(no_body()),
            false => Answer::BatchIncomplete,
        };
        self.answer_to_request(&answer)
    }
}

/// Whether every item is done that was not new, and the handler failed no item.
///
/// A 2xx is the handler's word for the new items.
fn is_rest_done(context: &BatchContext, result: &BatchResult) -> bool {
    let new: HashSet<usize> = context.new_items().iter().map(BatchItem::index).collect();
    let is_done = |(index, item): &(usize, ItemResult)| new.contains(index) || item.is_done();
    context.failed_items().is_empty() && result.items.iter().all(is_done)
}

/// The record of each item.
///
/// It has no body, because the handler's answer is for the whole request, and senders regroup events.
fn no_body() -> RecordedResponse {
    RecordedResponse::new(StatusCode::OK, "")
}
