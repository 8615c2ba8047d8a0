//! The server: a webhook route for all senders and an API route, each idempotent, on any store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use actix_web::{App, HttpServer, web};
use idempotency_actix::IdempotencyMiddleware;
use idempotency_actix::core::Idempotency;
use idempotency_actix::core::store::Store;
use idempotency_demo::{Config, Ledger, Secrets};
use tokio::signal::unix::{SignalKind, signal};

use crate::handlers::{entries, payment, webhook};

/// Serves until the process is asked to terminate.
pub(crate) async fn serve(
    mut config: Config,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
) -> Result<(), Box<dyn Error>> {
    let secrets = Secrets::from_env();
    // Tokio's listener has a backlog that holds a burst of connections. The standard library's holds 128.
    let listener = tokio::net::TcpListener::bind(config.listen).await?.into_std()?;
    config.listen = listener.local_addr()?;

    // One engine serves all routes and workers.
    let engine = Idempotency::new(store);
    let senders = idempotency_demo::webhook_providers(&config, &secrets)?;
    let webhooks = IdempotencyMiddleware::on_engine(&engine, senders)
        .map_policy(|policy| idempotency_demo::webhook_policy(policy, &config));
    let payments = IdempotencyMiddleware::on_engine(&engine, idempotency_demo::payments_provider())
        .map_policy(|policy| idempotency_demo::payments_policy(policy, &config));
    let (webhooks, payments) = (at_time(webhooks, &config), at_time(payments, &config));
    let ledger = Data::from(ledger);

    idempotency_demo::greet(&config, &secrets);
    let server = HttpServer::new(move || {
        let (webhooks, payments) = (webhooks.clone(), payments.clone());
        App::new().app_data(ledger.clone()).configure(|app| configure(app, webhooks, payments))
    })
    .listen(listener)?
    .disable_signals()
    .run();
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    terminated().await;
    // Executions run on the workers, even those whose sender hung up, so drain while the workers live.
    handle.pause().await;
    if !engine.drain(Duration::from_secs(30)).await {
        tracing::warn!("work was left when the drain timeout was over");
    }
    handle.stop(true).await;
    serving.await??;
    Ok(())
}

fn configure(app: &mut ServiceConfig, webhooks: IdempotencyMiddleware, payments: IdempotencyMiddleware) {
    app.service(web::resource(idempotency_demo::WEBHOOKS).route(web::post().to(webhook)).wrap(webhooks))
        .service(web::resource("/payments").route(web::post().to(payment)).wrap(payments))
        .route("/ledger", web::get().to(entries))
        .route("/healthz", web::get().to(async || "ok"));
}

/// Verifies signatures as of the time from the flags, if there is one.
fn at_time(middleware: IdempotencyMiddleware, config: &Config) -> IdempotencyMiddleware {
    match config.verify_at {
        Some(seconds) => middleware.with_insecure_verification_time(Duration::from_secs(seconds)),
        None => middleware,
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
