//! The endpoint: an HTTP route made idempotent, whatever the framework. Adapters translate; what is decided, is decided
//! here and in the engine.

mod batch;
mod receive;
mod reply;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};

use crate::engine::{Begun, CompletionResult, Execution, Observer, Runtime};
use crate::protocol::{Answer, Status, StoredFlag};
use crate::provider::Methods;
use crate::{Delivery, Idempotency, IdempotencyContext, Policy, Provider, RecordedResponse, Scope};

pub use reply::Reply;

/// An HTTP route made idempotent: an engine, a provider, a scope. Cheap to clone.
///
/// An adapter asks, in this order: [`admit`](Self::admit) before it reads the body, [`receive`](Self::receive) with
/// the body, [`execute`](Self::execute) with a way to call the handler.
#[derive(Clone, Debug)]
pub struct Endpoint {
    engine: Idempotency,
    provider: Arc<dyn Provider>,
    methods: Methods,
    challenge: HeaderValue,
    scope: Option<Scope>,
    verification_time: Option<Duration>,
}

/// The head of a request, as an adapter shows it. `Debug` shows neither query nor the values of headers.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "adapters make it, and a request's head has these parts")]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The original URI: before nesting, as the client sent it.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// What earlier layers attached to the request.
    pub extensions: &'a Extensions,
}

impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Head")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What is to be done with a request's body.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a body is read, passed on or refused")]
pub enum Admission {
    /// Read it, up to `limit` bytes.
    Read {
        /// The most bytes to read; one more is [`Endpoint::body_too_large`].
        limit: usize,
    },
    /// Pass it on as it comes; show [`Endpoint::receive`] an empty one.
    Pass,
    /// Answer at once.
    Answer(RecordedResponse),
}

/// What a request turned out to be.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request is executed, passed on or answered")]
pub enum Arrival {
    /// A delivery, for [`Endpoint::execute`].
    Delivery(Delivery),
    /// Several deliveries in one request, for [`Endpoint::execute_batch`].
    Batch(Vec<Delivery>),
    /// None of our business: call the handler, and mark its answer with [`Status::Bypassed`].
    Bypass,
    /// Answer at once.
    Answer(RecordedResponse),
}

/// The answer to a delivery.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an answer is the handler's or ours")]
pub enum Executed<R> {
    /// The handler's own, to be marked with this status.
    Passed(R, Status),
    /// One that was made here.
    Answered(RecordedResponse),
}

impl Endpoint {
    /// A route on a store, for a provider, under the provider's own policy.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(store: impl crate::Store, provider: impl Provider) -> Self {
        Self::on_engine(Idempotency::new(store), provider)
    }

    /// A route on an engine's store and runtime, for a provider, under the provider's own policy and name.
    #[must_use]
    pub fn on_engine(engine: Idempotency, provider: impl Provider) -> Self {
        let policy = provider.policy();
        let endpoint = Self {
            engine: engine.with_name(provider.name()),
            methods: provider.methods(),
            challenge: receive::challenge_of(&provider.challenge()),
            provider: Arc::new(provider),
            scope: None,
            verification_time: None,
        };
        endpoint.with_policy(policy)
    }

    /// Sets the policy. Default: the provider's own.
    ///
    /// Its retention is raised to twice the provider's [`signature_window`](Provider::signature_window) where it is
    /// shorter: after it, a request that was captured and is still fresh would be a new one.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        let least = self.provider.signature_window().saturating_mul(2);
        let retention = policy.retention().max(least);
        self.engine = self.engine.with_policy(policy.with_retention(retention));
        self
    }

    /// Changes some knobs of the policy that it has: `map_policy(|policy| policy.with_lease(minute))`.
    #[must_use]
    pub fn map_policy(self, change: impl FnOnce(Policy) -> Policy) -> Self {
        let policy = change(self.engine.policy().clone());
        self.with_policy(policy)
    }

    /// Sets the scope of its keys, which the provider may narrow. Default: the provider's name and the request's
    /// original path, so that two accounts behind two paths never answer for each other.
    ///
    /// - **Virtual hosts that share a store need a scope each:** the default has no host in it, so that one would
    ///   answer with the other's outcome. Services that share a Redis need a prefix each, `RedisStore::with_prefix`.
    /// - **All paths on which one sender reaches you need one scope** (a fallback URL, `/hook` and `/hook/`, a
    ///   wildcard): by the default what comes again by another path is new, and hardly any sender signs the path.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Sets who sees every decision. Default: `tracing`.
    #[must_use]
    pub fn with_observer(mut self, observer: impl Observer) -> Self {
        self.engine = self.engine.with_observer(observer);
        self
    }

    /// Sets clock, timers, tasks and randomness. Default: tokio's.
    #[must_use]
    pub fn with_runtime(mut self, runtime: impl Runtime) -> Self {
        self.engine = self.engine.with_runtime(runtime);
        self
    }

    /// Verifies every signature as of this time since 1970, to play recorded deliveries back. It takes away the
    /// protection against replayed requests. Default: the clock.
    #[must_use]
    pub fn with_insecure_verification_time(mut self, since_1970: Duration) -> Self {
        self.verification_time = Some(since_1970);
        self
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Idempotency {
        &self.engine
    }

    /// Claims a delivery, calls the handler if the claim is granted, and records its answer.
    ///
    /// # Errors
    /// The handler's own error, after its key was released.
    ///
    /// # Cancel safety
    /// Not cancel safe by itself: run it in a task of its own where [`Policy::attachment`] says so.
    pub async fn execute<R, E, H, F>(&self, delivery: Delivery, handler: H) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(IdempotencyContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let target = delivery.target().cloned();
        let (key, begun) = self.engine.begin_known(delivery).await;
        let answer = match begun {
            Ok(Begun::Run(execution)) => return self.finish(execution, handler).await,
            Ok(Begun::Unprotected(context)) => {
                return handler(context).await.map(|reply| Executed::Passed(reply, Status::Bypassed));
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

    async fn finish<R, E, H, F>(&self, mut execution: Execution, handler: H) -> Result<Executed<R>, E>
    where
        R: Reply,
        H: FnOnce(IdempotencyContext) -> F,
        F: Future<Output = Result<R, E>>,
    {
        let context = execution.context().clone();
        let key = context.scoped_key().digest();
        let policy = self.engine.policy();
        let work = async move {
            let mut reply = handler(context).await?;
            let outcome = match policy.completing().includes(reply.status()) {
                true => Some(reply::record(&mut reply, policy.recorded_limit()).await.to_outcome()),
                false => None,
            };
            Ok((reply, outcome))
        };
        let (reply, outcome) = match execution.drive(work).await {
            Ok(done) => done,
            Err(error) => {
                execution.release().await;
                return Err(error);
            }
        };
        let Some(outcome) = outcome else {
            execution.release().await;
            return Ok(Executed::Passed(reply, Status::Executed(StoredFlag::Settled)));
        };
        Ok(match execution.complete(outcome).await {
            CompletionResult::Recorded => Executed::Passed(reply, Status::Executed(StoredFlag::Settled)),
            CompletionResult::Unrecorded => Executed::Passed(reply, Status::Executed(StoredFlag::Unrecorded)),
            // Another attempt is the key's: the sender retries and is told what came of that one.
            CompletionResult::NotRecorded => Executed::Answered(self.answer_to(key, &Answer::Outage)),
            CompletionResult::Lost => {
                let conflict = Answer::Conflict { retry_after: Duration::ZERO };
                Executed::Answered(self.answer_to(key, &conflict))
            }
        })
    }
}
