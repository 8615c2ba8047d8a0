//! Serves the API and its document.

use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    let (base, json) = ("http://127.0.0.1:3000", "-H 'content-type: application/json'");
    println!("The document, and a payment to make twice:\n");
    println!("  curl {base}/openapi.json");
    println!("  curl -i {base}/payments -H 'idempotency-key: order-42' -H 'x-api-key: alice' {json} \\");
    println!("    -d '{{\"amount\":4200}}'\n");
    axum::serve(listener, openapi::app(Arc::new(Semaphore::new(10)))).await
}
