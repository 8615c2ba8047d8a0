//! The shop of the example `stripe-orders` for tests. Its arguments are the addresses of a database and of a payment API.
//! Prints its address. Kills itself at the point that `FAULT_AT` or `RELAY_FAULT_AT` names. In a delivery, the header
//! `x-delay-ms` slows the handler down, and `x-fail` makes it fail.

use std::error::Error;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use idempotency_core::provider::Stripe;
use idempotency_core::store::Store;
use idempotency_core::{Idempotency, Policy};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::faults::{Armed, FaultyStore, Point};
use idempotency_tower::IdempotencyLayer;
use sqlx::postgres::PgPoolOptions;

/// Short, because a crash leaves leases behind.
const LEASE: Duration = Duration::from_secs(2);

type Fault = Option<Arc<Armed>>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().ok_or("the address of a database")?;
    let api = arguments.next().ok_or("the address of a payment API")?;
    let pool = PgPoolOptions::new().max_connections(4).connect(&url).await?;
    let store = PostgresStore::from_pool(&pool, "shop")?.with_timeout(Duration::from_secs(20));

    let fault: Fault = Armed::from_env()?.map(Arc::new);
    let records: Arc<dyn Store> = match &fault {
        Some(armed) => Arc::new(FaultyStore::new(Arc::new(store.clone()), Arc::clone(armed))),
        None => Arc::new(store.clone()),
    };
    let policy = Policy::webhook().with_lease(LEASE).with_wait(Duration::from_secs(5));
    let engine = Idempotency::new(records);
    let layer = IdempotencyLayer::on_engine(&engine, Stripe::new("whsec_test")?).with_policy(policy);
    let app = stripe_orders::routes()
        .layer(from_fn_with_state(fault.clone(), inside))
        .layer(layer)
        .layer(from_fn_with_state(fault, outside))
        .with_state(store.clone());

    let (client, relay_fault) = (stripe_orders::client(), std::env::var("RELAY_FAULT_AT").ok());
    let relay = store.outbox().relay(move |message| {
        let (client, api, fault) = (client.clone(), api.clone(), relay_fault.clone());
        async move {
            die_at("before-call", fault.as_deref());
            stripe_orders::charge(&client, &api, &message).await?;
            die_at("after-call", fault.as_deref());
            Ok::<_, Box<dyn Error + Send + Sync>>(())
        }
    });
    let _relay = relay.with_lease(LEASE).with_poll_interval(Duration::from_millis(50)).start();

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Around the handler, whose transaction is committed afterwards.
async fn inside(State(fault): State<Fault>, request: Request, next: Next) -> Response {
    let delay = request.headers().get("x-delay-ms").and_then(|value| value.to_str().ok()?.parse().ok());
    let delay = Duration::from_millis(delay.unwrap_or_default());
    let fails = request.headers().contains_key("x-fail");
    reach(&fault, Point::BeforeEffect);
    let response = next.run(request).await;
    reach(&fault, Point::AfterEffect);
    tokio::time::sleep(delay).await;
    if fails {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    reach(&fault, Point::BeforeComplete);
    response
}

/// Around the layer, whose answer is recorded.
async fn outside(State(fault): State<Fault>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    reach(&fault, Point::AfterComplete);
    response
}

fn reach(fault: &Fault, point: Point) {
    if let Some(armed) = fault {
        armed.reach(point);
    }
}

fn die_at(point: &str, fault: Option<&str>) {
    if fault == Some(point) {
        let kill = Command::new("sh").args(["-c", r#"kill -KILL "$PPID""#]).status();
        kill.expect("sh is installed");
    }
}
