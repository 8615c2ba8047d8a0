//! Extractors on routes that need the other extractor.
#![cfg(feature = "memory")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io;
use std::sync::{Arc, Mutex};

use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use idempotency_actix::core::{Delivery, Key, Scope, Verified};
use idempotency_actix::provider::{Received, from_fn};
use idempotency_actix::{IdempotencyMiddleware, Idempotent, IdempotentBatch};

/// A middleware that takes each request as a single delivery or as a batch.
fn middleware(is_batch: bool) -> IdempotencyMiddleware {
    IdempotencyMiddleware::memory(from_fn("tests", move |_| {
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

async fn single(_: Idempotent) -> HttpResponse {
    HttpResponse::Ok().finish()
}

async fn batch(_: IdempotentBatch) -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// Regression: the wrong extractor was answered as if there were no middleware, and nothing was logged.
#[actix_web::test]
async fn the_wrong_extractor_names_the_right_one_and_is_logged() {
    let batch_text =
        "the request is a batch: extract `IdempotentBatch`, or `Option` of both on a shared route";
    let single_text =
        "the request is a single delivery: extract `Idempotent`, or `Option` of both on a shared route";
    let (single, batch) = (web::post().to(single), web::post().to(batch));
    for (route, is_batch, text) in [(single, true, batch_text), (batch, false, single_text)] {
        let (log, _guard) = log();
        let resource = web::resource("/h").route(route).wrap(middleware(is_batch));
        let app = init_service(App::new().service(resource)).await;
        let answer = call_service(&app, TestRequest::post().uri("/h").to_request()).await;
        assert_eq!(answer.status(), 500);
        assert_eq!(read_body(answer).await, text);
        let log = String::from_utf8(log.lock().unwrap().clone()).unwrap();
        let line = log.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains("ERROR"), "{line}");
        assert!(log.lines().any(|line| line.contains("WARN") && line.contains("handler_failed")), "{log}");
    }
}

#[actix_web::test]
async fn a_shared_route_takes_both_as_options() {
    async fn handler(batch: Option<IdempotentBatch>, single: Option<Idempotent>) -> String {
        format!("{} {}", batch.is_some(), single.is_some())
    }
    for is_batch in [false, true] {
        let resource = web::resource("/h").route(web::post().to(handler)).wrap(middleware(is_batch));
        let app = init_service(App::new().service(resource)).await;
        let answer = call_service(&app, TestRequest::post().uri("/h").to_request()).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(read_body(answer).await, format!("{is_batch} {}", !is_batch));
    }
}
