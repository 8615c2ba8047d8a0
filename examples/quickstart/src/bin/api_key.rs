//! An API whose clients send an `Idempotency-Key`, in axum, on the memory store.

use std::error::Error;

use axum::{Router, http::StatusCode, routing::post};
use idempotency_tower::{IdempotencyLayer, Idempotent, provider::IdempotencyKey};
use tokio::net::TcpListener;

async fn pay(Idempotent(context): Idempotent, amount: String) -> (StatusCode, String) {
    println!("attempt {} of {}: {amount} cents", context.attempt(), context.key().as_str());
    (StatusCode::CREATED, context.derive_key("payment"))
}

fn app() -> Router {
    // Each client has its own keys. A real API authenticates the client in front of this layer.
    let keys = IdempotencyKey::per_header_principal("authorization");
    Router::new().route("/payments", post(pay).layer(IdempotencyLayer::memory(keys)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    quickstart::print_curl(&quickstart::payment());
    println!(
        "Then with another amount, which is 422; without the key, which is 400; and as another client.\n"
    );
    axum::serve(listener, app()).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use idempotency_tower::testing;

    #[tokio::test]
    async fn a_payment_that_is_sent_twice_is_made_once() {
        let payment = quickstart::payment().map(Body::from);
        testing::deliver_in_turn(&super::app(), payment, 2).await.assert_executed_once();
    }
}
