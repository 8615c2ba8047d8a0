//! The layer: configuration.

use std::time::Duration;

use idempotency_core::engine::{Observer, Runtime};
use idempotency_core::{Endpoint, Idempotency, Policy, Provider, Scope, Store};
use tower_layer::Layer;

use crate::IdempotencyService;

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
    /// On a store of your choice, under the provider's own policy. To share one store among routes, clone it.
    pub fn new(store: impl Store, provider: impl Provider) -> Self {
        Self { endpoint: Endpoint::new(store, provider) }
    }

    /// On this process's memory: for one small server, and for tests. Records are lost with the process.
    #[cfg(feature = "memory")]
    pub fn memory(provider: impl Provider) -> Self {
        Self::new(idempotency_core::store::memory::MemoryStore::new(), provider)
    }

    /// On Redis or Valkey, under the prefix `idem`: for one service that is alone on its Redis; others call
    /// [`new`](Self::new) with a prefixed store. Connects at the first delivery, so the app starts before Redis does.
    ///
    /// # Errors
    /// When the URL cannot be read.
    #[cfg(feature = "redis")]
    pub fn redis(
        url: impl AsRef<str>,
        provider: impl Provider,
    ) -> Result<Self, idempotency_core::StoreError> {
        Ok(Self::new(idempotency_core::store::redis::RedisStore::new(url)?, provider))
    }

    /// Sets the policy. Default: the provider's own, which fits how it retries.
    pub fn with_policy(self, policy: Policy) -> Self {
        Self { endpoint: self.endpoint.with_policy(policy) }
    }

    /// Sets the scope of the keys, which the provider may narrow. Default: the provider's name and the request's
    /// original path, so that two accounts behind two paths never answer for each other.
    ///
    /// - **Virtual hosts that share a store need a scope each:** the default has no host in it, so that one would
    ///   answer with the other's outcome. Services that share a Redis need a prefix each, `RedisStore::with_prefix`.
    /// - **All paths on which one sender reaches you need one scope** (a fallback URL, `/hook` and `/hook/`, a
    ///   wildcard): by the default what comes again by another path is new, and hardly any sender signs the path.
    pub fn with_scope(self, scope: Scope) -> Self {
        Self { endpoint: self.endpoint.with_scope(scope) }
    }

    /// Sets who sees every decision. Default: `tracing`, so that nothing goes unseen.
    pub fn with_observer(self, observer: impl Observer) -> Self {
        Self { endpoint: self.endpoint.with_observer(observer) }
    }

    /// Sets clock, timers, tasks and randomness. Default: tokio's.
    pub fn with_runtime(self, runtime: impl Runtime) -> Self {
        Self { endpoint: self.endpoint.with_runtime(runtime) }
    }

    /// Verifies every signature as of this time since 1970, to play recorded deliveries back. It takes away the
    /// protection against replayed requests. Default: the clock.
    pub fn with_insecure_verification_time(self, since_1970: Duration) -> Self {
        Self { endpoint: self.endpoint.with_insecure_verification_time(since_1970) }
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
