//! The layer: configuration.

use std::time::Duration;

use idempotency_core::{Endpoint, Idempotency, Policy, Provider, Scope, Store};
use tower_layer::Layer;

use crate::{AnyBodyLayer, IdempotencyService};

/// Makes the routes below it idempotent. Cheap to clone; clones share their executions, so keep one to
/// [`drain`](Self::drain).
///
/// ```
/// use axum::{Router, routing::post};
/// use idempotency_tower::{Idempotent, IdempotencyLayer};
/// use idempotency_tower::core::provider::Stripe;
///
/// async fn handle(Idempotent(context): Idempotent, body: String) {
///     println!("attempt {} of {}", context.attempt(), context.key().as_str());
/// }
///
/// let idempotency = IdempotencyLayer::memory(Stripe::new("whsec_...")?);
/// // On this one route: `Router::layer` would guard the other routes as well.
/// let app: Router = Router::new().route("/webhooks/stripe", post(handle).layer(idempotency));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IdempotencyLayer {
    endpoint: Endpoint,
}

impl IdempotencyLayer {
    /// On an engine, which other layers and code without HTTP may share, under the provider's own policy.
    ///
    /// Store, observer, runtime and [`drain`](Idempotency::drain) belong to the engine; policy, scope and name to the layer.
    ///
    /// ```
    /// use idempotency_tower::provider::{GitHub, Stripe};
    /// use idempotency_tower::{Idempotency, IdempotencyLayer, MemoryStore};
    ///
    /// let engine = Idempotency::new(MemoryStore::new());
    /// let stripe = IdempotencyLayer::on_engine(&engine, Stripe::new("whsec_...")?);
    /// let github = IdempotencyLayer::on_engine(&engine, GitHub::new("secret")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_engine(engine: &Idempotency, provider: impl Provider) -> Self {
        Self { endpoint: Endpoint::on_engine(engine, provider) }
    }

    /// On a store of your choice, with an engine of its own, under the provider's own policy.
    pub fn new(store: impl Store, provider: impl Provider) -> Self {
        Self { endpoint: Endpoint::new(store, provider) }
    }

    /// On this process's memory: for one small server, and for tests. Records are lost with the process.
    #[cfg(feature = "memory")]
    pub fn memory(provider: impl Provider) -> Self {
        Self::new(idempotency_core::store::memory::MemoryStore::new(), provider)
    }

    /// On Redis or Valkey, with an engine of its own. The namespace names the service and its environment, such as
    /// `billing-production`: services that share a Redis need one each. Connects at the first delivery, so the app starts
    /// before Redis does.
    ///
    /// # Errors
    /// When the URL or the namespace cannot be read.
    #[cfg(feature = "redis")]
    pub fn redis(
        url: impl AsRef<str>,
        namespace: impl TryInto<
            idempotency_core::Namespace,
            Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        >,
        provider: impl Provider,
    ) -> Result<Self, idempotency_core::StoreError> {
        Ok(Self::new(idempotency_core::store::redis::RedisStore::new(url, namespace)?, provider))
    }

    /// Sets the policy. Default: the provider's own, which fits how it retries.
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { endpoint: self.endpoint.with_policy(policy) }
    }

    /// Changes the policy: the provider's own, unless another was set.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use idempotency_tower::{IdempotencyLayer, provider::Stripe};
    /// let layer = IdempotencyLayer::memory(Stripe::new("whsec_...")?)
    ///     .map_policy(|policy| policy.with_lease(Duration::from_secs(120)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_policy(self, change: impl FnOnce(Policy) -> Policy) -> Self {
        Self { endpoint: self.endpoint.map_policy(change) }
    }

    /// Sets the scope of the keys, which the provider may narrow. Default: the provider's name and the request's
    /// original path, so that two accounts behind two paths never answer for each other.
    ///
    /// - **Virtual hosts that share a store need a scope each:** the default scope has no host in it, so one host would
    ///   answer with the other's outcome. Services that share a Redis need a namespace each, an argument of the store.
    /// - **All paths on which one sender reaches you need one scope** (a fallback URL, `/hook` and `/hook/`, a
    ///   wildcard): by the default what comes again by another path is new, and hardly any sender signs the path.
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { endpoint: self.endpoint.with_scope(scope) }
    }

    /// Makes the request's query part of the default scope, so that one event at `/hook?version=2` and at `/hook` is two.
    /// For a sender that is moved from one URL to another which differ in the query only. It says nothing where a scope
    /// is set. Default: the query is no part of it.
    pub fn with_query_in_scope(self) -> Self {
        Self { endpoint: self.endpoint.with_query_in_scope() }
    }

    /// Verifies every signature as of this time since 1970, to play recorded deliveries back. It takes away the
    /// protection against replayed requests. Default: the clock.
    pub fn with_insecure_verification_time(self, since_1970: Duration) -> Self {
        Self { endpoint: self.endpoint.with_insecure_verification_time(since_1970) }
    }

    /// The layer for stacks whose bodies are not axum's: the inner service takes `Request<AnyBody<B>>`.
    ///
    /// A router in such a stack may cut the path before the layer sees it, and two routes would answer for each other. So
    /// the scope of the keys is given here, one for each route; see [`with_scope`](Self::with_scope).
    ///
    /// ```
    /// use std::convert::Infallible;
    /// use http::{Request, Response};
    /// use hyper::body::Incoming; // or any other body
    /// use idempotency_tower::{AnyBody, IdempotencyLayer, Scope, provider::Stripe};
    /// use tower::{ServiceBuilder, service_fn};
    ///
    /// async fn handle(request: Request<AnyBody<Incoming>>) -> Result<Response<String>, Infallible> {
    ///     Ok(Response::new("ok".to_owned()))
    /// }
    ///
    /// let idempotency = IdempotencyLayer::memory(Stripe::new("whsec_...")?);
    /// let service = ServiceBuilder::new()
    ///     .layer(idempotency.outside_axum(Scope::endpoint("stripe /webhooks/stripe")))
    ///     .service(service_fn(handle));
    /// # fn is_service<S: tower::Service<Request<Incoming>>>(_: S) {}
    /// # is_service(service);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn outside_axum(self, scope: Scope) -> AnyBodyLayer {
        AnyBodyLayer::new(self.with_scope(scope))
    }

    /// The engine, for operators and for work without HTTP.
    #[must_use]
    pub fn engine(&self) -> &Idempotency {
        self.endpoint.engine()
    }

    /// Waits until no execution is left, at most for `timeout`; answers whether none is left. Call it after the
    /// server has stopped: an execution whose sender hung up is not counted by the server.
    ///
    /// # Cancel safety
    /// Safe to drop; nothing is cancelled by it.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.endpoint.engine().drain(timeout).await
    }
}

impl<S> Layer<S> for IdempotencyLayer {
    type Service = IdempotencyService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        IdempotencyService::new(inner, self.endpoint.clone())
    }
}
