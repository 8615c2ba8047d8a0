//! A handler that changes its request changes neither the recorded key nor the fingerprint. In Tower this cannot happen:
//! the handler owns its request.

use actix_web::dev::{Service as _, ServiceRequest};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::middleware::{Next, from_fn};
use actix_web::{App, HttpMessage as _, test, web};
use idempotency_actix::IdempotencyMiddleware;
use idempotency_core::Policy;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::TestSender;

#[actix_web::test]
async fn a_handler_that_changes_its_input_changes_no_key() {
    let change = from_fn(async |mut request: ServiceRequest, next: Next<_>| {
        let head = request.head_mut();
        head.method = Method::PATCH;
        head.uri = Uri::from_static("/other");
        head.headers_mut().insert(HeaderName::from_static("x-key"), HeaderValue::from_static("other"));
        request.extensions_mut().clear();
        next.call(request).await
    });
    let sender = TestSender::new(Policy::api()).by_any_method().binding_body();
    let idempotency = IdempotencyMiddleware::new(MemoryStore::new(), sender);
    let resource = web::resource("/{path}").to(async || "done").wrap(change).wrap(idempotency);
    let app = test::init_service(App::new().service(resource)).await;
    for (method, path, key, expected) in [
        (Method::POST, "/hook", "k", "executed"),
        (Method::POST, "/hook", "k", "replayed"),
        (Method::PATCH, "/other", "other", "executed"),
    ] {
        let request = test::TestRequest::with_uri(path).method(method).insert_header(("x-key", key));
        let answer = app.call(request.set_payload("{}").to_request()).await.unwrap();
        assert_eq!(answer.headers().get("idempotency-status").unwrap(), expected, "{path} {key}");
    }
}
