//! The extractor: the context in a handler's arguments.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, ResponseError};
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Gives a handler its [`IdempotencyContext`].
///
/// Use `Option<Idempotent>` on routes that requests without a key may pass. `web::ReqData<IdempotencyContext>` and the
/// request's extensions give the same.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an extractor is there to be taken apart")]
pub struct Idempotent(pub IdempotencyContext);

impl FromRequest for Idempotent {
    type Error = NotIdempotent;
    type Future = Ready<Result<Self, NotIdempotent>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request.extensions().get().cloned().map(Self).ok_or(NotIdempotent))
    }
}

/// Gives a handler the [`BatchContext`] of a request with several deliveries.
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
#[expect(clippy::exhaustive_structs, reason = "an extractor is there to be taken apart")]
pub struct IdempotentBatch(pub BatchContext);

impl FromRequest for IdempotentBatch {
    type Error = NotIdempotent;
    type Future = Ready<Result<Self, NotIdempotent>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        ready(request.extensions().get().cloned().map(Self).ok_or(NotIdempotent))
    }
}

/// The route has no idempotency middleware, or the request passed it without a key. Answered as 500, since the route
/// was wired wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotIdempotent;

impl std::fmt::Display for NotIdempotent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the request has no idempotency context: is the route wrapped in the middleware, and does the request have \
             a key?",
        )
    }
}

impl std::error::Error for NotIdempotent {}

impl ResponseError for NotIdempotent {}
