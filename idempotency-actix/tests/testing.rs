//! `testing::deliver` and its assertion, on apps that are idempotent and on one that is not.
#![cfg(all(feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::time::Duration;

use actix_web::error::ErrorBadGateway;
use actix_web::{App, HttpResponse, Resource, test, web};
use idempotency_actix::core::clock::system_unix_time;
use idempotency_actix::provider::Stripe;
use idempotency_actix::testing::{self, Answers};
use idempotency_actix::{IdempotencyMiddleware, Idempotent};

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn middleware() -> IdempotencyMiddleware {
    IdempotencyMiddleware::memory(Stripe::new("whsec_test").unwrap())
}

fn request() -> http::Request<&'static str> {
    testing::post("/hook", testing::stripe("whsec_test", BODY.as_bytes(), system_unix_time()), BODY)
}

fn codes(answers: &Answers) -> Vec<u16> {
    answers.iter().map(|answer| answer.status().as_u16()).collect()
}

/// A route whose handler fails at the first attempt.
fn failing_first() -> Resource {
    web::resource("/hook").route(web::post().to(async |Idempotent(context): Idempotent| {
        match context.attempt() {
            1 => HttpResponse::InternalServerError().finish(),
            _ => HttpResponse::Ok().finish(),
        }
    }))
}

#[actix_web::test]
async fn deliveries_at_once_and_in_turn_are_one_execution() {
    let route = web::post().to(async |body: web::Bytes| {
        actix_web::rt::time::sleep(Duration::from_millis(20)).await;
        HttpResponse::Ok().insert_header(("x-bytes", body.len())).body("ok")
    });
    let app = App::new().service(web::resource("/hook").route(route).wrap(middleware()));
    let app = test::init_service(app).await;
    let at_once = testing::deliver(&app, request(), 5).await;
    at_once.assert_executed_once();
    let later = testing::deliver_in_turn(&app, request(), 2).await;
    for answer in at_once.iter().chain(later.iter()) {
        assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"ok"[..]));
        assert_eq!(answer.headers()["x-bytes"], BODY.len().to_string());
    }
    assert!(later.iter().all(|answer| answer.headers()["idempotency-status"] == "replayed"));
}

#[actix_web::test]
async fn debug_of_a_refused_delivery_shows_its_cause() {
    let stripe = IdempotencyMiddleware::memory(Stripe::new("whsec_other").unwrap());
    let app = test::init_service(App::new().service(failing_first().wrap(stripe))).await;
    let shown = format!("{:?}", testing::deliver(&app, request(), 1).await);
    let line = "401 without Idempotency-Status: The request is not authentic (no signature matches)";
    assert_eq!(shown.matches(line).count(), 2, "{shown}");
}

#[actix_web::test]
async fn a_handler_that_fails_first_and_then_succeeds_is_one_execution() {
    let app = test::init_service(App::new().service(failing_first().wrap(middleware()))).await;
    let in_turn = testing::deliver_in_turn(&app, request(), 3).await;
    in_turn.assert_executed_once();
    assert_eq!(codes(&in_turn), [500, 200, 200]);

    let app = test::init_service(App::new().service(failing_first().wrap(middleware()))).await;
    testing::deliver(&app, request(), 5).await.assert_executed_once();
}

#[actix_web::test]
async fn concurrent_deliveries_that_are_asked_to_come_again_are_not_executions() {
    let route = web::post().to(async || {
        actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        HttpResponse::Ok().finish()
    });
    let middleware = middleware().map_policy(|policy| policy.with_wait(Duration::ZERO));
    let app = App::new().service(web::resource("/hook").route(route).wrap(middleware));
    let answers = testing::deliver(&test::init_service(app).await, request(), 3).await;
    answers.assert_executed_once();
    assert_eq!(codes(&answers), [200, 503, 503]);
}

#[actix_web::test]
async fn an_error_of_a_middleware_becomes_the_answer_that_the_server_would_send() {
    let app = App::new()
        .service(web::resource("/hook").route(web::post().to(HttpResponse::Ok)))
        .wrap_fn(|_, _| async { Err::<actix_web::dev::ServiceResponse, _>(ErrorBadGateway("refused")) });
    let answers = testing::deliver(&test::init_service(app).await, request(), 1).await;
    assert_eq!((codes(&answers), &answers[0].body()[..]), (vec![502], &b"refused"[..]));
}

#[actix_web::test]
#[should_panic(
    expected = "replayed or conflict: \n  1: 200 without Idempotency-Status\n  2: 200 without Idempotency-Status"
)]
async fn an_app_without_the_middleware_makes_the_assertion_panic() {
    let app = App::new().service(web::resource("/hook").route(web::post().to(HttpResponse::Ok)));
    testing::deliver(&test::init_service(app).await, request(), 2).await.assert_executed_once();
}
