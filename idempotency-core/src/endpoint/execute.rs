//! A delivery on its way through the endpoint: claimed, given a handler that is ready, executed, recorded.

use std::future::Future;
use std::time::Duration;

use http::uri::PathAndQuery;

use super::reply::{self, Recorded};
use super::{Endpoint, Executed, Head, Reply};
use crate::engine::{Begun, CompletionResult, Execution, Writes, bounded};
use crate::protocol::{Answer, Status, StoredFlag};
use crate::{Delivery, IdempotencyContext, Outcome, RecordedResponse};

/// The result of the wait for the handler's service.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a service becomes ready in time or it does not")]
pub enum Readiness<T> {
    /// It is ready.
    Ready(T),
    /// It was not in time: answer this.
    Busy(RecordedResponse),
}

/// What became of an execution's work.
enum Worked<R, E> {
    /// The handler answered.
    Answered(R, Verdict),
    /// The handler failed without an answer.
    Failed(E),
    /// The handler was not called: its service failed to become ready, or it was not ready in time.
    NotStarted(Option<E>),
}

/// What the handler's answer says of the execution.
pub(super) enum Verdict {
    /// It is the key's outcome.
    Complete(Outcome, Writes),
    /// It is no result, by the handler's own word.
    Release,
    /// It is no result, and it is not known what the handler did.
    Fail,
}

impl Endpoint {
    /// Claims a delivery, waits until the handler's service is ready if the claim is granted, calls the handler, and
    /// records its answer.
    ///
    /// `readiness` gives the service that `handler` then calls. It is awaited after the claim, while the lease is renewed, so a
    /// request that does not run uses none of the service's room. If it fails or takes longer than
    /// [`Policy::with_ready_timeout`](crate::Policy::with_ready_timeout), the key is freed and the attempt does not count.
    ///
    /// # Errors
    /// That of `readiness`, and the handler's own after the execution was [failed](Execution::fail).
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: run it in a task of its own where [`Policy::attachment`](crate::Policy::attachment) says
    /// so.
    pub async fn execute<T, R, E, H, F>(
        &self,
        delivery: Delivery,
        readiness: impl Future<Output = Result<T, E>>,
        handler: H,
    ) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(T, IdempotencyContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let target = delivery.target().cloned();
        let (key, begun) = self.engine.begin_known(delivery).await;
        let answer = match begun {
            Ok(Begun::Run(execution)) => return self.finish(execution, readiness, handler).await,
            Ok(Begun::Unprotected(context)) => {
                return match self.ready(readiness).await? {
                    Readiness::Ready(service) => {
                        Ok(Executed::Passed(handler(service, context).await?, Status::Bypassed))
                    }
                    Readiness::Busy(answer) => Ok(Executed::Answered(answer)),
                };
            }
            Ok(Begun::Replay(completed)) => match RecordedResponse::from_outcome(&completed.outcome) {
                Some(recorded) => Answer::Replayed(recorded),
                None => {
                    self.engine.observe_unreadable(&key, target.as_ref().map(PathAndQuery::path));
                    Answer::InDoubt
                }
            },
            Ok(Begun::Conflict { retry_after }) => Answer::Conflict { retry_after },
            Ok(Begun::Mismatch) => Answer::Mismatch,
            Ok(Begun::Stale { .. }) => Answer::Stale,
            Ok(Begun::InDoubt) => Answer::InDoubt,
            Err(_) => Answer::Outage,
        };
        Ok(Executed::Answered(self.answer_to(key.digest(), &answer)))
    }

    /// Waits until the handler's service is ready, for a request that passes without a claim.
    ///
    /// # Errors
    /// That of `readiness`.
    ///
    /// # Cancel safety
    /// Safe to drop where `readiness` is.
    pub async fn ready<T, E>(
        &self,
        readiness: impl Future<Output = Result<T, E>>,
    ) -> Result<Readiness<T>, E> {
        Ok(match self.ready_in_time(readiness).await {
            Some(service) => Readiness::Ready(service?),
            None => Readiness::Busy(self.not_ready()),
        })
    }

