//! The extractor: the context in an axum handler's arguments.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Gives a handler its [`IdempotencyContext`].
///
/// Use `Option<Idempotent>` on routes that requests without a key may pass. `axum::Extension<IdempotencyContext>` and
/// the request's extensions give the same.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an extractor is there to be taken apart")]
pub struct Idempotent(pub IdempotencyContext);

impl<S: Sync> FromRequestParts<S> for Idempotent {
    type Rejection = NotIdempotent;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NotIdempotent> {
        parts.extensions.get().cloned().map(Self).ok_or(NotIdempotent)
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Idempotent {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned().map(Self))
    }
}

/// Gives a handler the [`BatchContext`] of a request with several deliveries.
///
/// ```
/// use axum::Json;
/// use idempotency_tower::IdempotentBatch;
///
/// async fn handle(IdempotentBatch(batch): IdempotentBatch, Json(events): Json<Vec<serde_json::Value>>) {
///     for item in batch.new_items() {
///         println!("attempt {}: {}", item.context().attempt(), events[item.index()]);
///     }
/// }
/// ```
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "an extractor is there to be taken apart")]
pub struct IdempotentBatch(pub BatchContext);

impl<S: Sync> FromRequestParts<S> for IdempotentBatch {
    type Rejection = NotIdempotent;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NotIdempotent> {
        parts.extensions.get().cloned().map(Self).ok_or(NotIdempotent)
    }
}

/// The route has no idempotency layer, or the request passed it without a key. Answered as 500, since the route was
/// wired wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotIdempotent;

impl std::fmt::Display for NotIdempotent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(
            "the request has no idempotency context: is there a layer, and does the request have a key?",
        )
    }
}

impl std::error::Error for NotIdempotent {}

impl IntoResponse for NotIdempotent {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
