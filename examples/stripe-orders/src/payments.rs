//! A stand-in for the API of a payment company, which honours `Idempotency-Key`.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Json, State};
use axum::http::StatusCode;
use axum::routing::post;
use idempotency_core::provider::IdempotencyKey;
use idempotency_tower::IdempotencyLayer;

use crate::Charge;

/// The payment API. It keeps its charges in memory.
#[derive(Clone, Default, Debug)]
pub struct Payments(Arc<Mutex<Vec<Charge>>>);

impl Payments {
    /// Its router.
    pub fn router(&self) -> Router {
        let keys = IdempotencyLayer::memory(IdempotencyKey::per_header_principal("authorization"));
        Router::new().route("/charges", post(charge)).layer(keys).with_state(self.clone())
    }

    /// The charges that were made.
    #[must_use]
    pub fn charges(&self) -> Vec<Charge> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn charge(State(payments): State<Payments>, Json(charge): Json<Charge>) -> StatusCode {
    println!("charged {} cents for {}", charge.cents, charge.order);
    payments.0.lock().unwrap_or_else(PoisonError::into_inner).push(charge);
    StatusCode::CREATED
}
