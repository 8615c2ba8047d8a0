//! `testing::deliver` and its assertion, on apps that are idempotent and on one that is not.
#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use http_body_util::Full;
use idempotency_tower::core::clock::system_unix_time;
use idempotency_tower::provider::{IdempotencyKey, Stripe};
use idempotency_tower::testing::crash::{CrashKit, CrashRun, Effects};
use idempotency_tower::testing::{self, Answers};
use idempotency_tower::{AnyBody, Idempotency, IdempotencyLayer, Idempotent, Policy, Scope};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

const BODY: &str = r#"{"id":"evt_1","type":"invoice.paid"}"#;

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::memory(Stripe::new("whsec_test").unwrap())
}

fn request<B>(body: B) -> Request<B> {
    testing::post("/hook", testing::stripe("whsec_test", BODY.as_bytes(), system_unix_time()), body)
}

fn codes(answers: &Answers) -> Vec<(u16, &str)> {
    let code = |answer: &Response<Bytes>| answer.status().as_u16();
    let status = |answer: &'_ Response<Bytes>| answer.headers().get("idempotency-status").cloned();
    let known = ["executed", "replayed", "conflict"];
    let name = |answer| known.into_iter().find(|known| status(answer).is_some_and(|value| value == known));
    answers.iter().map(|answer| (code(answer), name(answer).unwrap_or_default())).collect()
}

#[tokio::test]
async fn deliveries_at_once_and_in_turn_are_one_execution() {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(20)).await;
        "ok"
    };
    let app = Router::new().route("/hook", post(slow).layer(layer()));
    let answers = testing::deliver(&app, request(Body::from(BODY)), 5).await;
    answers.assert_executed_once();
    assert!(answers.iter().all(|answer| answer.body() == "ok"));

    let app = Router::new().route("/hook", post(async || "ok").layer(layer()));
    let answers = testing::deliver_in_turn(&app, request(Body::from(BODY)), 3).await;
    answers.assert_executed_once();
    assert_eq!(codes(&answers), [(200, "executed"), (200, "replayed"), (200, "replayed")]);
}

#[tokio::test]
async fn a_handler_that_fails_first_and_then_succeeds_is_one_execution() {
    let handle = async |Idempotent(context): Idempotent| match context.attempt() {
        1 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::OK,
    };
    let app = Router::new().route("/hook", post(handle).layer(layer()));
    let answers = testing::deliver_in_turn(&app, request(Body::from(BODY)), 3).await;
    answers.assert_executed_once();
    assert_eq!(codes(&answers), [(500, "executed"), (200, "executed"), (200, "replayed")]);

    let app = Router::new().route("/hook", post(handle).layer(layer()));
    testing::deliver(&app, request(Body::from(BODY)), 5).await.assert_executed_once();
}

#[tokio::test]
async fn concurrent_deliveries_that_are_asked_to_come_again_are_not_executions() {
    for keep_waiting in [Duration::ZERO, Duration::from_millis(5)] {
        let slow = async || tokio::time::sleep(Duration::from_millis(50)).await;
        let layer = layer().map_policy(|policy| policy.with_wait(keep_waiting));
        let app = Router::new().route("/hook", post(slow).layer(layer));
        let answers = testing::deliver(&app, request(Body::from(BODY)), 3).await;
        answers.assert_executed_once();
        assert_eq!(codes(&answers), [(200, "executed"), (503, "conflict"), (503, "conflict")]);
    }
}

#[tokio::test]
async fn conflicts_and_replayed_errors_of_an_api_are_not_executions() {
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(50)).await;
        StatusCode::NOT_FOUND
    };
    let layer = IdempotencyLayer::memory(IdempotencyKey::global_across_principals());
    let app = Router::new().route("/payments", post(slow).layer(layer));
    let request = || Request::post("/payments").header("idempotency-key", "k").body(Body::empty()).unwrap();
    let at_once = testing::deliver(&app, request(), 2).await;
    assert_eq!(codes(&at_once), [(404, "executed"), (409, "conflict")]);
    let later = testing::deliver_in_turn(&app, request(), 2).await;
    assert_eq!(codes(&later), [(404, "replayed"), (404, "replayed")]);
}

