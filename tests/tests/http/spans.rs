//! The handler's log lines belong to its request's span.

use std::task::{Context, Poll, Waker};

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::Request;
use idempotency_core::{Attachment, Policy};
use idempotency_tests::captured::Captured;
use idempotency_tests::http::TestSender;
use idempotency_tower::IdempotencyLayer;
use tower::ServiceExt as _;
use tracing::Level;

/// Logs when it is dropped, as a connection or a transaction does.
struct LogsItsEnd;

impl Drop for LogsItsEnd {
    fn drop(&mut self) {
        tracing::info!("the handler is dropped");
    }
}

#[tokio::test]
async fn what_a_dropped_handler_logs_is_in_the_span_of_its_request() {
    let log = Captured::default();
    let _listening = log.listen(Level::INFO);
    let layer = IdempotencyLayer::memory(TestSender::new(Policy::webhook()))
        .map_policy(|policy| policy.with_attachment(Attachment::FailWithCaller));
    let handle = async || {
        let _guard = LogsItsEnd;
        tracing::info!("the handler starts");
        std::future::pending::<&'static str>().await
    };
    let app = Router::new().route("/hook", post(handle).layer(layer));
    let request =
        Request::post("/hook").header("x-key", "k").body(Body::from("{}")).expect("it is a request");
    let mut serving = Box::pin(app.oneshot(request));
    // As a layer does that enters its span only while it polls.
    tracing::info_span!("request", id = 7).in_scope(|| {
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(serving.as_mut().poll(&mut context), Poll::Pending));
    });
    drop(serving);
    for part in ["the handler starts", "the handler is dropped"] {
        let text = log.text();
        let line =
            text.lines().find(|line| line.contains(part)).unwrap_or_else(|| panic!("no {part}: {text}"));
        assert!(line.contains("request{id=7}"), "{text}");
    }
}
