//! Delivers an event to an app several times, to test handlers.
//!
//! This module also has all of [`idempotency_core::testing`], which signs as each sender does.
//!
//! ```
//! use actix_web::{App, HttpResponse, test, web};
//! use idempotency_actix::core::clock::system_unix_time;
//! use idempotency_actix::{IdempotencyMiddleware, MemoryStore, provider::Stripe, testing};
//!
//! # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let idempotency = IdempotencyMiddleware::new(MemoryStore::new(), Stripe::new("whsec_test")?);
//! let route = web::post().to(async || HttpResponse::Ok().body("ok"));
//! let app = App::new().service(web::resource("/webhooks/stripe").route(route).wrap(idempotency));
//! let app = test::init_service(app).await;
//!
//! let body = r#"{"id":"evt_1","type":"invoice.paid"}"#;
//! let headers = testing::stripe("whsec_test", body.as_bytes(), system_unix_time());
//! let request = testing::post("/webhooks/stripe", headers, body);
//! let answers = testing::deliver(&app, request, 5).await;
//! answers.assert_executed_once();
//! assert_eq!(answers[0].body(), "ok");
//! # Ok(()) }
//! ```

use actix_http::Request;
use actix_web::Error;
use actix_web::body::{self, MessageBody};
use actix_web::dev::{Service, ServiceResponse};
use actix_web::test::TestRequest;
use bytes::Bytes;

use crate::convert;

pub use idempotency_core::testing::*;

/// Converts a request for `actix_web::test`, with its method, URI, headers and body.
///
/// ```
/// use actix_web::{App, HttpResponse, test, web};
/// use idempotency_actix::{IdempotencyMiddleware, provider::GitHub, testing};
///
/// # #[actix_web::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let route = web::post().to(async || HttpResponse::Ok());
/// let idempotency = IdempotencyMiddleware::memory(GitHub::new("secret")?);
/// let app = App::new().service(web::resource("/webhooks/github").route(route).wrap(idempotency));
/// let app = test::init_service(app).await;
///
/// let body = r#"{"action":"opened"}"#;
/// let headers = testing::github("secret", "delivery-1", "issues", body.as_bytes());
/// let request = testing::test_request(testing::post("/webhooks/github", headers, body));
/// let response = test::call_service(&app, request.to_request()).await;
/// assert_eq!(response.headers().get("idempotency-status").unwrap(), "executed");
/// # Ok(()) }
/// ```
#[must_use]
pub fn test_request<B: Into<Bytes>>(request: http::Request<B>) -> TestRequest {
    let (head, body) = request.into_parts();
    let request = TestRequest::with_uri(&head.uri.to_string()).method(convert::actix_method(&head.method));
    let with_headers = head.headers.iter().fold(request, |request, (name, value)| {
        request.append_header((name.as_str(), value.as_bytes())) // from `http` 1 to `http` 0.2
    });
    with_headers.set_payload(body)
}

/// Delivers a request `count` times at once, like a sender that does not wait for answers, and then once more.
///
/// The module has an example.
///
/// # Panics
/// If a body breaks.
///
/// # Cancel safety
/// If the future is dropped, the deliveries are dropped, as if the sender hung up.
pub async fn deliver<S, R, B>(app: &S, request: http::Request<B>, count: usize) -> Answers
where
    S: Service<Request, Response = ServiceResponse<R>, Error = Error>,
    R: MessageBody + 'static,
    B: Into<Bytes>,
{
    let request = request.map(Into::into);
    Answers::at_once(count, || send(app, request.clone())).await
}

/// Delivers a request `count` times, each after the previous answer, like a sender that retries, and then once more.
///
/// # Panics
/// If a body breaks.
///
/// # Cancel safety
/// If the future is dropped, the current delivery is dropped, as if the sender hung up.
pub async fn deliver_in_turn<S, R, B>(app: &S, request: http::Request<B>, count: usize) -> Answers
where
    S: Service<Request, Response = ServiceResponse<R>, Error = Error>,
    R: MessageBody + 'static,
    B: Into<Bytes>,
{
    let request = request.map(Into::into);
    Answers::in_turn(count, || send(app, request.clone())).await
}

async fn send<S, R>(app: &S, request: http::Request<Bytes>) -> http::Response<Bytes>
where
    S: Service<Request, Response = ServiceResponse<R>, Error = Error>,
    R: MessageBody + 'static,
{
    let (head, body) = match app.call(test_request(request).to_request()).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body().into_parts(),
        // The server would send this response.
        Err(error) => error.error_response().into_parts(),
    };
    let bytes = body::to_bytes(body).await.expect("the body arrives whole");
    let mut answer = http::Response::new(bytes);
    *answer.status_mut() = convert::status(head.status());
    *answer.headers_mut() = convert::headers(head.headers()).expect("both crates allow the same headers");
    answer
}
