//! An API whose clients send an `Idempotency-Key`, with an OpenAPI document of its answers and headers.
#![expect(clippy::exhaustive_structs, reason = "this is an app, not a library with a stable API")]

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use idempotency_tower::{IdempotencyLayer, Idempotent, provider::IdempotencyKey};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use utoipa::{OpenApi, ToSchema};

/// A payment to make.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewPayment {
    /// The amount in cents.
    pub amount: u64,
}

/// A payment that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct Payment {
    /// The same for all requests with one key.
    pub id: String,
    /// The amount in cents.
    pub amount: u64,
}

/// A refusal (RFC 9457), sent as `application/problem+json`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The kind of problem. Stable across releases.
    #[serde(rename = "type")]
    #[schema(example = "urn:idempotency:in-flight")]
    pub kind: String,
    /// A short summary of the kind.
    pub title: String,
    /// The status code.
    pub status: u16,
    /// An explanation, and what to do.
    pub detail: String,
    /// An id of this occurrence, for a client to quote.
    pub instance: String,
    /// Whether the same request can succeed when sent again.
    pub retryable: bool,
}

/// Makes a payment, once for each key.
#[utoipa::path(
    post,
    path = "/payments",
    params(
        ("Idempotency-Key" = String, Header, description = "Names the payment. Send the same key with each retry, and a new one with each new payment.", min_length = 1, max_length = 255, example = "order-42"),
        ("X-Api-Key" = String, Header, description = "The client. Each client has keys of its own."),
    ),
    request_body = NewPayment,
    responses(
        (status = 201, description = "The payment was made, now or by an earlier request with this key.", body = Payment, headers(
            ("Idempotency-Status" = String, description = "`executed`, or `replayed` if the answer is that to an earlier request."),
            ("Idempotent-Replayed" = bool, description = "`true` on an answer that is replayed, else absent."),
        )),
        (status = 400, description = "The key is missing or malformed.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "The client is not authenticated.", body = Problem, content_type = "application/problem+json", headers(
            ("WWW-Authenticate" = String, description = "How to authenticate."),
        )),
        (status = 409, description = "A request with this key is under way.", body = Problem, content_type = "application/problem+json", headers(
            ("Idempotency-Status" = String, description = "`conflict`, or `in-doubt` if an operator has to settle the key."),
            ("Retry-After" = u64, description = "When to send the same request again, in seconds. Absent if the key is in doubt."),
        )),
        (status = 422, description = "The key was used for another request.", body = Problem, content_type = "application/problem+json", headers(
            ("Idempotency-Status" = String, description = "`mismatch`."),
        )),
        (status = 503, description = "The store is out of reach. Nothing was paid.", body = Problem, content_type = "application/problem+json", headers(
            ("Retry-After" = u64, description = "When to send the same request again, in seconds."),
        )),
    ),
)]
async fn pay(
    State(bank): State<Arc<Semaphore>>,
    Idempotent(context): Idempotent,
    Json(payment): Json<NewPayment>,
) -> Result<(StatusCode, Json<Payment>), StatusCode> {
    let _connection = bank.acquire().await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
    let payment = Payment { id: context.derive_key("payment"), amount: payment.amount };
    Ok((StatusCode::CREATED, Json(payment)))
}

/// The OpenAPI document.
#[derive(Clone, Copy, Debug, OpenApi)]
#[openapi(info(title = "Payments"), paths(pay))]
pub struct Document;

/// Returns the API, with its document at `/openapi.json`. Each payment takes a permit of `bank`.
pub fn app(bank: Arc<Semaphore>) -> Router {
    // A real API checks the client's key in front of this layer.
    let keys = IdempotencyKey::per_header_principal("x-api-key").with_challenge("ApiKey realm=\"payments\"");
    Router::new()
        .route("/payments", post(pay).layer(IdempotencyLayer::memory(keys)))
        .route("/openapi.json", get(async || Json(Document::openapi())))
        .with_state(bank)
}
