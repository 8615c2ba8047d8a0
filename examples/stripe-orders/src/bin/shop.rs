//! Serves the shop, and makes its charges through the payment API.

use std::error::Error;
use std::time::Duration;

use idempotency_core::provider::Stripe;
use idempotency_core::{Idempotency, clock, testing};
use idempotency_sqlx::PostgresStore;
use idempotency_tower::IdempotencyLayer;
use sqlx::PgPool;
use tokio::net::TcpListener;

const SECRET: &str = "whsec_test";
const PAYMENTS: &str = "http://127.0.0.1:3001";
const EVENT: &str = r#"{"id":"evt_1","type":"checkout.session.completed","data":{"object":{"id":"cs_1","amount_total":4200}}}"#;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("the address of a PostgreSQL database is missing")?;
    let pool = PgPool::connect(&url).await?;
    stripe_orders::create_orders(&pool).await?;
    let store = PostgresStore::from_pool(&pool, "shop-development")?;
    let engine = Idempotency::new(store.clone());

    let client = stripe_orders::client();
    let relay = store.outbox().relay(move |message| {
        let client = client.clone();
        async move { stripe_orders::charge(&client, PAYMENTS, &message).await }
    });
    let relay = relay.start();

    let layer = IdempotencyLayer::on_engine(&engine, Stripe::new(SECRET)?);
    let app = stripe_orders::routes().layer(layer).with_state(store);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    print_curl();
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    engine.drain(Duration::from_secs(30)).await;
    relay.stop(Duration::from_secs(30)).await;
    Ok(())
}

/// Prints the command that delivers the event. Its signature is valid for five minutes.
fn print_curl() {
    let headers = testing::stripe(SECRET, EVENT.as_bytes(), clock::system_unix_time());
    print!("Run this as often as you like:\n\n  curl -i http://127.0.0.1:3000/webhooks/stripe -d '{EVENT}'");
    for (name, value) in &headers {
        print!(" \\\n    -H '{name}: {}'", value.to_str().unwrap_or_default());
    }
    println!("\n");
}
