//! Providers of your own, for two invented senders: one is data, and one is code.

mod acme;
mod initech;

use std::error::Error;

use acme::Acme;
use axum::body::Body;
use axum::http::Request;
use axum::{Router, routing::post};
use http_body_util::BodyExt as _;
use idempotency_tower::core::clock;
use idempotency_tower::testing::{self, Signer};
use idempotency_tower::{IdempotencyLayer, Idempotent};
use initech::INITECH;
use tower::ServiceExt as _;

const SECRET: &str = "shared between acme and this app";

async fn handle(Idempotent(context): Idempotent) -> &'static str {
    println!("  the handler runs: {} {}", context.event_type().unwrap_or_default(), context.key().as_str());
    "shipped"
}

fn app() -> Result<Router, Box<dyn Error>> {
    let acme = IdempotencyLayer::memory(Acme::new(SECRET)?);
    let initech = IdempotencyLayer::memory(INITECH.with_secret(SECRET)?);
    Ok(Router::new()
        .route("/webhooks/acme", post(handle).layer(acme))
        .route("/webhooks/initech", post(handle).layer(initech)))
}

/// Returns a delivery as Acme would send it, signed with a secret. Acme is code, so a template says how it signs.
fn by_acme(secret: &str) -> Request<Body> {
    let body = r#"{"id":"evt_1","type":"order.paid"}"#;
    let signer = Signer::hmac_sha256(secret)
        .signing("{timestamp}.{body}")
        .with_header("acme-timestamp", "{timestamp}")
        .with_header("acme-signature", "{signature}");
    let headers = signer.sign("evt_1", body.as_bytes(), clock::system_unix_time());
    testing::post("/webhooks/acme", headers, Body::from(body))
}

/// Returns a delivery as Initech would send it, signed with a secret.
fn by_initech(secret: &str) -> Request<Body> {
    let body = r#"{"id":"evt_1","topic":"order.paid"}"#;
    let headers = testing::scheme(&INITECH, secret, "", body.as_bytes(), clock::system_unix_time());
    testing::post("/webhooks/initech", headers, Body::from(body))
}

/// Sends a delivery to the app in this process, and returns the answer as one line.
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
    for (name, secret) in [("first", SECRET), ("second", SECRET), ("forged", "a guess")] {
        println!("{name} delivery");
        println!("  by acme: {}", send(&app, by_acme(secret)).await?);
        println!("  by initech: {}", send(&app, by_initech(secret)).await?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_delivery_runs_its_retry_is_replayed_and_a_forgery_is_refused() {
        let app = app().unwrap();
        for signed in [by_acme, by_initech] {
            assert_eq!(send(&app, signed(SECRET)).await.unwrap(), "200 OK, executed: shipped");
            assert_eq!(send(&app, signed(SECRET)).await.unwrap(), "200 OK, replayed: shipped");
            let forged = send(&app, signed("a guess")).await.unwrap();
            assert!(forged.starts_with("401 Unauthorized, rejected"), "{forged}");
        }
    }
}
