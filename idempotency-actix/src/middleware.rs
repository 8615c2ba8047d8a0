//! The middleware: configuration.

use std::future::{Ready, ready};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{Service, ServiceRequest, ServiceResponse, Transform};
use idempotency_core::endpoint::Endpoint;
use idempotency_core::provider::Provider;
use idempotency_core::store::Store;
use idempotency_core::{Idempotency, Policy, Scope};

use crate::carried::Carried;
use crate::{IdempotencyService, ResponseBody};

/// Makes the routes below it idempotent: `.wrap(..)` it around one `Resource`.
///
/// Around an `App` or a `Scope`, it guards all other routes in it too. Create it once, outside the factory of
/// `HttpServer::new`, and clone it inside. Clones share the store, waiters and executions, so all workers of
/// the server act as one. Keep a clone to [`drain`](Self::drain).
///
/// ```no_run
/// use actix_web::{App, HttpResponse, HttpServer, web};
/// use idempotency_actix::{IdempotencyMiddleware, Idempotent};
/// # use idempotency_actix::core::provider::Provider;
///
/// async fn handle(Idempotent(context): Idempotent, body: web::Bytes) -> HttpResponse {
///     println!("attempt {} of {}: {} bytes", context.attempt(), context.key().as_str(), body.len());
///     HttpResponse::Ok().finish()
/// }
///
/// # async fn serve(provider: impl Provider) -> std::io::Result<()> {
/// let idempotency = IdempotencyMiddleware::memory(provider);
/// HttpServer::new(move || {
///     let webhooks = web::resource("/webhooks").route(web::post().to(handle));
///     App::new().service(webhooks.wrap(idempotency.clone()))
/// })
/// .bind("127.0.0.1:8080")?
/// .run()
/// .await
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct IdempotencyMiddleware {
    endpoint: Endpoint,
    carried: Carried,
}

