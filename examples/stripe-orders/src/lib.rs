//! A shop: a signed event from Stripe writes an order and charges for it through another company's API. However often the
//! event comes, and wherever the shop dies, there is one order and one charge.
//!
//! | Run | Starts |
//! |---|---|
//! | `cargo run -p stripe-orders --bin payments` | a stand-in for the payment API, on port 3001 |
//! | `cargo run -p stripe-orders --bin shop postgres://…` | the shop, on port 3000; kill it whenever you like |
//!
//! The order, the charge to make, and the record of the event are one transaction. The relay makes the charge after the
//! commit, at least once, and always under the same `Idempotency-Key`. The payment API charges once for each key.

mod payments;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::extract::Json;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::Full;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use idempotency_sqlx::outbox::Message;
use idempotency_sqlx::{IdempotentTransaction, PostgresStore};
use serde::{Deserialize, Serialize};
use sqlx::{PgPool, Postgres};

pub use payments::Payments;

/// Creates the shop's table.
///
/// # Errors
/// When the database does not.
pub async fn create_orders(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("CREATE TABLE IF NOT EXISTS orders (id text, cents bigint)").execute(pool).await?;
    Ok(())
}

/// The part of an event that the shop reads.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Session,
}

#[derive(Deserialize)]
struct Session {
    id: String,
    #[serde(default)]
    amount_total: i64,
}

/// A charge to make.
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Charge {
    /// The order.
    pub order: String,
    /// The amount.
    pub cents: i64,
}

/// The routes of the shop. Their state is the store in which the layer's engine keeps its records.
pub fn routes() -> Router<PostgresStore> {
    Router::new().route("/webhooks/stripe", post(handle))
}

async fn handle(
    mut transaction: IdempotentTransaction<Postgres>,
    Json(event): Json<Event>,
) -> Result<StatusCode, StatusCode> {
    if event.kind != "checkout.session.completed" {
        return Ok(StatusCode::OK);
    }
    let Session { id, amount_total } = event.data.object;
    order(&mut transaction, Charge { order: id, cents: amount_total })
        .await
        .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(StatusCode::CREATED)
}

/// Writes the order, and the charge to make.
async fn order(transaction: &mut IdempotentTransaction<Postgres>, charge: Charge) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO orders VALUES ($1, $2)")
        .bind(&charge.order)
        .bind(charge.cents)
        .execute(&mut **transaction)
        .await?;
    transaction.outbox().push_json("charge", &charge).await?;
    Ok(())
}

/// A client of the payment API.
pub type Client = legacy::Client<HttpConnector, Full<Bytes>>;

/// Makes a client.
#[must_use]
pub fn client() -> Client {
    legacy::Client::builder(TokioExecutor::new()).build_http()
}

/// Makes the charge of a message through the payment API at this address. If this is a repeat, the API answers as it did
/// before, and charges nothing.
///
/// # Errors
/// When the API does not answer, or refuses. The relay then hands the message over again.
pub async fn charge(
    client: &Client,
    api: &str,
    message: &Message,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let request = Request::post(format!("{api}/charges"))
        .header("authorization", "Bearer shop")
        .header("content-type", "application/json")
        .header("idempotency-key", message.key())
        .body(Full::from(message.payload().to_vec()))?;
    let response = tokio::time::timeout(Duration::from_secs(10), client.request(request)).await??;
    match response.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the payment API answered {status}").into()),
    }
}
