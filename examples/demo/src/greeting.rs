//! The greeting: curl commands that are ready to run.

use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use idempotency_core::{clock, testing};

use crate::{Config, Secrets};

/// Prints curl commands that are ready to run.
///
/// Stripe's expires after five minutes, because its signature is dated.
pub fn greet(config: &Config, secrets: &Secrets) {
    let base = format!("http://{}", config.listen);
    let now = config.verify_at.map_or_else(clock::system_unix_time, Duration::from_secs);
    let github = r#"{"action":"opened","issue":{"id":1}}"#;
    let stripe = concat!(
        r#"{"id":"evt_demo_1","object":"event","type":"invoice.paid","#,
        r#""created":1767225600,"data":{"object":{"id":"in_1"}}}"#
    );
    let mut payment = HeaderMap::new();
    payment.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    payment.insert(AUTHORIZATION, HeaderValue::from_static("Bearer demo"));
    payment.insert("idempotency-key", HeaderValue::from_static("\"order-42\""));

    println!("listening on {base}; the records are kept in {}; try each of these twice:\n", config.store);
    let signed = testing::github(&secrets.github, "demo-1", "issues", github.as_bytes());
    curl(&format!("{base}/webhooks/github"), &signed, github);
    let signed = testing::stripe(&secrets.stripe, stripe.as_bytes(), now);
    curl(&format!("{base}/webhooks/stripe"), &signed, stripe);
    curl(&format!("{base}/payments"), &payment, r#"{"amount":4200}"#);
    println!("then: curl {base}/ledger");
    println!("The Stripe command works for five minutes; see --help for the flags");
}

fn curl(url: &str, headers: &HeaderMap, body: &str) {
    print!("curl -i -w '\\n' {url}");
    for (name, value) in headers {
        print!(" -H '{name}: {}'", value.to_str().unwrap_or_default());
    }
    println!(" -d '{body}'\n");
}
