//! The extractor: passes the context to a handler.

use std::future::{Ready, ready};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::ContentType;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, HttpResponse, ResponseError};
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Extracts a handler's [`IdempotencyContext`].
///
/// Use `Option<Idempotent>` on routes that requests without a key may pass.
/// `web::ReqData<IdempotencyContext>` and the request's extensions hold the same context.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure an extractor")]
pub struct Idempotent(pub IdempotencyContext);

impl FromRequest for Idempotent {
    type Error = NotIdempotent;
    type Future = Ready<Result<Self, NotIdempotent>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let is_batch = || extensions.get::<BatchContext>().is_some();
        let context = extensions.get().cloned();
        ready(
            context
                .map(Self)
                .ok_or_else(|| if is_batch() { NotIdempotent::BATCH } else { NotIdempotent::UNGUARDED }),
        )
    }
}

/// Extracts the [`BatchContext`] of a request with several deliveries.
///
/// ```
/// use actix_web::{HttpResponse, web};
/// use idempotency_actix::IdempotentBatch;
///
/// async fn handle(
///     IdempotentBatch(batch): IdempotentBatch,
///     events: web::Json<Vec<serde_json::Value>>,
/// ) -> HttpResponse {
///     for item in batch.new_items() {
///         println!("attempt {}: {}", item.context().attempt(), events[item.index()]);
///     }
///     HttpResponse::Ok().finish()
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure an extractor")]
pub struct IdempotentBatch(pub BatchContext);

impl FromRequest for IdempotentBatch {
    type Error = NotIdempotent;
    type Future = Ready<Result<Self, NotIdempotent>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let extensions = request.extensions();
        let is_single = || extensions.get::<IdempotencyContext>().is_some();
        let context = extensions.get().cloned();
        ready(
            context
                .map(Self)
                .ok_or_else(|| if is_single() { NotIdempotent::SINGLE } else { NotIdempotent::UNGUARDED }),
        )
    }
}

/// An extractor found no context, or the other kind of context. Answered with 500 and logged at `ERROR`.
///
/// The route is wired wrongly: it has no idempotency middleware, the request passed it without a key, or the
/// other extractor is the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotIdempotent {
    reason: &'static str,
}

impl NotIdempotent {
    const UNGUARDED: Self = Self {
        reason: "the request has no idempotency context: is the route wrapped in the middleware, and does the request \
                 have a key?",
    };
    const BATCH: Self = Self {
        reason: "the request is a batch: extract `IdempotentBatch`, or `Option` of both on a shared route",
    };
    const SINGLE: Self = Self {
        reason: "the request is a single delivery: extract `Idempotent`, or `Option` of both on a shared route",
    };
}

impl std::fmt::Display for NotIdempotent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason)
    }
}

impl std::error::Error for NotIdempotent {}

impl ResponseError for NotIdempotent {
    fn error_response(&self) -> HttpResponse<BoxBody> {
        tracing::error!(target: "idempotency", "{self}");
        HttpResponse::InternalServerError().content_type(ContentType::plaintext()).body(self.to_string())
    }
}
