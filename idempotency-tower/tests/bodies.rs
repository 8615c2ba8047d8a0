//! Bodies: broken, late and marked ones, and the limit that the framework's own extractors follow.
#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Extension, Router};
use futures_util::stream;
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use idempotency_tower::core::provider::Stripe;
use idempotency_tower::core::store::memory::MemoryStore;
use idempotency_tower::core::{OnExpired, Policy, clock, testing};
use idempotency_tower::{DoNotRecord, IdempotencyLayer, Idempotent};
use tower::ServiceExt as _;

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::new(MemoryStore::new(), Stripe::new("s").unwrap())
}

fn signed(body: impl Into<Bytes>) -> Request<Body> {
    let body = body.into();
    let headers = testing::stripe("s", &body, clock::system_unix_time());
    let mut request = Request::post("/h").body(Body::from(body)).unwrap();
    request.headers_mut().extend(headers);
    request
}

async fn send(app: &Router) -> Response {
    app.clone().oneshot(signed(r#"{"id":"evt_1"}"#)).await.unwrap()
}

fn status_of(response: &Response) -> (u16, &str) {
    let status = response.headers().get("idempotency-status");
    (response.status().as_u16(), status.map_or("", |status| status.to_str().unwrap()))
}

/// A route whose first answer is `first` and whose further answers are `done`.
fn first_answers(
    layer: IdempotencyLayer,
    first: impl Fn() -> Response + Clone + Send + Sync + 'static,
) -> Router {
    let runs = Arc::new(AtomicUsize::new(0));
    let handle = move || {
        let (first, run) = (first.clone(), runs.fetch_add(1, Ordering::SeqCst));
        async move { if run == 0 { first() } else { "done".into_response() } }
    };
    Router::new().route("/h", post(handle).layer(layer))
}

fn breaking() -> Body {
    let pieces = [Ok(Bytes::from_static(b"{\"id\":")), Err(std::io::Error::other("cut"))];
    Body::from_stream(stream::iter(pieces))
}

/// A body that announces this many bytes.
fn announcing(size: u64, body: Body) -> Body {
    struct Announcing(u64, Body);

    impl http_body::Body for Announcing {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: std::pin::Pin<&mut Self>,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
            std::pin::Pin::new(&mut self.1).poll_frame(cx)
        }

        fn size_hint(&self) -> http_body::SizeHint {
            http_body::SizeHint::with_exact(self.0)
        }
    }

    Body::new(Announcing(size, body))
}

/// The client sees that the answer is cut, as it would without the layer.
#[tokio::test]
async fn an_answer_that_breaks_off_keeps_the_length_that_it_announced() {
    // One answer that would be recorded whole, and one that is too large.
    for length in [10, 100_000] {
        let app = first_answers(layer(), move || Response::new(announcing(length, breaking())));
        let mut body = send(&app).await.into_body();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(length));
        body.frame().await.unwrap().unwrap();
        assert_eq!(http_body::Body::size_hint(&body).exact(), Some(length - 6), "the rest of it");
        assert!(body.frame().await.unwrap().is_err(), "the sender sees it break");
    }
}

/// Regression: the answer was recorded, although the sender never got all of it.
#[tokio::test]
async fn an_answer_that_ends_before_its_announced_length_breaks_and_is_not_recorded() {
    for length in [10, 100_000] {
        let app = first_answers(layer(), move || Response::new(announcing(length, Body::from("short"))));
        let short = send(&app).await;
        let announced = http_body::Body::size_hint(short.body()).exact();
        let error = short.into_body().collect().await.unwrap_err();
        assert_eq!(error.to_string(), "the body is shorter than its announced size");
        let again = send(&app).await;
        assert_eq!(status_of(&again), (200, "executed"));
        assert_eq!(axum::body::to_bytes(again.into_body(), 9).await.unwrap(), "done");
        assert_eq!(announced, Some(length));
    }
}

