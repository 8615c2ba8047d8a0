//! A provider of your own: an invented sender's signature, key and policy, behind the layer like any other.

mod acme;

use std::error::Error;

use acme::Acme;
use axum::body::Body;
use axum::http::Request;
use axum::{Router, routing::post};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::BodyExt as _;
use idempotency_tower::{IdempotencyLayer, Idempotent, core::clock};
use tower::ServiceExt as _;

const SECRET: &str = "shared between acme and this app";

async fn handle(Idempotent(context): Idempotent) -> &'static str {
    println!("  the handler runs: {} {}", context.event_type().unwrap_or_default(), context.key().as_str());
    "shipped"
}

fn app() -> Result<Router, Box<dyn Error>> {
    let layer = IdempotencyLayer::memory(Acme::new(SECRET)?);
    Ok(Router::new().route("/webhooks/acme", post(handle).layer(layer)))
}

/// What Acme would send, signed with a secret.
fn signed(secret: &str) -> Result<Request<Body>, Box<dyn Error>> {
    let body = r#"{"id":"evt_1","type":"order.paid"}"#;
    let timestamp = clock::system_unix_time().as_secs();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes())?;
    mac.update(format!("{timestamp}.{body}").as_bytes());
    Ok(Request::post("/webhooks/acme")
        .header("acme-timestamp", timestamp)
        .header("acme-signature", data_encoding::HEXLOWER.encode(&mac.finalize().into_bytes()))
        .body(Body::from(body))?)
}

/// Sends a delivery to the app, in this process, and tells the answer in one line.
async fn send(app: &Router, request: Request<Body>) -> Result<String, Box<dyn Error>> {
    let (head, body) = app.clone().oneshot(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    let status =
        head.headers.get("idempotency-status").map_or("rejected", |value| value.to_str().unwrap_or("?"));
    Ok(format!("{}, {status}: {}", head.status, String::from_utf8_lossy(&body)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = app()?;
    for (what, secret) in [("first", SECRET), ("second", SECRET), ("forged", "a guess")] {
        println!("{what} delivery");
        println!("  {}", send(&app, signed(secret)?).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delivery_runs_its_retry_is_replayed_and_a_forgery_is_refused() {
        let app = app().unwrap();
        assert_eq!(send(&app, signed(SECRET).unwrap()).await.unwrap(), "200 OK, executed: shipped");
        assert_eq!(send(&app, signed(SECRET).unwrap()).await.unwrap(), "200 OK, replayed: shipped");
        let forged = send(&app, signed("a guess").unwrap()).await.unwrap();
        assert!(forged.starts_with("401 Unauthorized, rejected"), "{forged}");
    }
}