#[tokio::test]
async fn a_plain_tower_service_takes_bodies_of_its_own() {
    let handle =
        async |_: Request<AnyBody<Full<Bytes>>>| Ok::<_, Infallible>(Response::new(Full::from("ok")));
    let app = ServiceBuilder::new()
        .layer(layer().outside_axum(Scope::endpoint("stripe")))
        .service(service_fn(handle));
    testing::deliver(&app, request(Full::from(BODY)), 5).await.assert_executed_once();
}

#[tokio::test]
#[should_panic(
    expected = "replayed or conflict: \n  1: 200 without Idempotency-Status\n  2: 200 without Idempotency-Status"
)]
async fn an_app_without_the_layer_makes_the_assertion_panic() {
    let app: Router = Router::new().route("/hook", post(async || "ok"));
    testing::deliver(&app, request(Body::from(BODY)), 2).await.assert_executed_once();
}

#[tokio::test]
#[should_panic(
    expected = "a further delivery replays: \n  1: 200 executed\n  2: 200 executed\n  afterwards: 200 executed"
)]
async fn an_app_that_never_replays_makes_the_assertion_panic() {
    let app = service_fn(async |request: Request<Body>| {
        // Each request gets its own layer, with its own engine and store.
        let app: Router = Router::new().route("/hook", post(async || "ok").layer(layer()));
        tower::ServiceExt::oneshot(app, request).await
    });
    testing::deliver(&app, request(Body::from(BODY)), 2).await.assert_executed_once();
}

#[tokio::test]
async fn a_refused_delivery_panics_with_its_cause_and_shows_no_secret() {
    let stripe = Stripe::new("whsec_other").unwrap();
    let app = Router::new().route("/hook", post(async || "ok").layer(IdempotencyLayer::memory(stripe)));
    let forged = request(Body::from(BODY));
    let signature = forged.headers()["stripe-signature"].to_str().unwrap().to_owned();
    let answers = testing::deliver(&app, forged, 2).await;
    let panic = catch_unwind(AssertUnwindSafe(|| answers.assert_executed_once())).unwrap_err();
    let message = panic.downcast_ref::<String>().unwrap();
    let line = "401 without Idempotency-Status: The request is not authentic (no signature matches)";
    assert_eq!(message.matches(line).count(), 3, "{message}");
    for hidden in ["whsec", &signature, "evt_1"] {
        assert!(!message.contains(hidden), "{message}");
    }
}

#[tokio::test]
async fn the_crash_kit_drives_an_app_and_finds_an_effect_after_its_acknowledgement() {
    fn kit(is_late: bool) -> CrashKit {
        let deliver = move |engine: Idempotency, effects: Effects, ()| async move {
            let handle = move |Idempotent(context): Idempotent| async move {
                let charge = async move {
                    effects.record_once("charge", "order-42", &context.derive_key("charge")).await;
                };
                if is_late {
                    tokio::spawn(charge);
                } else {
                    charge.await;
                }
            };
            let layer =
                IdempotencyLayer::on_engine(&engine, IdempotencyKey::per_header_principal("authorization"));
            let app: Router = Router::new().route("/hook", post(handle).layer(layer));
            let request =
                Request::post("/hook").header("authorization", "me").header("idempotency-key", "k1");
            app.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().is_success()
        };
        CrashKit::delivering(|| (), deliver).with_policy(Policy::api())
    }
    let report = kit(false).run().await;
    report.assert_each_effect_once();
    assert!(report.points().iter().any(|point| point == "after effect 1 (charge)"), "{report}");
    let report = kit(true).run().await;
    report.assert_at_most(1);
    let lost = |run: &&CrashRun| run.is_acknowledged() && run.effects().any(|(_, _, count)| count == 0);
    let lost: Vec<_> = report.runs().iter().filter(lost).map(CrashRun::schedule).collect();
    assert!(lost.contains(&"crash before effect 1 (charge)"), "{lost:?}");
}
