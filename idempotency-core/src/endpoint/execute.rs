//! A delivery in the endpoint: claimed, executed, answered.

use std::future::Future;
use std::iter::once;
use std::time::Duration;

use super::{Endpoint, Executed, Head, Reply};
use crate::engine::{CompletionResult, Flow};
use crate::protocol::{Answer, Status, replayed};
use crate::{Delivery, IdempotencyContext, RecordedResponse};

impl Endpoint {
    /// Executes a delivery if its claim is granted, and records the handler's answer.
    ///
    /// `readiness` returns the service that `handler` then calls. It is awaited after the claim, while the
    /// lease is renewed, so a request that does not run uses none of the service's capacity. If it fails or
    /// takes longer than [`Policy::with_ready_timeout`](crate::Policy::with_ready_timeout), the key is freed
    /// and the attempt does not count.
    ///
    /// # Errors
    /// The error of `readiness`, or the handler's own error after the execution
    /// [failed](crate::engine::Execution::fail).
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: [`Serving`](super::Serving) says when it must not be dropped.
    pub fn execute<T, R, E, H, F>(
        &self,
        delivery: Delivery,
        readiness: impl Future<Output = Result<T, E>>,
        handler: H,
    ) -> impl Future<Output = Result<Executed<R>, E>>
    where
        R: Reply,
        H: FnOnce(T, IdempotencyContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        // Borrowed below: each nested future would otherwise reserve space for a delivery.
        let mut delivery = Some(delivery);
        async move {
            let work = |context: IdempotencyContext| async move {
                let contexts = once(&context);
                self.call_handler(contexts, readiness, |service| handler(service, context.clone())).await
            };
            let read = RecordedResponse::from_outcome;
            let conclude = |result| self.conclude(result);
            let (key, flow) = self.engine().execute(&mut delivery, read, work, conclude).await;
            let answer = match flow {
                Flow::Executed(Ok(reply), completion) => match completion {
                    None | Some(CompletionResult::Recorded) => {
                        return Ok(Executed::Passed(reply, Status::Executed));
                    }
                    Some(CompletionResult::Unrecorded) => {
                        return Ok(Executed::Passed(reply, Status::ExecutedUnrecorded));
                    }
                    Some(CompletionResult::RecorderFailed) => Answer::Outage,
                    // Another attempt holds the key. The sender retries and gets that attempt's outcome.
                    Some(CompletionResult::Lost) => Answer::Conflict { retry_after: Duration::ZERO },
                },
                Flow::OverLimit => Answer::Outage,
                Flow::Unprotected(Ok(reply)) => {
                    return Ok(Executed::Passed(reply, Status::Bypassed));
                }
                Flow::Executed(Err(reason), _) | Flow::Unprotected(Err(reason)) => {
                    return self.without_answer(reason);
                }
                Flow::Replayed(recorded) => match recorded.and_then(replayed) {
                    Some(answer) => return Ok(Executed::Answered(answer)),
                    None => Answer::InDoubt,
                },
                Flow::Conflict { retry_after } => Answer::Conflict { retry_after },
                Flow::Mismatch => Answer::Mismatch,
                Flow::Stale { .. } => Answer::Stale,
                Flow::InDoubt => Answer::InDoubt,
                Flow::Outage(_) => Answer::Outage,
            };
            Ok(Executed::Answered(self.answer_to(key, &answer)))
        }
    }

    /// Whether an outer layer already guards this delivery: the same key, in a store of the same namespace.
    pub(super) fn is_guarded_outside(&self, head: &Head<'_>, delivery: &Delivery) -> bool {
        let held = head.extensions.get::<IdempotencyContext>();
        held.is_some_and(|held| {
            held.scoped_key().digest() == self.engine().digest_of(delivery.scope(), delivery.key())
        })
    }
}