/// Regression: an answer that broke off midway was recorded as done, so the retry got an empty 200.
#[tokio::test]
async fn an_answer_that_breaks_off_is_passed_on_and_not_recorded() {
    for is_sized in [false, true] {
        let answer = move || match is_sized {
            false => Response::new(breaking()),
            true => Response::new(announcing(20, breaking())),
        };
        let app = first_answers(layer(), answer);
        let mut body = send(&app).await.into_body();
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), r#"{"id":"#);
        assert!(body.frame().await.unwrap().is_err(), "the sender sees it break, as without the layer");
        let again = send(&app).await;
        assert_eq!(status_of(&again), (200, "executed"));
        assert_eq!(axum::body::to_bytes(again.into_body(), 9).await.unwrap(), "done");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_streams_is_passed_on_as_it_comes() {
    let (send_piece, pieces) = tokio::sync::mpsc::unbounded_channel::<Bytes>();
    let pieces = Arc::new(std::sync::Mutex::new(Some(pieces)));
    send_piece.send(Bytes::from_static(b"one")).unwrap();
    let app = first_answers(layer(), move || {
        let pieces = pieces.lock().unwrap().take().unwrap();
        let stream = stream::unfold(pieces, async |mut pieces| {
            let piece = pieces.recv().await?;
            Some((Ok::<_, std::io::Error>(piece), pieces))
        });
        Response::new(Body::from_stream(stream))
    });
    let answer = send(&app).await;
    assert_eq!(status_of(&answer), (200, "executed"));
    let mut body = answer.into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "one");
    send_piece.send(Bytes::from_static(b"two")).unwrap();
    drop(send_piece);
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "two");
    assert!(body.frame().await.is_none());
    assert!(status_of(&send(&app).await).1.starts_with("replayed"), "a streaming answer is not a failure");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_arrive_in_time_is_refused_and_claims_nothing() {
    let layer = layer();
    let app = first_answers(layer.clone(), || panic!("the handler must not run"));
    let never = stream::pending::<Result<Bytes, std::io::Error>>();
    let mut slow = signed(r#"{"id":"evt_1"}"#);
    *slow.body_mut() = Body::from_stream(never);
    let start = tokio::time::Instant::now();
    let refused = app.oneshot(slow).await.unwrap();
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(start.elapsed() <= Duration::from_secs(11));
    assert!(layer.drain(Duration::ZERO).await);
}

/// The answer is a 200 with the errors of a GraphQL query.
#[tokio::test]
async fn an_answer_marked_as_do_not_record_passes_and_frees_the_key() {
    let app = first_answers(layer(), || (Extension(DoNotRecord), "errors").into_response());
    let marked = send(&app).await;
    assert_eq!(status_of(&marked), (200, "executed"));
    assert_eq!(axum::body::to_bytes(marked.into_body(), 9).await.unwrap(), "errors");
    assert_eq!(status_of(&send(&app).await), (200, "executed"));
    assert_eq!(status_of(&send(&app).await), (200, "replayed"));
}

/// Regression: `OnExpired::InDoubt` is documented as at most once, but a panic, an abort or an inner timeout
/// after the effect released the key, so three deliveries had three effects.
#[tokio::test(start_paused = true)]
async fn under_in_doubt_a_failure_leaves_the_key_in_doubt_unless_the_handler_says_that_it_had_no_effect() {
    let in_doubt = || layer().with_policy(Policy::webhook().with_on_expired(OnExpired::InDoubt));
    // A status may come from a layer in between, such as a timeout.
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::REQUEST_TIMEOUT, StatusCode::CONFLICT] {
        let app = first_answers(in_doubt(), move || status.into_response());
        assert_eq!(status_of(&send(&app).await), (status.as_u16(), "executed"));
        assert_eq!(status_of(&send(&app).await), (503, "in-doubt"), "{status}");
    }
    let app = first_answers(in_doubt(), || panic!("after the effect"));
    let panicked = tokio::spawn({
        let app = app.clone();
        async move { send(&app).await }
    });
    assert!(panicked.await.unwrap_err().is_panic());
    assert_eq!(status_of(&send(&app).await), (503, "in-doubt"));
    // A handler whose answer broke off may have had its effect.
    let app = first_answers(in_doubt(), || Response::new(breaking()));
    drop(send(&app).await);
    assert_eq!(status_of(&send(&app).await), (503, "in-doubt"));
    // The handler says that it had no effect.
    let app = first_answers(in_doubt(), || {
        (StatusCode::INTERNAL_SERVER_ERROR, Extension(DoNotRecord)).into_response()
    });
    assert_eq!(status_of(&send(&app).await), (500, "executed"));
    assert_eq!(status_of(&send(&app).await), (200, "executed"));
}

/// Regression: a body over axum's 2 MiB got 413 after the claim, although the policy allows it.
#[tokio::test]
async fn axums_extractors_follow_the_policys_limit() {
    let id = r#"{"id":"evt_1","pad":""#.to_owned();
    let body = id + &"x".repeat(3 << 20) + "\"}";
    for limit in [4 << 20, 1 << 20] {
        let layer = layer().map_policy(|policy| policy.with_body_limit(limit));
        let length = async |body: String| body.len().to_string();
        let app: Router = Router::new().route("/h", post(length).layer(layer));
        let answer = app.oneshot(signed(body.clone())).await.unwrap();
        let expected = if limit > body.len() { (200, "executed") } else { (413, "") };
        assert_eq!(status_of(&answer), expected);
    }
}

/// Regression: a route guarded twice answered 503 for ever, marked as executed.
#[tokio::test(start_paused = true)]
async fn a_route_guarded_twice_runs_once_and_replays() {
    let inside = layer();
    // A second engine, on a store of the same namespace, guards the same key.
    for outside in [inside.clone(), layer()] {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let handle = move |Idempotent(context): Idempotent| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move { format!("{run} {}", context.attempt()) }
        };
        let app: Router = Router::new().route("/h", post(handle).layer(inside.clone())).layer(outside);
        for expected in ["executed", "replayed"] {
            let answer = send(&app).await;
            assert_eq!(status_of(&answer), (200, expected));
            assert_eq!(axum::body::to_bytes(answer.into_body(), 9).await.unwrap(), "0 1");
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }
}
