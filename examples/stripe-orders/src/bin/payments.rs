//! Serves the stand-in for the payment API.

use std::error::Error;

use stripe_orders::Payments;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(listener, Payments::default().router()).await?;
    Ok(())
}
