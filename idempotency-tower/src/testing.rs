//! Delivers an event to an app several times, to test handlers.
//!
//! This module also has all of [`idempotency_core::testing`], which signs as each sender does.
//!
//! ```
//! use axum::{Router, body::Body, routing::post};
//! use idempotency_tower::core::clock::system_unix_time;
//! use idempotency_tower::{IdempotencyLayer, MemoryStore, provider::Stripe, testing};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let layer = IdempotencyLayer::new(MemoryStore::new(), Stripe::new("whsec_test")?);
//! let app: Router = Router::new().route("/webhooks/stripe", post(async || "ok").layer(layer));
//!
//! let body = r#"{"id":"evt_1","type":"invoice.paid"}"#;
//! let headers = testing::stripe("whsec_test", body.as_bytes(), system_unix_time());
//! let request = testing::post("/webhooks/stripe", headers, Body::from(body));
//! let answers = testing::deliver(&app, request, 5).await;
//! answers.assert_executed_once();
//! assert_eq!(answers[0].body(), "ok");
//! # Ok(()) }
//! ```

use std::fmt::Debug;
use std::future::poll_fn;
use std::pin::pin;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

pub use idempotency_core::testing::*;

/// Delivers a request `count` times at once, like a sender that does not wait for answers, and then once more.
///
/// The module has an example.
///
/// # Panics
/// If the app returns an error, or a body breaks.
///
/// # Cancel safety
/// If the future is dropped, the deliveries are dropped, as if the sender hung up.
pub async fn deliver<S, B, R>(app: &S, request: Request<B>, count: usize) -> Answers
where
    S: Service<Request<B>, Response = Response<R>, Error: Debug> + Clone,
    B: Body<Error: Debug> + From<Bytes>,
    R: Body<Error: Debug>,
{
    let request = whole(request).await;
    Answers::at_once(count, || send(app.clone(), request.clone())).await
}

/// Delivers a request `count` times, each after the previous answer, like a sender that retries, and then once more.
///
/// # Panics
/// If the app returns an error, or a body breaks.
///
/// # Cancel safety
/// If the future is dropped, the current delivery is dropped, as if the sender hung up.
pub async fn deliver_in_turn<S, B, R>(app: &S, request: Request<B>, count: usize) -> Answers
where
    S: Service<Request<B>, Response = Response<R>, Error: Debug> + Clone,
    B: Body<Error: Debug> + From<Bytes>,
    R: Body<Error: Debug>,
{
    let request = whole(request).await;
    Answers::in_turn(count, || send(app.clone(), request.clone())).await
}

async fn send<S, B, R>(mut app: S, request: Request<Bytes>) -> Response<Bytes>
where
    S: Service<Request<B>, Response = Response<R>, Error: Debug>,
    B: From<Bytes>,
    R: Body<Error: Debug>,
{
    poll_fn(|cx| app.poll_ready(cx)).await.expect("the app is ready");
    let response = app.call(request.map(B::from)).await.expect("the app answers");
    let (head, body) = response.into_parts();
    Response::from_parts(head, read(body).await)
}

async fn whole<B: Body<Error: Debug>>(request: Request<B>) -> Request<Bytes> {
    let (head, body) = request.into_parts();
    Request::from_parts(head, read(body).await)
}

async fn read<B: Body<Error: Debug>>(body: B) -> Bytes {
    let mut body = pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
        if let Ok(data) = frame.expect("the body arrives whole").into_data() {
            bytes.put(data);
        }
    }
    bytes.freeze()
}
