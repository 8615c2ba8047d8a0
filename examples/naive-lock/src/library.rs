//! This library: the same handler behind a layer.

use std::error::Error;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Json, Router, routing::post};
use idempotency_tower::IdempotencyLayer;
use idempotency_tower::core::provider::{Provider as _, StandardWebhooks};

use crate::event::Event;
use crate::handler::Handler;
use crate::{LEASE, SECRET, TIMEOUT};

pub(crate) fn app(redis: &str, handler: Handler) -> Result<Router, Box<dyn Error>> {
    let sender = StandardWebhooks::new(SECRET)?.discarding_stale(["user.created", "user.updated"])?;
    let policy = sender
        .policy()
        .with_lease(LEASE)
        // This sender waits only a second for an answer.
        .with_wait(TIMEOUT * 3 / 4)
        // The storm is over by then, and the records of a run are not needed longer.
        .with_retention(Duration::from_secs(120));
    let layer = IdempotencyLayer::redis(redis, "naive-lock", sender)?.with_policy(policy);
    Ok(Router::new().route("/webhook", post(receive)).layer(layer).with_state(handler))
}

async fn receive(State(handler): State<Handler>, Json(event): Json<Event>) -> StatusCode {
    match handler.handle(&event).await {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
