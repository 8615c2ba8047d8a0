//! Signed requests, and the answers of a route to them.

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, any};
use idempotency_core::provider::{Provider, Scheme, SchemeProvider};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;
use idempotency_tower::IdempotencyLayer;
use tower::ServiceExt as _;

use super::cases::{NOW, SECRETS, URL};
use super::with_url;

pub(super) const SECRET: &str = SECRETS[0];

pub(super) fn provider(scheme: &Scheme) -> SchemeProvider {
    let verifying = testing::public_key(scheme, SECRET).unwrap_or_else(|| SECRET.to_owned());
    with_url(scheme, URL).with_secret(verifying).unwrap()
}

pub(super) fn signed_by(scheme: &Scheme, secret: &str, id: &str, body: &str) -> Request {
    let headers = testing::scheme(&with_url(scheme, URL), secret, id, body.as_bytes(), NOW);
    Request::new(headers, body.to_owned(), NOW)
}

pub(super) fn signed(scheme: &Scheme, id: &str, body: &str) -> Request {
    signed_by(scheme, SECRET, id, body)
}

/// The answers of a route whose handler always succeeds, such as `200 executed`.
pub(super) async fn answers(provider: impl Provider, requests: Vec<Request>) -> Vec<String> {
    answers_on(any(|| async { "ran" }), provider, requests).await
}

/// The answers of this route, under the layer.
pub(super) async fn answers_on(
    route: MethodRouter,
    provider: impl Provider,
    requests: Vec<Request>,
) -> Vec<String> {
    let app = Router::new().route("/webhooks", route.layer(IdempotencyLayer::memory(provider)));
    let mut answers = Vec::new();
    for request in requests {
        let mut http = http::Request::new(Body::from(request.body));
        (*http.method_mut(), *http.uri_mut()) = (request.method, request.uri);
        *http.headers_mut() = request.headers;
        let answer = app.clone().oneshot(http).await.unwrap();
        let status = answer.headers().get("idempotency-status").map(|status| status.to_str().unwrap());
        answers.push(format!("{} {}", answer.status().as_u16(), status.unwrap_or("-")));
    }
    answers
}
