//! The layer: configuration.

use std::time::Duration;

use idempotency_core::endpoint::Endpoint;
use idempotency_core::provider::Provider;
use idempotency_core::store::Store;
use idempotency_core::{Idempotency, Policy, Scope};
use tower_layer::Layer;

use crate::{AnyBodyLayer, IdempotencyService};

/// Makes the routes below it idempotent. Cheap to clone.
///
/// Clones share their executions, so keep one to [`drain`](Self::drain).
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
/// // On this route only: `Router::layer` would guard all other routes too.
/// let app: Router = Router::new().route("/webhooks/stripe", post(handle).layer(idempotency));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IdempotencyLayer {
    endpoint: Endpoint,
}

impl IdempotencyLayer {
    /// Creates a layer on an engine, under the provider's own policy.
    ///
    /// Other layers and code without HTTP may share the engine. The store, observer, runtime and
    /// [`drain`](Idempotency::drain) belong to the engine. The policy, scope and name belong to the layer.
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

    /// Creates a layer on a store, with an engine of its own, under the provider's own policy.
    pub fn new(store: impl Store, provider: impl Provider) -> Self {
        Self { endpoint: Endpoint::new(store, provider) }
    }

    /// Creates a layer on this process's memory, for tests and for one small server.
    ///
    /// Records are lost when the process ends.
    #[cfg(feature = "memory")]
    pub fn memory(provider: impl Provider) -> Self {
        Self::new(idempotency_core::store::memory::MemoryStore::new(), provider)
    }

    /// Creates a layer on Redis or Valkey, with an engine of its own.
    ///
    /// The namespace names the service and its environment, such as `billing-production`. Services that share
    /// a Redis need a namespace each. The store connects at the first delivery, so the app can start before
    /// Redis does.
    ///
    /// # Errors
    /// If the URL or the namespace is invalid.
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

    /// Sets the policy, for all providers of a [registry](crate::provider::Providers). Default: each provider's own, which
    /// fits how that sender retries.
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { endpoint: self.endpoint.with_policy(policy) }
    }

    /// Changes settings of the current policy, which is the provider's own unless another was set.
    ///
    /// With a [registry](crate::provider::Providers), this changes the policy of each provider.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use idempotency_tower::{IdempotencyLayer, provider::Stripe};
    /// let layer = IdempotencyLayer::memory(Stripe::new("whsec_...")?)
    ///     .map_policy(|policy| policy.with_lease(Duration::from_secs(120)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_policy(self, change: impl Fn(Policy) -> Policy) -> Self {
        Self { endpoint: self.endpoint.map_policy(change) }
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
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { endpoint: self.endpoint.with_scope(scope) }
    }

    /// Makes the request's query part of the default scope.
    ///
    /// One event at `/hook?version=2` and at `/hook` is then two. Use this to move a sender between two URLs
    /// that differ only in the query. It has no effect if a scope is set. Only the query's SHA-256 is kept,
    /// as a tenant of the scope, so logs and records do not show its text.
    ///
    /// Default: the query is not part of the scope, because many senders' URLs carry tokens that change.
    pub fn with_query_in_scope(self) -> Self {
        Self { endpoint: self.endpoint.with_query_in_scope() }
    }

    /// Verifies every signature as of this time since 1970, to play back recorded deliveries.
    ///
    /// This removes the protection against replayed requests. Default: the clock.
    pub fn with_insecure_verification_time(self, since_1970: Duration) -> Self {
        Self { endpoint: self.endpoint.with_insecure_verification_time(since_1970) }
    }

    /// Returns the layer for stacks whose bodies are not axum's.
    ///
    /// The inner service takes `Request<AnyBody<B>>`.
    ///
    /// A router in such a stack may cut the path before the layer sees it, and then two routes would answer
    /// for each other. So give each route its scope here; see [`with_scope`](Self::with_scope).
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

    /// Waits for all executions and background work to finish, for at most `timeout`.
    ///
    /// Returns whether all have finished. Call it after the server has stopped: the server does not wait for
    /// an execution whose sender hung up.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is cancelled.
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
