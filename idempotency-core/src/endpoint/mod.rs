//! The endpoint: makes an HTTP route idempotent in any framework.
//!
//! Adapters translate. Decisions are made here and in the engine.

mod batch;
mod execute;
mod handler;
mod members;
mod receive;
mod reply;
mod serving;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{Extensions, HeaderMap, HeaderValue, Method, Uri};

use crate::protocol::Status;
use crate::provider::Methods;
use crate::{Delivery, Idempotency, Policy, Provider, RecordedResponse, Scope};

pub use handler::Readiness;
use members::Members;
pub use reply::Reply;
pub use serving::{Next, Serving};

/// An HTTP route made idempotent: an engine, a provider and a scope. Cheap to clone.
///
/// For each request, an adapter calls [`of_path`](Self::of_path) and goes on with the endpoint that it returns. It calls
/// [`admit`](Self::admit) before it reads the body, then [`receive`](Self::receive) with the
/// body, then [`execute`](Self::execute) with a way to call the handler.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Shared, since an adapter clones the endpoint for each request.
    route: Arc<Route>,
}

#[derive(Clone, Debug)]
struct Route {
    engine: Idempotency,
    provider: Arc<dyn Provider>,
    methods: Methods,
    challenge: HeaderValue,
    scope: Option<Scope>,
    /// The scope in place of one for each path.
    default_scope: Option<Scope>,
    /// The path of the first request, with its scope: most routes have one path, and so need one scope.
    first_scope: OnceLock<(Box<str>, Scope)>,
    query_in_scope: bool,
    verification_time: Option<Duration>,
    /// The endpoints of the providers, if this endpoint is a registry's.
    members: Option<Members>,
}

/// The head of a request. `Debug` shows neither the query nor the values of headers.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "adapters create it, and a request's head has these parts")]
pub struct Head<'a> {
    /// The method.
    pub method: &'a Method,
    /// The original URI, as the client sent it, before nesting.
    pub uri: &'a Uri,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The values that earlier layers attached to the request.
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

/// What to do with a request's body.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a body is read, passed on or refused")]
pub enum Admission {
    /// Read the body, up to `limit` bytes.
    Read {
        /// The most bytes to read. A longer body gets [`Endpoint::body_too_large`].
        limit: usize,
    },
    /// Pass the body on unread, and call [`Endpoint::receive`] with an empty one.
    Pass,
    /// Answer at once.
    Answer(RecordedResponse),
}

/// The kind of a request.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a request is executed, passed on or answered")]
pub enum Arrival {
    /// A delivery. Call [`Endpoint::execute`].
    Delivery(Delivery),
    /// Several deliveries in one request. Call [`Endpoint::execute_batch`].
    Batch(Vec<Delivery>),
    /// Not a delivery. Call the handler, and mark its answer with [`Status::Bypassed`].
    Bypass,
    /// Answer at once.
    Answer(RecordedResponse),
}

/// The answer to a delivery.
///
/// This enum is complete.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "an answer is the handler's or the endpoint's")]
pub enum Executed<R> {
    /// The handler's own answer, to be marked with this status.
    Passed(R, Status),
    /// An answer that the endpoint created.
    Answered(RecordedResponse),
}

impl Endpoint {
    /// Creates a route on a store, for a provider, under the provider's own policy.
    #[cfg(feature = "tokio")]
    #[must_use]
    pub fn new(store: impl crate::Store, provider: impl Provider) -> Self {
        Self::on_engine(&Idempotency::new(store), provider)
    }

    /// Creates a route on an engine, for a provider, under the provider's own policy and name.
    #[must_use]
    pub fn on_engine(engine: &Idempotency, provider: impl Provider) -> Self {
        let policy = provider.policy();
        let members = provider.as_registry().map(|registry| Members::new(engine, registry));
        let route = Route {
            engine: engine.clone().with_name(provider.name()),
            methods: provider.methods(),
            challenge: receive::challenge_of(&provider.challenge()),
            provider: Arc::new(provider),
            scope: None,
            default_scope: members.as_ref().map(Members::default_scope),
            first_scope: OnceLock::new(),
            query_in_scope: false,
            verification_time: None,
            members,
        };
        Self { route: Arc::new(route) }.with_own_policy(policy)
    }

