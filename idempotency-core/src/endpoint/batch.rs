//! A batch on its way through the endpoint: the handler is called once, and each item is recorded by itself.

use std::future::Future;

use http::StatusCode;

use super::{Endpoint, Executed, Reply};
use crate::engine::{Batch, BatchContext, BatchResult, ItemResult};
use crate::protocol::{Answer, Status, StoredFlag};
use crate::{Delivery, RecordedResponse};

impl Endpoint {
    /// Claims the deliveries of a batch, calls the handler once if any of them is new, and records each item by itself.
    ///
    /// The handler's answer passes only if every item is done: recorded here, executed before, or stale. Otherwise the
    /// sender is told to send the batch again, after what can be done of it has been. A batch without new items gets a plain
    /// 200, since senders group events anew on a retry.
    ///
    /// # Errors
    /// The handler's own error, after its keys were given up.
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: run it in a task of its own where [`Policy::attachment`](crate::Policy::attachment) says
    /// so.
    pub async fn execute_batch<R, E, H, F>(
        &self,
        deliveries: Vec<Delivery>,
        handler: H,
    ) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(BatchContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let mut batch = match self.engine.begin_batch(deliveries).await {
            Ok(batch) => batch,
            Err(_) => return Ok(Executed::Answered(self.answer_to_request(&Answer::Outage))),
        };
        let context = batch.context().clone();
        if !batch.is_protected() {
            return handler(context).await.map(|reply| Executed::Passed(reply, Status::Bypassed));
        }
        if !batch.has_new_items() {
            let result = batch.complete(no_body().to_outcome()).await;
            return Ok(Executed::Answered(self.answer_without_new_items(&result)));
        }
        match batch.drive(async move { handler(context).await }).await {
            Ok(reply) => Ok(self.end_batch(batch, reply).await),
            Err(error) => {
                batch.fail().await;
                Err(error)
            }
        }
    }

    async fn end_batch<R: Reply>(&self, batch: Batch, reply: R) -> Executed<R> {
        if !self.engine.policy().completing().includes(reply.status()) {
            batch.fail().await;
            return Executed::Passed(reply, Status::Executed(StoredFlag::Settled));
        }
        let result = batch.complete(no_body().to_outcome()).await;
        if !result.is_done() {
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

/// What is recorded of each item. The handler's answer is to the whole request, which may never come again like that.
fn no_body() -> RecordedResponse {
    RecordedResponse::new(StatusCode::OK, "")
}
