//! The extractor for axum.

use axum_core::body::Body;
use axum_core::extract::{FromRef, FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;
use idempotency_core::IdempotencyContext;
use idempotency_core::engine::BatchContext;

use super::{NoTransaction, Refusal, begin};
use crate::transaction::{IdempotentTransaction, Transactional};

/// Begins a transaction in the store of the router's state.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S, DB> FromRequestParts<S> for IdempotentTransaction<DB>
where
    S: Send + Sync,
    DB: Transactional,
    DB::Store: FromRef<S>,
{
    type Rejection = NoTransaction;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, NoTransaction> {
        let transaction = <Self as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        transaction.ok_or_else(|| NoTransaction::without_context(None))
    }
}

/// `None` if the request passed its layer without a key. A transaction that does not begin is an error.
#[cfg_attr(docsrs, doc(cfg(feature = "axum")))]
impl<S, DB> OptionalFromRequestParts<S> for IdempotentTransaction<DB>
where
    S: Send + Sync,
    DB: Transactional,
    DB::Store: FromRef<S>,
{
    type Rejection = NoTransaction;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, NoTransaction> {
        if let Some(batch) = parts.extensions.get::<BatchContext>() {
            return Err(NoTransaction::without_context(Some(batch)));
        }
        let Some(context) = parts.extensions.get::<IdempotencyContext>().cloned() else { return Ok(None) };
        let store = DB::Store::from_ref(state);
        begin(&store, &context).await.map(Some)
    }
}

impl IntoResponse for NoTransaction {
    fn into_response(self) -> Response {
        match self.refusal() {
            Refusal::Later(answer) => {
                let mut response = Response::new(Body::from(answer.body));
                *response.status_mut() = answer.status;
                *response.headers_mut() = answer.headers;
                response
            }
            Refusal::Never(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason).into_response(),
        }
    }
}
