//! The server: six webhook routes and an API route, each idempotent, on any store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use idempotency_demo::{Config, Ledger, Reply, Route, Secrets, Steering};
use idempotency_tower::core::{Idempotency, Store};
use idempotency_tower::{IdempotencyLayer, Idempotent};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until it is asked to end.
pub(crate) async fn serve(
    mut config: Config,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
) -> Result<(), Box<dyn Error>> {
    let secrets = Secrets::from_env();
    let listener = tokio::net::TcpListener::bind(config.listen).await?;
    config.listen = listener.local_addr()?;

    // One engine for all routes.
    let engine = Idempotency::new(store);
    let layer = |route: Route| layer(&config, &engine, route);
    let mut app = Router::new().route("/ledger", get(entries)).route("/healthz", get("ok"));
    for route in idempotency_demo::webhook_routes(&config, &secrets)? {
        app = app.route(route.path, post(webhook).layer(layer(route)));
    }
    let payments = layer(idempotency_demo::payments_route(&config));
    app = app.route("/payments", post(payment).layer(payments));

    idempotency_demo::greet(&config, &secrets);
    axum::serve(listener, app.with_state(ledger)).with_graceful_shutdown(terminated()).await?;
    // What outlived its connection: executions whose sender hung up.
    if !engine.drain(Duration::from_secs(30)).await {
        tracing::warn!("work was left when the time to drain was over");
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

async fn webhook(
    idempotent: Option<Idempotent>,
    RawQuery(query): RawQuery,
    State(ledger): State<Arc<dyn Ledger>>,
) -> Response {
    let context = idempotent.map(|Idempotent(context)| context);
    respond(idempotency_demo::webhook(context, Steering::from_query(query.as_deref()), &*ledger).await)
}

async fn payment(
    Idempotent(context): Idempotent,
    RawQuery(query): RawQuery,
    State(ledger): State<Arc<dyn Ledger>>,
    body: Bytes,
) -> Response {
    respond(idempotency_demo::payment(context, Steering::from_query(query.as_deref()), &*ledger, &body).await)
}

async fn entries(State(ledger): State<Arc<dyn Ledger>>) -> Result<Json<Vec<serde_json::Value>>, StatusCode> {
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

async fn terminated() {
    let mut terminate = signal(SignalKind::terminate()).expect("the process may listen for signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process may listen for signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
