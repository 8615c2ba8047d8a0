//! A webhook in axum, on the memory store.

use std::error::Error;

use axum::{Router, routing::post};
use idempotency_tower::{IdempotencyLayer, Idempotent, provider::Stripe};
use tokio::net::TcpListener;

async fn handle(Idempotent(context): Idempotent, event: String) -> String {
    println!("attempt {} of {}: {event}", context.attempt(), context.key().as_str());
    // An idempotency key for the payment API that this handler calls. It is the same in every attempt.
    context.derive_key("charge")
}

fn app() -> Result<Router, Box<dyn Error>> {
    let idempotency = IdempotencyLayer::memory(Stripe::new(quickstart::SECRET)?);
    // On this route only: `Router::layer` would guard all other routes too.
    Ok(Router::new().route("/webhooks/stripe", post(handle).layer(idempotency)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    quickstart::print_curl(&quickstart::stripe_event());
    axum::serve(listener, app()?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use idempotency_tower::testing;

    #[tokio::test]
    async fn five_deliveries_at_once_are_one_execution() {
        let event = quickstart::stripe_event().map(Body::from);
        testing::deliver(&super::app().unwrap(), event, 5).await.assert_executed_once();
    }
}