    /// The endpoint of the provider that serves a path, the original one of the request before nesting.
    ///
    /// This is the endpoint itself, unless its provider is a [registry](crate::provider::Providers). If the
    /// registry has no provider for the path, the endpoint that is returned answers every request with a 404.
    #[must_use]
    pub fn of_path(&self, path: &str) -> Self {
        let member = self.route.members.as_ref().and_then(|members| members.serving(path));
        member.unwrap_or(self).clone()
    }

    /// Sets the policy. Default: the provider's own.
    ///
    /// A retention below twice the provider's [`signature_window`](Provider::signature_window) is raised to
    /// that. Otherwise a captured request whose signature is still fresh could run again after the retention.
    ///
    /// All providers of a registry get this policy.
    #[must_use]
    pub fn with_policy(self, policy: Policy) -> Self {
        self.for_each_member(|member, _| member.with_policy(policy.clone())).with_own_policy(policy)
    }

    fn with_own_policy(mut self, policy: Policy) -> Self {
        let route = Arc::make_mut(&mut self.route);
        let least = route.provider.signature_window().saturating_mul(2);
        let retention = policy.retention().max(least);
        route.engine = route.engine.clone().with_policy(policy.with_retention(retention));
        self
    }

    /// Changes settings of the current policy: `map_policy(|policy| policy.with_lease(minute))`.
    ///
    /// The policy of each provider of a registry is changed by itself.
    #[must_use]
    pub fn map_policy(self, change: impl Fn(Policy) -> Policy) -> Self {
        let changed = |endpoint: Self| {
            let policy = change(endpoint.engine().policy().clone());
            endpoint.with_own_policy(policy)
        };
        changed(self.for_each_member(|member, _| changed(member)))
    }

    /// Sets the scope of the keys, which the provider may narrow.
    ///
    /// - **Virtual hosts that share a store need a scope each.** The default scope does not contain the host,
    ///   so one host would answer with another's outcome. Services that share a Redis need a namespace each,
    ///   which is an argument of the store.
    /// - **All paths on which one sender reaches you need one scope** (a fallback URL, `/hook` and `/hook/`,
    ///   a wildcard). By default a delivery that comes again on another path is new, and hardly any sender
    ///   signs the path.
    ///
    /// Default: the provider's name and the request's original path, so that two accounts behind two paths
    /// never answer for each other. A [registry](crate::provider::Providers) narrows this scope to the provider's
    /// name and to the path's tenant.
    #[must_use]
    pub fn with_scope(self, scope: Scope) -> Self {
        let mut endpoint =
            self.for_each_member(|member, name| member.with_scope(scope.clone().with_provider(name)));
        Arc::make_mut(&mut endpoint.route).scope = Some(scope);
        endpoint
    }

    /// Sets the scope in place of one for each path.
    fn with_default_scope(mut self, scope: Scope) -> Self {
        Arc::make_mut(&mut self.route).default_scope = Some(scope);
        self
    }

    /// Makes the request's query part of the default scope.
    ///
    /// One event at `/hook?version=2` and at `/hook` is then two. Use this to move a sender between two URLs
    /// that differ only in the query. It has no effect if a scope is set.
    ///
    /// The scope contains only the query's SHA-256. Log lines, observations and records never show the query,
    /// which may carry tokens. The scope of a request without a query stays the same.
    ///
    /// Default: the query is not part of the scope, because many senders' URLs carry tokens that change.
    #[must_use]
    pub fn with_query_in_scope(self) -> Self {
        let mut endpoint = self.for_each_member(|member, _| member.with_query_in_scope());
        Arc::make_mut(&mut endpoint.route).query_in_scope = true;
        endpoint
    }

    /// Verifies every signature as of this time since 1970, to play back recorded deliveries.
    ///
    /// This removes the protection against replayed requests. Default: the clock.
    #[must_use]
    pub fn with_insecure_verification_time(self, since_1970: Duration) -> Self {
        let mut endpoint =
            self.for_each_member(|member, _| member.with_insecure_verification_time(since_1970));
        Arc::make_mut(&mut endpoint.route).verification_time = Some(since_1970);
        endpoint
    }

    /// Changes the endpoint of each provider of a registry, given the provider's name.
    fn for_each_member(mut self, change: impl Fn(Self, &str) -> Self) -> Self {
        if let Some(members) = &mut Arc::make_mut(&mut self.route).members {
            members.change(change);
        }
        self
    }

    /// The engine.
    #[must_use]
    pub fn engine(&self) -> &Idempotency {
        &self.route.engine
    }
}
