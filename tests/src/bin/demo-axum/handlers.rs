//! The handlers of the example, with [`Steering`](idempotency_tests::demo::Steering).

#[path = "../../../../examples/axum-webhooks/src/handlers.rs"]
mod example;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use idempotency_demo::Ledger;
use idempotency_tests::demo::Steering;
use idempotency_tower::{Idempotent, IdempotentBatch, NotIdempotent};

pub(crate) use example::entries;

pub(crate) async fn webhook(
    batch: Result<IdempotentBatch, NotIdempotent>,
    idempotent: Option<Idempotent>,
    RawQuery(query): RawQuery,
    ledger: State<Arc<dyn Ledger>>,
) -> Response {
    if let Some(idempotent) = &idempotent
        && let Err(failure) = steer(idempotent, query).await
    {
        return failure;
    }
    example::webhook(batch, idempotent, ledger).await
}

pub(crate) async fn payment(
    idempotent: Idempotent,
    RawQuery(query): RawQuery,
    ledger: State<Arc<dyn Ledger>>,
    body: Bytes,
) -> Response {
    match steer(&idempotent, query).await {
        Ok(()) => example::payment(idempotent, ledger, body).await,
        Err(failure) => failure,
    }
}

async fn steer(Idempotent(context): &Idempotent, query: Option<String>) -> Result<(), Response> {
    let steered = Steering::from_query(query.as_deref()).steer(context).await;
    steered.map_err(|body| (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response())
}
