//! The server: six webhook routes and an API route, each idempotent, on any store.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{CONTENT_TYPE, LOCATION};
use actix_web::web::{Bytes, Data, ServiceConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use idempotency_actix::core::{Idempotency, Store};
use idempotency_actix::{IdempotencyMiddleware, Idempotent};
use idempotency_demo::{Config, Ledger, Reply, Route, Secrets, Steering};
use tokio::signal::unix::{SignalKind, signal};

/// Serves until it is asked to end.
pub(crate) async fn serve(
    mut config: Config,
    store: Arc<dyn Store>,
    ledger: Arc<dyn Ledger>,
) -> Result<(), Box<dyn Error>> {
    let secrets = Secrets::from_env();
    // By tokio, whose backlog holds a burst of connections; that of the standard library holds 128.
    let listener = tokio::net::TcpListener::bind(config.listen).await?.into_std()?;
    config.listen = listener.local_addr()?;

    // One engine for all routes and workers.
    let engine = Idempotency::new(store);
    let middleware = |route: Route| middleware(&config, &engine, route);
    let mut webhooks = Vec::new();
    for route in idempotency_demo::webhook_routes(&config, &secrets)? {
        webhooks.push((route.path, middleware(route)));
    }
    let payments = middleware(idempotency_demo::payments_route(&config));
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
    // Executions run on the workers, also those whose sender hung up: drain while the workers live.
    handle.pause().await;
    if !engine.drain(Duration::from_secs(30)).await {
        tracing::warn!("work was left when the time to drain was over");
    }
    handle.stop(true).await;
    serving.await??;
    Ok(())
}

fn configure(
    app: &mut ServiceConfig,
    webhooks: Vec<(&'static str, IdempotencyMiddleware)>,
    payments: IdempotencyMiddleware,
) {
    for (path, middleware) in webhooks {
        app.service(web::resource(path).route(web::post().to(webhook)).wrap(middleware));
    }
    app.service(web::resource("/payments").route(web::post().to(payment)).wrap(payments))
        .route("/ledger", web::get().to(entries))
        .route("/healthz", web::get().to(async || "ok"));
}

fn middleware(config: &Config, engine: &Idempotency, route: Route) -> IdempotencyMiddleware {
    let middleware = IdempotencyMiddleware::on_engine(engine, route.provider).with_policy(route.policy);
    match config.verify_at {
        Some(seconds) => middleware.with_insecure_verification_time(Duration::from_secs(seconds)),
        None => middleware,
    }
}

async fn webhook(
    idempotent: Option<Idempotent>,
    request: HttpRequest,
    ledger: Data<dyn Ledger>,
) -> HttpResponse {
    let context = idempotent.map(|Idempotent(context)| context);
    let steering = Steering::from_query(request.uri().query());
    respond(idempotency_demo::webhook(context, steering, &**ledger).await)
}

async fn payment(
    Idempotent(context): Idempotent,
    request: HttpRequest,
    ledger: Data<dyn Ledger>,
    body: Bytes,
) -> HttpResponse {
    let steering = Steering::from_query(request.uri().query());
    respond(idempotency_demo::payment(context, steering, &**ledger, &body).await)
}

async fn entries(ledger: Data<dyn Ledger>) -> HttpResponse {
    match ledger.entries() {
        Ok(entries) => HttpResponse::Ok().json(entries),
        Err(error) => {
            tracing::error!(%error, "the ledger cannot be read");
            HttpResponse::InternalServerError().finish()
        }
    }
}

fn respond(reply: Reply) -> HttpResponse {
    let status =
        actix_web::http::StatusCode::from_u16(reply.status.as_u16()).expect("both are HTTP statuses");
    let mut response = HttpResponse::build(status);
    response.insert_header((CONTENT_TYPE, "application/json"));
    if let Some(location) = reply.location {
        response.insert_header((LOCATION, location));
    }
    response.body(reply.body)
}

async fn terminated() {
    let mut terminate = signal(SignalKind::terminate()).expect("the process may listen for signals");
    let mut interrupt = signal(SignalKind::interrupt()).expect("the process may listen for signals");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
