//! The app's answers match its OpenAPI document.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response};
use idempotency_tower::testing;
use openapi::{Document, Problem};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use utoipa::OpenApi as _;

fn payment(amount: u64) -> Request<Body> {
    Request::post("/payments")
        .header("content-type", "application/json")
        .header("idempotency-key", "order-42")
        .header("x-api-key", "alice")
        .body(Body::from(format!("{{\"amount\":{amount}}}")))
        .unwrap()
}

async fn send(app: &Router, request: Request<Body>) -> Response<Bytes> {
    testing::deliver(app, request, 1).await[0].clone()
}

/// Asserts that an answer matches the document in status code, headers and body.
///
/// It must have no other idempotency header.
fn assert_documented(answer: &Response<Bytes>, code: u16, present: &[&str]) {
    assert_eq!(answer.status().as_u16(), code, "{answer:?}");
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let documented = &document["paths"]["/payments"]["post"]["responses"][code.to_string()];
    for name in ["Idempotency-Status", "Idempotent-Replayed", "Retry-After", "WWW-Authenticate"] {
        assert_eq!(answer.headers().contains_key(name), present.contains(&name), "{name} in {answer:?}");
        let is_documented = documented["headers"].get(name).is_some();
        assert!(is_documented || !present.contains(&name), "{name} of {code} is not in the document");
    }
    if answer.status().is_success() {
        return;
    }
    let schema = &documented["content"]["application/problem+json"]["schema"]["$ref"];
    assert_eq!(schema, "#/components/schemas/Problem");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(problem.status, code);
}

#[test]
fn the_document_requires_the_key() {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let parameters = document["paths"]["/payments"]["post"]["parameters"].as_array().unwrap();
    let is_key = |parameter: &&Value| parameter["name"] == "Idempotency-Key";
    let key = parameters.iter().find(is_key).unwrap();
    assert_eq!((&key["in"], &key["required"]), (&Value::from("header"), &Value::from(true)));
}

#[tokio::test]
async fn the_document_is_served() {
    let app = openapi::app(Arc::new(Semaphore::new(1)));
    let answer = send(&app, Request::get("/openapi.json").body(Body::empty()).unwrap()).await;
    let served: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(served, serde_json::to_value(Document::openapi()).unwrap());
}

#[tokio::test]
async fn a_payment_is_201_and_its_retry_is_replayed() {
    let app = openapi::app(Arc::new(Semaphore::new(1)));
    let answers = testing::deliver_in_turn(&app, payment(4200), 2).await;
    answers.assert_executed_once();
    assert_documented(&answers[0], 201, &["Idempotency-Status"]);
    assert_documented(&answers[1], 201, &["Idempotency-Status", "Idempotent-Replayed"]);
    assert_eq!(answers[0].body(), answers[1].body());
}

#[tokio::test]
async fn a_request_without_a_key_is_400_and_one_without_a_client_is_401() {
    let app = openapi::app(Arc::new(Semaphore::new(1)));
    let mut without_key = payment(4200);
    without_key.headers_mut().remove("idempotency-key");
    assert_documented(&send(&app, without_key).await, 400, &[]);
    let mut without_client = payment(4200);
    without_client.headers_mut().remove("x-api-key");
    assert_documented(&send(&app, without_client).await, 401, &["WWW-Authenticate"]);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_payment_is_422() {
    let app = openapi::app(Arc::new(Semaphore::new(1)));
    assert_documented(&send(&app, payment(4200)).await, 201, &["Idempotency-Status"]);
    assert_documented(&send(&app, payment(1)).await, 422, &["Idempotency-Status"]);
}

#[tokio::test]
async fn a_request_whose_key_is_in_flight_is_409() {
    let bank = Arc::new(Semaphore::new(0));
    let app = openapi::app(Arc::clone(&bank));
    let mut requests = JoinSet::new();
    for _ in 0..2 {
        let app = app.clone();
        requests.spawn(async move { send(&app, payment(4200)).await });
    }
    // One request waits for a permit of the bank, so the other is answered first.
    let conflict = requests.join_next().await.unwrap().unwrap();
    assert_documented(&conflict, 409, &["Idempotency-Status", "Retry-After"]);
    bank.add_permits(1);
    let paid = requests.join_next().await.unwrap().unwrap();
    assert_documented(&paid, 201, &["Idempotency-Status"]);
}

#[tokio::test]
async fn an_unreachable_bank_is_the_handlers_own_answer() {
    let bank = Arc::new(Semaphore::new(0));
    bank.close();
    let answer = send(&openapi::app(bank), payment(4200)).await;
    assert_eq!(answer.status().as_u16(), 503);
    assert_eq!(answer.headers()["idempotency-status"], "executed");
}
