//! The greeting: curl commands that work as they stand.

use idempotency_core::testing;

use crate::{Config, Secrets};

/// Prints curl commands that work as they stand; Stripe's for five minutes, since its signature is dated.
pub fn greet(config: &Config, secrets: &Secrets) {
    let base = format!("http://{}", config.listen);
    let now = config.verify_at.unwrap_or_else(|| idempotency_core::clock::system_unix_time().as_secs());
    let github = r#"{"action":"opened","issue":{"id":1}}"#;
    let stripe = r#"{"id":"evt_demo_1","object":"event","type":"invoice.paid","created":1767225600,"data":{"object":{"id":"in_1"}}}"#;
    println!("listening on {base}; try each of these twice:\n");
    curl(&format!("{base}/webhooks/github"), testing::github(&secrets.github, "demo-1", "issues", github.as_bytes()), github);
    curl(&format!("{base}/webhooks/stripe"), testing::stripe(&secrets.stripe, stripe.as_bytes(), now), stripe);
    let key = [("Authorization", "Bearer demo"), ("Idempotency-Key", "\"order-42\"")];
    curl(&format!("{base}/payments"), key, r#"{"amount":4200}"#);
    println!("then: curl {base}/ledger");
}

fn curl<N: std::fmt::Display, V: std::fmt::Display>(url: &str, headers: impl IntoIterator<Item = (N, V)>, body: &str) {
    print!("curl -i {url} -H 'Content-Type: application/json'");
    for (name, value) in headers {
        print!(" -H '{name}: {value}'");
    }
    println!(" -d '{body}'\n");
}
