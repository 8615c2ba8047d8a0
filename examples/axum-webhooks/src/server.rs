//! The server: a webhook route for each sender and an API route, each idempotent, on any store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::{get, post};
use idempotency_demo::{Config, Ledger, Route, Secrets};
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
    let layer = |route: Route| layer(&config, &engine, route);
    let mut app = Router::new().route("/ledger", get(entries)).route("/healthz", get("ok"));
    for route in idempotency_demo::webhook_routes(&config, &secrets)? {
        let path = route.path.clone();
        app = app.route(&path, post(webhook).layer(layer(route)));
    }
    let payments = layer(idempotency_demo::payments_route(&config));
    app = app.route("/payments", post(payment).layer(payments));

    idempotency_demo::greet(&config, &secrets);
    axum::serve(listener, app.with_state(ledger)).with_graceful_shutdown(terminated()).await?;
    // An execution whose sender hung up outlives its connection.
    if !engine.drain(Duration::from_secs(30)).await {
        tracing::warn!("work was left when the drain timeout was over");
    }
    Ok(())
}

fn layer(config: &Config, engine: &Idempotency, route: Route) -> IdempotencyLayer {
    let layer = IdempotencyLayer::on_engine(engine, route.provider).with_policy(route.policy);
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
