//! Metrics for Prometheus: an observer on the `metrics` crate, and the route that Prometheus scrapes.

mod observer;

use std::error::Error;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::{get, post};
use idempotency_tower::provider::{GitHub, Stripe};
use idempotency_tower::{Idempotency, IdempotencyLayer, MemoryStore};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

use observer::{DURATION, MetricsObserver};

/// Histogram bounds in seconds, from an answer out of memory to a slow handler.
const BUCKETS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0];

fn install_recorder() -> Result<PrometheusHandle, Box<dyn Error>> {
    let buckets = Matcher::Full(DURATION.to_owned());
    Ok(PrometheusBuilder::new().set_buckets_for_metric(buckets, &BUCKETS)?.install_recorder()?)
}

fn app(metrics: PrometheusHandle) -> Result<Router, Box<dyn Error>> {
    // Each route with a fixed path has this scope name: the provider's name and the path.
    let observer = MetricsObserver::new(&["stripe /webhooks/stripe"]);
    let engine = Idempotency::new(MemoryStore::new()).with_observer(observer);
    let stripe = IdempotencyLayer::on_engine(&engine, Stripe::new("whsec_test")?);
    let github = IdempotencyLayer::on_engine(&engine, GitHub::new("secret")?);
    let scrape = async move || ([(CONTENT_TYPE, "text/plain; version=0.0.4")], metrics.render());
    Ok(Router::new()
        .route("/webhooks/stripe", post(async || "ok").layer(stripe))
        .route("/webhooks/github/{team}", post(async || "ok").layer(github))
        .route("/metrics", get(scrape)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("Run both of these:\n");
    println!("  curl -i -X POST http://127.0.0.1:3000/webhooks/stripe # refused and counted");
    println!("  curl http://127.0.0.1:3000/metrics\n");
    axum::serve(listener, app(install_recorder()?)?).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use idempotency_tower::core::clock::system_unix_time;
    use idempotency_tower::testing;
    use tower::ServiceExt as _;

    #[tokio::test]
    async fn a_scrape_counts_and_times_decisions_and_contains_no_key_or_path_of_a_client() {
        let app = app(install_recorder().unwrap()).unwrap();

        let event = r#"{"id":"evt_1","type":"invoice.paid"}"#;
        let headers = testing::stripe("whsec_test", event.as_bytes(), system_unix_time());
        let request = testing::post("/webhooks/stripe", headers, Body::from(event));
        // Three deliveries, and the one by which the assertion sees what was recorded.
        testing::deliver_in_turn(&app, request, 3).await.assert_executed_once();

        let headers = testing::github("secret", "delivery-1", "push", b"{}");
        let request = testing::post("/webhooks/github/blue", headers, Body::from("{}"));
        testing::deliver(&app, request, 1).await.assert_executed_once();

        let response = app.oneshot(Request::get("/metrics").body(Body::empty()).unwrap()).await.unwrap();
        let scraped = response.into_body().collect().await.unwrap().to_bytes();
        let scraped = std::str::from_utf8(&scraped).unwrap();
        let stripe = r#"{provider="stripe",endpoint="stripe /webhooks/stripe",event="#;
        for expected in [
            format!(r#"idempotency_events_total{stripe}"completed"}} 1"#),
            format!(r#"idempotency_events_total{stripe}"replayed"}} 3"#),
            format!(r#"idempotency_duration_seconds_count{stripe}"replayed"}} 3"#),
            format!(r#"idempotency_duration_seconds_bucket{stripe}"replayed",le="60"}} 3"#),
            r#"idempotency_events_total{provider="github",endpoint="other",event="granted"} 1"#.to_owned(),
        ] {
            assert!(scraped.lines().any(|line| line == expected), "{expected} is not in\n{scraped}");
        }
        for client in ["evt_1", "delivery-1", "blue"] {
            assert!(!scraped.contains(client), "{client} is in\n{scraped}");
        }
    }
}
