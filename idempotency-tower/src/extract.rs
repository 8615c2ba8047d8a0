//! The extractor: passes the context to an axum handler.

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

/// Extracts a handler's [`IdempotencyContext`].
///
/// Use `Option<Idempotent>` on routes that requests without a key may pass.
/// `axum::Extension<IdempotencyContext>` and the request's extensions hold the same context.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "handlers destructure an extractor")]
pub struct Idempotent(pub IdempotencyContext);

impl<S: Sync> FromRequestParts<S> for Idempotent {
    type Rejection = NotIdempotent;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NotIdempotent> {
        let is_batch = || parts.extensions.get::<BatchContext>().is_some();
        let context = parts.extensions.get().cloned();
        context
            .map(Self)
            .ok_or_else(|| if is_batch() { NotIdempotent::BATCH } else { NotIdempotent::UNGUARDED })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Idempotent {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned().map(Self))
    }
}

/// Extracts the [`BatchContext`] of a request with several deliveries.
///
/// On a route that also gets single deliveries, such as that of a registry, take `Option<IdempotentBatch>` and
/// `Option<Idempotent>`.
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
#[expect(clippy::exhaustive_structs, reason = "handlers destructure an extractor")]
pub struct IdempotentBatch(pub BatchContext);

impl<S: Sync> FromRequestParts<S> for IdempotentBatch {
    type Rejection = NotIdempotent;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, NotIdempotent> {
        let is_single = || parts.extensions.get::<IdempotencyContext>().is_some();
        let context = parts.extensions.get().cloned();
        context
            .map(Self)
            .ok_or_else(|| if is_single() { NotIdempotent::SINGLE } else { NotIdempotent::UNGUARDED })
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotentBatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Self::Rejection> {
        Ok(parts.extensions.get().cloned().map(Self))
    }
}

/// An extractor found no context, or the other kind of context. Answered with 500 and logged at `ERROR`.
///
/// The route is wired wrongly: it has no idempotency layer, the request passed it without a key, or the other
/// extractor is the right one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotIdempotent {
    reason: &'static str,
}

impl NotIdempotent {
    const UNGUARDED: Self = Self {
        reason: "the request has no idempotency context: is there a layer, and does the request have a key?",
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

impl IntoResponse for NotIdempotent {
    fn into_response(self) -> Response {
        tracing::error!(target: "idempotency", "{self}");
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}
