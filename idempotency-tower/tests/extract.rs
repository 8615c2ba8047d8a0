//! Extractors on routes that need the other extractor.
#![cfg(all(feature = "axum", feature = "memory"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::{MethodRouter, post};
use http::Request;
use idempotency_tower::core::{Delivery, Key, Scope, Verified};
use idempotency_tower::provider::{Received, from_fn};
use idempotency_tower::{IdempotencyLayer, Idempotent, IdempotentBatch};
use tower::ServiceExt as _;

/// A layer that takes each request as a single delivery or as a batch.
fn layer(is_batch: bool) -> IdempotencyLayer {
    IdempotencyLayer::memory(from_fn("tests", move |_| {
        let proof = Verified::by_other_means(b"");
        let delivery = Delivery::new(&proof, Scope::endpoint("tests"), Key::new("k").unwrap());
        Ok(if is_batch { Received::Batch(vec![delivery]) } else { Received::Delivery(delivery) })
    }))
}

/// Collects the log lines of this thread while the guard lives.
fn log() -> (Arc<Mutex<Vec<u8>>>, tracing::subscriber::DefaultGuard) {
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let log = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&log);
    let subscriber =
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || Log(writer.clone())).finish();
    (log, tracing::subscriber::set_default(subscriber))
}

/// Regression: the wrong extractor was answered as if there were no layer, and nothing was logged.
#[tokio::test]
async fn the_wrong_extractor_names_the_right_one_and_is_logged() {
    let single: MethodRouter = post(async |_: Idempotent| {});
    let batch: MethodRouter = post(async |_: IdempotentBatch| {});
    let batch_text =
        "the request is a batch: extract `IdempotentBatch`, or `Option` of both on a shared route";
    let single_text =
        "the request is a single delivery: extract `Idempotent`, or `Option` of both on a shared route";
    let cases = [(single, true, batch_text), (batch, false, single_text)];
    for (route, is_batch, text) in cases {
        let (log, _guard) = log();
        let app: Router = Router::new().route("/h", route.layer(layer(is_batch)));
        let answer = app.oneshot(Request::post("/h").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 500);
        let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
        assert_eq!(body, text);
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        let line = log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains("ERROR"), "{line}");
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains("handler_failed")), "{log}");
    }
}

/// Regression: there was no `Option<IdempotentBatch>`, so one handler could not serve both kinds of sender.
#[tokio::test]
async fn a_shared_route_takes_both_as_options() {
    for is_batch in [false, true] {
        let handler = async |batch: Option<IdempotentBatch>, single: Option<Idempotent>| {
            format!("{} {}", batch.is_some(), single.is_some())
        };
        let app: Router = Router::new().route("/h", post(handler).layer(layer(is_batch)));
        let answer = app.oneshot(Request::post("/h").body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), 200);
        let body = axum::body::to_bytes(answer.into_body(), 1000).await.unwrap();
        assert_eq!(body, format!("{is_batch} {}", !is_batch));
    }
}
