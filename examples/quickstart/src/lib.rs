//! Requests to try the examples with, and the curl commands that send them.
//!
//! | Example | Shows |
//! |---|---|
//! | `cargo run -p quickstart --bin axum` | a webhook in axum |
//! | `cargo run -p quickstart --bin actix` | a webhook in actix-web |
//! | `cargo run -p quickstart --bin tower` | a webhook in plain Tower and hyper |
//! | `cargo run -p quickstart --bin api_key` | an API whose clients send an `Idempotency-Key`, in axum |
//! | `cargo run -p quickstart --bin queue` | a queue consumer, without HTTP |

use http::{HeaderMap, HeaderValue, Request};
use idempotency_core::{clock::system_unix_time, testing};

/// The secret that Stripe would share with these apps.
pub const SECRET: &str = "whsec_test";

/// An event as Stripe sends it. Its signature is valid for five minutes.
#[must_use]
pub fn stripe_event() -> Request<&'static str> {
    let body = r#"{"id":"evt_1","type":"invoice.paid"}"#;
    let headers = testing::stripe(SECRET, body.as_bytes(), system_unix_time());
    testing::post("http://127.0.0.1:3000/webhooks/stripe", headers, body)
}

/// A payment as a client of the API sends it.
#[must_use]
pub fn payment() -> Request<&'static str> {
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static("Bearer alice"));
    headers.insert("idempotency-key", HeaderValue::from_static("order-42"));
    testing::post("http://127.0.0.1:3000/payments", headers, "4200")
}

/// Prints the curl command that sends a request.
pub fn print_curl(request: &Request<&str>) {
    print!("Run this twice:\n\n  curl -i {} -d '{}'", request.uri(), request.body());
    for (name, value) in request.headers() {
        print!(" \\\n    -H '{name}: {}'", value.to_str().unwrap_or_default());
    }
    println!("\n");
}
