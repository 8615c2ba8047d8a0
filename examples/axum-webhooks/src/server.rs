//! The server: a webhook route for all senders and an API route, each idempotent, on any store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use idempotency_demo::{Config, Ledger, Secrets};
use idempotency_tower::IdempotencyLayer;
use idempotency_tower::core::Idempotency;
use idempotency_tower::core::store::Store;
use tokio::signal::unix::{SignalKind, signal};

use crate::handlers::{entries, payment, webhook};

/// Serves until the process is asked to terminate.
pub(crate) async fn serve(
    mut config: Config,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
) -> Result<(), Box<dyn Error>> {
    let secrets = Secrets::from_env();
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    config.listen = listener.local_addr()?;

    // One engine serves all routes.
    let engine = Idempotency::new(store);
    let senders = idempotency_demo::webhook_providers(&config, &secrets)?;
    let webhooks = IdempotencyLayer::on_engine(&engine, senders)
        .map_policy(|policy| idempotency_demo::webhook_policy(policy, &config));
    let payments = IdempotencyLayer::on_engine(&engine, idempotency_demo::payments_provider())
        .map_policy(|policy| idempotency_demo::payments_policy(policy, &config));
    let app = Router::new()
        .route(idempotency_demo::WEBHOOKS, post(webhook).layer(at_time(webhooks, &config)))
        .route("/payments", post(payment).layer(at_time(payments, &config)))
        .route("/ledger", get(entries))
        .route("/healthz", get("ok"));

    idempotency_demo::greet(&config, &secrets);
    axum::serve(listener, app.with_state(ledger)).with_graceful_shutdown(terminated()).await?;
    // An execution whose sender hung up outlives its connection.
    if !engine.drain(Duration::from_secs(30)).await {
        tracing::warn!("work was left when the drain timeout was over");
    }
    Ok(())
}

/// Verifies signatures as of the time from the flags, if there is one.
fn at_time(layer: IdempotencyLayer, config: &Config) -> IdempotencyLayer {
    match config.verify_at {
        Some(seconds) => layer.with_insecure_verification_time(Duration::from_secs(seconds)),
        None => layer,
    }
}

async fn terminated() {
    let mut terminate = signal(SignalKind::terminate()).expect("the process may listen for signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process may listen for signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
