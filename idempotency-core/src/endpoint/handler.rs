//! The handler: calls it once its service is ready, and concludes from its answer.

use std::any::type_name;
use std::future::Future;
use std::pin::pin;
use std::task::Poll;

use futures_util::poll;
use http::StatusCode;

use super::reply;
use super::{Endpoint, Executed, Reply};
use crate::engine::{Conclusion, HandlerFailure, Writes, bounded};
use crate::{IdempotencyContext, RecordedResponse};

/// The result of waiting for the handler's service.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a service becomes ready in time or it does not")]
pub enum Readiness<T> {
    /// The service is ready.
    Ready(T),
    /// The service was not ready in time. Send this answer.
    NotReady(RecordedResponse),
}

/// Why there is no answer from the handler.
pub(super) enum Unanswered<E> {
    /// The handler failed.
    Failed(E),
    /// The handler was not called: its service failed or was not ready in time, or a lease was lost first.
    NotStarted(Option<E>),
}

impl Endpoint {
    /// Waits until the handler's service is ready, for a request that passes without a claim.
    ///
    /// # Errors
    /// The error of `readiness`.
    ///
    /// # Cancel safety
    /// Safe to drop if `readiness` is.
    pub async fn ready<T, E>(
        &self,
        readiness: impl Future<Output = Result<T, E>>,
    ) -> Result<Readiness<T>, E> {
        Ok(match self.ready_in_time(readiness).await {
            Some(service) => Readiness::Ready(service?),
            None => Readiness::NotReady(self.not_ready()),
        })
    }

    /// Calls the handler once its service is ready, unless a lease of its contexts was lost during the wait.
    pub(super) async fn call_handler<'a, T, R, E, F>(
        &self,
        contexts: impl Iterator<Item = &'a IdempotencyContext> + Clone,
        readiness: impl Future<Output = Result<T, E>>,
        handler: impl FnOnce(T) -> F,
    ) -> Result<R, Unanswered<E>>
    where
        F: Future<Output = Result<R, E>>,
    {
        let mut readiness = pin!(readiness);
        let service = match poll!(readiness.as_mut()) {
            Poll::Ready(service) => service,
            Poll::Pending => {
                let lost = || contexts.clone().enumerate().filter(|(_, context)| context.is_lease_lost());
                let lost_before: Vec<usize> = lost().map(|(index, _)| index).collect();
                let Some(service) = self.ready_in_time(readiness).await else {
                    return Err(Unanswered::NotStarted(None));
                };
                // Another attempt may be running by now. A handler that has not started must not run at the
                // same time.
                if service.is_ok() && lost().any(|(index, _)| lost_before.binary_search(&index).is_err()) {
                    return Err(Unanswered::NotStarted(None));
                }
                service
            }
        };
        let service = service.map_err(|error| Unanswered::NotStarted(Some(error)))?;
        handler(service).await.map_err(Unanswered::Failed)
    }

    /// Decides how the execution ends from the handler's result.
    #[expect(clippy::manual_async_fn, reason = "an async function stores each argument twice")]
    pub(super) fn conclude<R: Reply, E>(
        &self,
        mut result: Result<R, Unanswered<E>>,
    ) -> impl Future<Output = (Result<R, Unanswered<E>>, Conclusion)> {
        async move {
            let conclusion = match &mut result {
                Ok(reply) => self.conclude_reply(reply).await,
                Err(Unanswered::Failed(_)) => Conclusion::Fail(HandlerFailure::Error(type_name::<E>())),
                Err(Unanswered::NotStarted(_)) => Conclusion::NotStarted,
            };
            (result, conclusion)
        }
    }

    /// Returns the adapter's result when there is no answer from the handler.
    pub(super) fn without_answer<R, E>(&self, reason: Unanswered<E>) -> Result<Executed<R>, E> {
        match reason {
            Unanswered::Failed(error) | Unanswered::NotStarted(Some(error)) => Err(error),
            Unanswered::NotStarted(None) => Ok(Executed::Answered(self.not_ready())),
        }
    }

    /// Decides how the execution ends from the answer, and reads its body if it is to be recorded.
    async fn conclude_reply<R: Reply>(&self, reply: &mut R) -> Conclusion {
        let policy = self.engine().policy();
        let status = reply.status();
        if reply.is_marked_unrecorded() {
            return Conclusion::Release((!status.is_success()).then(|| self.failure_of(status)));
        }
        if !policy.completing().includes(status) {
            return Conclusion::Fail(self.failure_of(status));
        }
        let writes = match status.is_client_error() || status.is_server_error() {
            true => Writes::RollBack,
            false => Writes::Keep,
        };
        match reply::record(reply, policy.recorded_limit()).await {
            Some(outcome) => Conclusion::Complete(outcome, writes),
            None => Conclusion::Fail(HandlerFailure::BrokenBody(status)),
        }
    }

    /// A sender's event that is answered with a 4xx is an event that does not run; a client's request may deserve it. The
    /// policies of APIs record some of the 4xx.
    fn failure_of(&self, status: StatusCode) -> HandlerFailure {
        let is_api = self.engine().policy().completing().includes(StatusCode::NOT_FOUND);
        match status.is_client_error() && is_api {
            true => HandlerFailure::Refusal(status),
            false => HandlerFailure::Status(status),
        }
    }

    /// Returns the service, or `None` if it is not ready in time.
    pub(super) async fn ready_in_time<F: Future>(&self, readiness: F) -> Option<F::Output> {
        bounded(self.engine().runtime(), self.engine().policy().ready_timeout(), pin!(readiness)).await
    }
}