impl IdempotencyMiddleware {
    /// Creates a middleware on an engine, under the provider's own policy.
    ///
    /// Other middlewares and code without HTTP may share the engine. The store, observer, runtime and
    /// [`drain`](Idempotency::drain) belong to the engine. The policy, scope and name belong to the
    /// middleware.
    ///
    /// ```
    /// use idempotency_actix::provider::{GitHub, Stripe};
    /// use idempotency_actix::{Idempotency, IdempotencyMiddleware, MemoryStore};
    ///
    /// let engine = Idempotency::new(MemoryStore::new());
    /// let stripe = IdempotencyMiddleware::on_engine(&engine, Stripe::new("whsec_...")?);
    /// let github = IdempotencyMiddleware::on_engine(&engine, GitHub::new("secret")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_engine(engine: &Idempotency, provider: impl Provider) -> Self {
        Self { endpoint: Endpoint::on_engine(engine, provider), carried: Carried::new() }
    }

    /// Creates a middleware on a store, with an engine of its own, under the provider's own policy.
    pub fn new(store: impl Store, provider: impl Provider) -> Self {
        Self::on_engine(&Idempotency::new(store), provider)
    }

    /// Creates a middleware on this process's memory, for tests and for one small server.
    ///
    /// Records are lost when the process ends.
    #[cfg(feature = "memory")]
    pub fn memory(provider: impl Provider) -> Self {
        Self::new(idempotency_core::store::memory::MemoryStore::new(), provider)
    }

    /// Creates a middleware on Redis or Valkey, with an engine of its own.
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
        Self { endpoint: self.endpoint.with_policy(policy), ..self }
    }

    /// Changes settings of the current policy, which is the provider's own unless another was set.
    ///
    /// With a [registry](crate::provider::Providers), this changes the policy of each provider.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use idempotency_actix::{IdempotencyMiddleware, provider::Stripe};
    /// let idempotency = IdempotencyMiddleware::memory(Stripe::new("whsec_...")?)
    ///     .map_policy(|policy| policy.with_lease(Duration::from_secs(120)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn map_policy(self, change: impl Fn(Policy) -> Policy) -> Self {
        Self { endpoint: self.endpoint.map_policy(change), ..self }
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
        Self { endpoint: self.endpoint.with_scope(scope), ..self }
    }

    /// Shows providers the value of type `T` that earlier middleware put into the request's extensions.
    ///
    /// An example is the authenticated user that
    /// [`IdempotencyKey::per_principal`](crate::provider::IdempotencyKey::per_principal) needs. Call this
    /// once for each type, because actix-web's extensions cannot be listed. Default: providers see no
    /// extensions.
    ///
    /// ```
    /// use actix_web::{App, HttpMessage as _, HttpResponse, dev::Service as _, web};
    /// use idempotency_actix::provider::IdempotencyKey;
    /// use idempotency_actix::IdempotencyMiddleware;
    ///
    /// #[derive(Clone)]
    /// struct User(String);
    ///
    /// let keys = IdempotencyKey::per_principal(|incoming| {
    ///     incoming.extensions.get::<User>().map(|user| user.0.clone())
    /// });
    /// let idempotency = IdempotencyMiddleware::memory(keys).with_extension::<User>();
    /// let payments = web::resource("/payments")
    ///     .route(web::post().to(HttpResponse::Ok))
    ///     .wrap(idempotency)
    ///     .wrap_fn(|request, service| {
    ///         request.extensions_mut().insert(User("alice".to_owned())); // as authenticated
    ///         service.call(request)
    ///     });
    /// # let _ = App::new().service(payments);
    /// ```
    pub fn with_extension<T: Clone + Send + Sync + 'static>(self) -> Self {
        Self { carried: self.carried.with::<T>(), ..self }
    }

    /// Makes the request's query part of the default scope.
    ///
    /// One event at `/hook?version=2` and at `/hook` is then two. Use this to move a sender between two URLs
    /// that differ only in the query. It has no effect if a scope is set. Only the query's SHA-256 is kept,
    /// as a tenant of the scope, so logs and records do not show its text.
    ///
    /// Default: the query is not part of the scope, because many senders' URLs carry tokens that change.
    pub fn with_query_in_scope(self) -> Self {
        Self { endpoint: self.endpoint.with_query_in_scope(), ..self }
    }

    /// Verifies every signature as of this time since 1970, to play back recorded deliveries.
    ///
    /// This removes the protection against replayed requests. Default: the clock.
    pub fn with_insecure_verification_time(self, since_1970: Duration) -> Self {
        Self { endpoint: self.endpoint.with_insecure_verification_time(since_1970), ..self }
    }

    /// The engine, for operators and for work without HTTP.
    #[must_use]
    pub fn engine(&self) -> &Idempotency {
        self.endpoint.engine()
    }

    /// Waits for all executions and background work to finish, for at most `timeout`.
    ///
    /// Returns whether all have finished. Call it **before** the server has stopped, after
    /// [`ServerHandle::pause`](actix_web::dev::ServerHandle::pause): a worker that stops waits only for its
    /// connections, and drops an execution whose sender hung up.
    ///
    /// # Cancel safety
    /// Safe to drop: nothing is cancelled.
    pub async fn drain(&self, timeout: Duration) -> bool {
        self.endpoint.engine().drain(timeout).await
    }
}

impl<S, B> Transform<S, ServiceRequest> for IdempotencyMiddleware
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error> + 'static,
    B: MessageBody + 'static,
{
    type Response = ServiceResponse<ResponseBody<B>>;
    type Error = Error;
    type Transform = IdempotencyService<S>;
    type InitError = ();
    type Future = Ready<Result<Self::Transform, ()>>;

    fn new_transform(&self, service: S) -> Self::Future {
        ready(Ok(IdempotencyService::new(service, self.endpoint.clone(), self.carried.clone())))
    }
}
