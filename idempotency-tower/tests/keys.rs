//! Keys do not depend on this crate's features.
//!
//! `.ci/run` runs this test with and without the feature `axum`, and each binary must compute the keys that
//! core makes of a path.
#![cfg(feature = "memory")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::convert::Infallible;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use idempotency_tower::core::Delivery;
use idempotency_tower::core::engine::Begun;
use idempotency_tower::core::provider::{IdempotencyKey, Incoming, Received};
use idempotency_tower::provider::Provider;
use idempotency_tower::{AnyBody, Idempotency, IdempotencyLayer, MemoryStore, Scope};
use tower::{Layer as _, ServiceExt as _, service_fn};

fn provider() -> IdempotencyKey {
    IdempotencyKey::global_across_principals()
}

fn keyed(path: &str) -> Request<Body> {
    Request::post(path).header("idempotency-key", "k").body(Body::from("{}")).unwrap()
}

/// Returns the provider's delivery for a request with this path in this scope.
async fn delivery(scope: &Scope, path: &str) -> Delivery {
    let (parts, _) = keyed(path).into_parts();
    let body = Bytes::from_static(b"{}");
    let now = std::time::Duration::ZERO;
    let incoming = Incoming::new(&parts.method, &parts.uri, &parts.headers, &body, now, scope);
    match provider().receive(&incoming).await {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("expected a delivery: {other:?}"),
    }
}

/// Asserts that these deliveries were executed on an engine, under their keys and fingerprints.
async fn assert_executed(engine: &Idempotency, deliveries: &[Delivery]) {
    for delivery in deliveries {
        let begun = engine.begin(delivery.clone()).await.unwrap();
        assert!(matches!(begun, Begun::Replay(_)), "{delivery:?}: {begun:?}");
    }
}

/// Regression: without the feature, `/a/h` and `/b/h` under `nest` answered for each other, and another crate
/// that enabled it changed the keys. Now the scope must be given where the original path is unknown.
#[tokio::test]
async fn under_a_given_scope_keys_and_fingerprints_follow_the_visible_path() {
    let engine = Idempotency::new(MemoryStore::new());
    let nested = |scope: &'static str| {
        let layer = IdempotencyLayer::on_engine(&engine, provider()).outside_axum(Scope::endpoint(scope));
        Router::new().route("/h", post(move || async move { scope }).layer(layer))
    };
    let app = Router::new().nest("/a", nested("payments of a")).nest("/b", nested("payments of b"));
    for (path, answer) in [("/a/h", "payments of a"), ("/b/h", "payments of b")] {
        for status in ["executed", "replayed"] {
            let response = app.clone().oneshot(keyed(path)).await.unwrap();
            assert_eq!(response.headers()["idempotency-status"], status);
            assert_eq!(axum::body::to_bytes(response.into_body(), 99).await.unwrap(), answer);
        }
    }
    let a = delivery(&Scope::endpoint("payments of a"), "/h").await;
    let b = delivery(&Scope::endpoint("payments of b"), "/h").await;
    assert_executed(&engine, &[a, b]).await;
}

#[tokio::test]
async fn a_plain_stack_makes_keys_from_its_scope() {
    let engine = Idempotency::new(MemoryStore::new());
    let scope = Scope::endpoint("payments");
    let layer = IdempotencyLayer::on_engine(&engine, provider()).outside_axum(scope.clone());
    let service = layer.layer(service_fn(async |_: Request<AnyBody<Full<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    }));
    let request = keyed("/p").map(|_| Full::new(Bytes::from_static(b"{}")));
    service.oneshot(request).await.unwrap();
    assert_executed(&engine, &[delivery(&scope, "/p").await]).await;
}

#[cfg(feature = "axum")]
#[tokio::test]
async fn in_axum_keys_and_fingerprints_follow_the_original_path() {
    let engine = Idempotency::new(MemoryStore::new());
    let layer = IdempotencyLayer::on_engine(&engine, provider());
    let nested = |answer: &'static str| {
        Router::new().route("/h", post(move || async move { answer }).layer(layer.clone()))
    };
    let app = Router::new().nest("/a", nested("a")).nest("/b", nested("b"));
    let mut expected = Vec::new();
    for (path, answer) in [("/a/h", "a"), ("/b/h", "b")] {
        let response = app.clone().oneshot(keyed(path)).await.unwrap();
        assert_eq!(axum::body::to_bytes(response.into_body(), 99).await.unwrap(), answer);
        expected.push(delivery(&Scope::endpoint(format!("idempotency-key {path}")), path).await);
    }
    assert_executed(&engine, &expected).await;
}