    /// Awaits `reading`, or gives the answer to a body that did not arrive in time.
    ///
    /// # Errors
    /// The answer, where the time is over.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is claimed.
    pub async fn read_in_time<T>(
        &self,
        head: &Head<'_>,
        reading: impl Future<Output = T>,
    ) -> Result<T, RecordedResponse> {
        let read = bounded(self.engine.runtime(), self.engine.policy().body_timeout(), reading).await;
        read.ok_or_else(|| self.body_timed_out(head))
    }

    /// The service, or `None` where it is not ready in time.
    pub(super) async fn ready_in_time<F: Future>(&self, readiness: F) -> Option<F::Output> {
        bounded(self.engine.runtime(), self.engine.policy().ready_timeout(), readiness).await
    }

    /// Whether an outer layer holds this very delivery: the same key at a store of the same namespace.
    pub(super) fn is_held_outside(&self, head: &Head<'_>, delivery: &Delivery) -> bool {
        let held = head.extensions.get::<IdempotencyContext>();
        held.is_some_and(|held| {
            held.scoped_key().digest() == self.engine.digest_of(delivery.scope(), delivery.key())
        })
    }

    async fn finish<T, R, E, H, F>(
        &self,
        mut execution: Execution,
        readiness: impl Future<Output = Result<T, E>>,
        handler: H,
    ) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(T, IdempotencyContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let context = execution.context().clone();
        let work = async move {
            let was_lost = context.is_lease_lost();
            let service = match self.ready_in_time(readiness).await {
                Some(Ok(service)) => service,
                Some(Err(error)) => return Worked::NotStarted(Some(error)),
                None => return Worked::NotStarted(None),
            };
            // Another may be at work by now: what has not started does not start beside it.
            if context.is_lease_lost() && !was_lost {
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
        match execution.drive(work).await {
            Worked::Answered(reply, Verdict::Complete(outcome, writes)) => {
                Ok(self.complete(execution, reply, outcome, writes).await)
            }
            Worked::Answered(reply, Verdict::Release) => {
                execution.release().await;
                Ok(Executed::Passed(reply, Status::Executed(StoredFlag::Settled)))
            }
            Worked::Answered(reply, Verdict::Fail) => {
                execution.fail().await;
                Ok(Executed::Passed(reply, Status::Executed(StoredFlag::Settled)))
            }
            Worked::Failed(error) => {
                execution.fail().await;
                Err(error)
            }
            Worked::NotStarted(error) => {
                execution.release_unstarted().await;
                error.map_or_else(|| Ok(Executed::Answered(self.not_ready())), Err)
            }
        }
    }

    /// Looks at the answer, and reads its body where that is recorded.
    pub(super) async fn judge<R: Reply>(&self, reply: &mut R) -> Verdict {
        let policy = self.engine.policy();
        if reply.is_marked_unrecorded() {
            return Verdict::Release;
        }
        let status = reply.status();
        if !policy.completing().includes(status) {
            return Verdict::Fail;
        }
        let writes = match status.is_client_error() || status.is_server_error() {
            true => Writes::RollBack,
            false => Writes::Keep,
        };
        match reply::record(reply, policy.recorded_limit()).await {
            Recorded::Answer(recorded) => Verdict::Complete(recorded.to_outcome(), writes),
            Recorded::Broken => Verdict::Fail,
        }
    }

    async fn complete<R>(
        &self,
        execution: Execution,
        reply: R,
        outcome: Outcome,
        writes: Writes,
    ) -> Executed<R> {
        let key = execution.context().scoped_key().digest();
        match execution.complete_with(outcome, writes).await {
            CompletionResult::Recorded => Executed::Passed(reply, Status::Executed(StoredFlag::Settled)),
            CompletionResult::Unrecorded => Executed::Passed(reply, Status::Executed(StoredFlag::Unrecorded)),
            CompletionResult::NotRecorded => Executed::Answered(self.answer_to(key, &Answer::Outage)),
            // Another attempt is the key's: the sender retries and is told what came of that one.
            CompletionResult::Lost => {
                let conflict = Answer::Conflict { retry_after: Duration::ZERO };
                Executed::Answered(self.answer_to(key, &conflict))
            }
        }
    }
}
