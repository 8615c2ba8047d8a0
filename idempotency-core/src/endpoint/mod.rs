//! The endpoint: an HTTP route made idempotent, whatever the framework. Adapters translate; what is decided, is decided
//! here and in the engine.

mod batch;
mod execute;
mod receive;
mod reply;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};

use crate::protocol::Status;
use crate::provider::Methods;
use crate::{Delivery, Idempotency, Policy, Provider, RecordedResponse, Scope};

pub use execute::Readiness;
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
    query_in_scope: bool,
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
        Self::on_engine(&Idempotency::new(store), provider)
    }

    /// A route on an engine's store and runtime, for a provider, under the provider's own policy and name.
    #[must_use]
    pub fn on_engine(engine: &Idempotency, provider: impl Provider) -> Self {
        let policy = provider.policy();
        let endpoint = Self {
            engine: engine.clone().with_name(provider.name()),
            methods: provider.methods(),
            challenge: receive::challenge_of(&provider.challenge()),
            provider: Arc::new(provider),
            scope: None,
            query_in_scope: false,
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
    /// - **Virtual hosts that share a store need a scope each:** the default scope has no host in it, so one host would
    ///   answer with the other's outcome. Services that share a Redis need a namespace each, an argument of the store.
    /// - **All paths on which one sender reaches you need one scope** (a fallback URL, `/hook` and `/hook/`, a
    ///   wildcard): by the default what comes again by another path is new, and hardly any sender signs the path.
    #[must_use]
    pub fn with_scope(mut self, scope: Scope) -> Self {
        self.scope = Some(scope);
        self
    }

    /// Makes the request's query part of the default scope, so that one event at `/hook?version=2` and at `/hook` is two.
    /// For a sender that is moved from one URL to another which differ in the query only. It says nothing where a scope
    /// is set.
    ///
    /// Default: the query is no part of it, since many senders' URLs carry tokens that change.
    #[must_use]
    pub fn with_query_in_scope(mut self) -> Self {
        self.query_in_scope = true;
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
}
