//! The handlers: extract a delivery and send a reply with axum.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use idempotency_demo::{Ledger, Reply};
use idempotency_tower::{Idempotent, IdempotentBatch, NotIdempotent};

pub(crate) async fn webhook(
    batch: Result<IdempotentBatch, NotIdempotent>,
    idempotent: Option<Idempotent>,
    State(ledger): State<Arc<dyn Ledger>>,
) -> Response {
    if let Ok(IdempotentBatch(batch)) = batch {
        return respond(idempotency_demo::batch(batch, &*ledger).await);
    }
    let context = idempotent.map(|Idempotent(context)| context);
    respond(idempotency_demo::webhook(context, &*ledger).await)
}

pub(crate) async fn payment(
    Idempotent(context): Idempotent,
    State(ledger): State<Arc<dyn Ledger>>,
    body: Bytes,
) -> Response {
    respond(idempotency_demo::payment(context, &*ledger, &body).await)
}

pub(crate) async fn entries(
    State(ledger): State<Arc<dyn Ledger>>,
) -> Result<Json<Vec<serde_json::Value>>, StatusCode> {
    ledger.entries().map(Json).map_err(|error| {
        tracing::error!(%error, "the ledger cannot be read");
        StatusCode::INTERNAL_SERVER_ERROR
    })
}

fn respond(reply: Reply) -> Response {
    let mut response = (reply.status, [(CONTENT_TYPE, "application/json")], reply.body).into_response();
    if let Some(location) = reply.location.and_then(|location| location.try_into().ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}
