//! Answers: broken ones, marked ones, errors, and refusals before a request is read.
#![cfg(all(feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BodyStream, BoxBody, MessageBody, SizedStream};
use actix_web::dev::{Decompress, Payload, Service, ServiceRequest, ServiceResponse, Transform};
use actix_web::error::{ErrorBadRequest, PayloadError};
use actix_web::http::StatusCode;
use actix_web::middleware::{Next, from_fn};
use actix_web::test::{TestRequest, call_service, init_service, read_body, try_call_service};
use actix_web::{App, Error, HttpMessage as _, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures_util::stream;
use idempotency_actix::core::provider::{IdempotencyKey, Stripe};
use idempotency_actix::core::store::memory::MemoryStore;
use idempotency_actix::core::{OnExpired, clock, testing};
use idempotency_actix::{DoNotRecord, IdempotencyMiddleware, Idempotent};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

type BoxedPayloadStream = std::pin::Pin<Box<dyn futures_util::Stream<Item = Result<Bytes, PayloadError>>>>;

fn middleware() -> IdempotencyMiddleware {
    IdempotencyMiddleware::new(MemoryStore::new(), Stripe::new("s").unwrap())
}

fn in_doubt() -> IdempotencyMiddleware {
    middleware().map_policy(|policy| policy.with_on_expired(OnExpired::InDoubt))
}

fn signed() -> TestRequest {
    let body = br#"{"id":"evt_1"}"#;
    let mut request = TestRequest::post().uri("/h").set_payload(&body[..]);
    for (name, value) in &testing::stripe("s", body, clock::system_unix_time()) {
        request = request.insert_header((name.as_str(), value.as_bytes()));
    }
    request
}

fn status_of<B>(response: &ServiceResponse<B>) -> (u16, String) {
    let status = response.headers().get("idempotency-status");
    (response.status().as_u16(), status.map_or("", |status| status.to_str().unwrap()).to_owned())
}

fn assert_status<B>(response: &ServiceResponse<B>, status: u16, idempotency_status: &str) {
    assert_eq!(status_of(response), (status, idempotency_status.to_owned()));
}

/// An app at `/h` whose first answer is `first` and whose further answers are `done`.
macro_rules! first_answers {
    ($middleware:expr, $first:expr) => {{
        let runs = Rc::new(Cell::new(0));
        let handle = move || {
            let run = runs.replace(runs.get() + 1);
            async move { if run == 0 { $first } else { HttpResponse::Ok().body("done") } }
        };
        init_service(App::new().service(web::resource("/h").route(web::post().to(handle)).wrap($middleware)))
            .await
    }};
}

fn breaking() -> HttpResponse {
    let pieces = [Ok(Bytes::from_static(b"{\"id\":")), Err(io::Error::other("cut"))];
    HttpResponse::Ok().body(BodyStream::new(stream::iter(pieces)))
}

/// Regression: an answer that broke off midway was recorded as done, so the retry got an empty 200.
#[actix_web::test]
async fn an_answer_that_breaks_off_is_passed_on_and_not_recorded() {
    let app = first_answers!(middleware(), breaking());
    let first = call_service(&app, signed().to_request()).await;
    assert_status(&first, 200, "executed");
    assert!(actix_web::body::to_bytes(first.into_body()).await.is_err(), "the sender sees it break");
    let again = call_service(&app, signed().to_request()).await;
    assert_status(&again, 200, "executed");
    assert_eq!(read_body(again).await, "done");
}

/// Regression: an answer over the recorded limit lost its length and was sent chunked.
#[actix_web::test]
async fn an_answer_that_is_too_large_to_be_recorded_keeps_its_length() {
    let app = first_answers!(middleware(), HttpResponse::Ok().body(vec![b'x'; 100_000]));
    let whole = call_service(&app, signed().to_request()).await;
    assert_status(&whole, 200, "executed");
    assert_eq!(whole.response().body().size(), BodySize::Sized(100_000));
    assert_eq!(read_body(whole).await, vec![b'x'; 100_000]);
}

/// The client sees that the answer is cut, as it would without the middleware.
#[actix_web::test]
async fn an_answer_that_breaks_off_keeps_the_length_that_it_announced() {
    // One answer that would be recorded whole, and one that is too large.
    for length in [10, 100_000] {
        let app = first_answers!(middleware(), {
            let pieces = [Ok(Bytes::from_static(b"{\"id\":")), Err(io::Error::other("cut"))];
            HttpResponse::Ok().body(SizedStream::new(length, stream::iter(pieces)))
        });
        let cut = call_service(&app, signed().to_request()).await;
        assert_eq!(cut.response().body().size(), BodySize::Sized(length));
        assert!(actix_web::body::to_bytes(cut.into_body()).await.is_err(), "the sender sees it break");
    }
}

/// Regression: the answer was recorded, although the sender never got all of it.
#[actix_web::test]
async fn an_answer_that_ends_before_its_announced_length_breaks_and_is_not_recorded() {
    for length in [10, 100_000] {
        let app = first_answers!(middleware(), {
            let pieces = [Ok::<_, io::Error>(Bytes::from_static(b"short"))];
            HttpResponse::Ok().body(SizedStream::new(length, stream::iter(pieces)))
        });
        let short = call_service(&app, signed().to_request()).await;
        let announced = short.response().body().size();
        let error = actix_web::body::to_bytes(short.into_body()).await.unwrap_err();
        assert_eq!(error.to_string(), "the body is shorter than its announced size");
        let again = call_service(&app, signed().to_request()).await;
        assert_status(&again, 200, "executed");
        assert_eq!(read_body(again).await, "done");
        assert_eq!(announced, BodySize::Sized(length));
    }
}

/// A refusal frees the key only for the same request, even if the handler refused its format.
#[actix_web::test]
async fn a_refused_request_may_be_repeated_under_its_key_and_takes_a_new_one_when_it_is_corrected() {
    let guard = IdempotencyMiddleware::new(MemoryStore::new(), IdempotencyKey::global_across_principals());
    let app = first_answers!(guard, HttpResponse::UnsupportedMediaType().finish());
    let request = |key: &'static str, format: &'static str| {
        let request = TestRequest::post().uri("/h").set_payload("{}");
        request.insert_header(("idempotency-key", key)).insert_header(("content-type", format)).to_request()
    };
    assert_status(&call_service(&app, request("k", "text/plain")).await, 415, "executed");
    assert_status(&call_service(&app, request("k", "application/json")).await, 422, "mismatch");
    assert_status(&call_service(&app, request("l", "application/json")).await, 200, "executed");
    assert_status(&call_service(&app, request("k", "text/plain")).await, 200, "executed");
}

#[actix_web::test]
async fn an_answer_marked_as_do_not_record_passes_and_frees_the_key() {
    let app = first_answers!(middleware(), {
        let mut errors = HttpResponse::Ok().body("errors");
        errors.extensions_mut().insert(DoNotRecord);
        errors
    });
    let marked = call_service(&app, signed().to_request()).await;
    assert_status(&marked, 200, "executed");
    assert_eq!(read_body(marked).await, "errors");
    assert_status(&call_service(&app, signed().to_request()).await, 200, "executed");
    assert_status(&call_service(&app, signed().to_request()).await, 200, "replayed");
}

/// Regression: `OnExpired::InDoubt` is documented as at most once, but a failure after the effect released
/// the key.
#[actix_web::test]
async fn under_in_doubt_a_failure_leaves_the_key_in_doubt_unless_the_handler_says_that_it_had_no_effect() {
    for status in [StatusCode::INTERNAL_SERVER_ERROR, StatusCode::REQUEST_TIMEOUT] {
        let app = first_answers!(in_doubt(), HttpResponse::new(status));
        assert_status(&call_service(&app, signed().to_request()).await, status.as_u16(), "executed");
        assert_status(&call_service(&app, signed().to_request()).await, 503, "in-doubt");
    }
    let app = first_answers!(in_doubt(), breaking());
    drop(call_service(&app, signed().to_request()).await);
    assert_status(&call_service(&app, signed().to_request()).await, 503, "in-doubt");
    let app = first_answers!(in_doubt(), {
        let mut refused = HttpResponse::InternalServerError().finish();
        refused.extensions_mut().insert(DoNotRecord);
        refused
    });
    assert_status(&call_service(&app, signed().to_request()).await, 500, "executed");
    assert_status(&call_service(&app, signed().to_request()).await, 200, "executed");
}

/// Regression: `Err(400)` from an inner middleware freed the key without a mark, while the same 400 as a
/// response was recorded.
#[actix_web::test]
async fn an_error_of_a_middleware_is_handled_like_the_response_that_it_becomes() {
    async fn refuse(_: ServiceRequest, _: Next<BoxBody>) -> Result<ServiceResponse<BoxBody>, Error> {
        Err(ErrorBadRequest("the amount is negative"))
    }
    let keys = IdempotencyKey::global_across_principals();
    let idempotency = IdempotencyMiddleware::new(MemoryStore::new(), keys);
    let route = web::resource("/h").to(HttpResponse::Ok).wrap(from_fn(refuse)).wrap(idempotency);
    let app = init_service(App::new().service(route)).await;
    let request = || TestRequest::post().uri("/h").insert_header(("idempotency-key", "k")).to_request();
    let error = try_call_service(&app, request()).await.expect_err("it stays an error");
    let response = error.error_response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    assert_eq!(response.headers().get("idempotency-status").unwrap(), "executed");
    let text = actix_web::body::to_bytes(response.into_body()).await.unwrap();
    assert_eq!(text, "the amount is negative");
    let again = call_service(&app, request()).await;
    assert_status(&again, 400, "replayed");
    assert_eq!(read_body(again).await, "the amount is negative");
}

/// Regression: a route guarded twice answered 503 for ever, marked as executed.
#[actix_web::test]
async fn a_route_guarded_twice_runs_once_and_replays() {
    let inside = middleware();
    for outside in [inside.clone(), middleware()] {
        let runs = Rc::new(Cell::new(0));
        let counted = runs.clone();
        let handle = move |Idempotent(context): Idempotent| {
            counted.set(counted.get() + 1);
            std::future::ready(HttpResponse::Ok().body(context.attempt().to_string()))
        };
        let route = web::resource("/h").route(web::post().to(handle)).wrap(inside.clone());
        let app = init_service(App::new().service(web::scope("").wrap(outside).service(route))).await;
        for expected in ["executed", "replayed"] {
            let answer = call_service(&app, signed().to_request()).await;
            assert_status(&answer, 200, expected);
            assert_eq!(read_body(answer).await, "1");
        }
        assert_eq!(runs.get(), 1);
    }
}

/// Regression: a principal in `request.extensions_mut()` was not seen.
#[actix_web::test]
async fn extensions_set_by_earlier_middleware_reach_the_provider() {
    #[derive(Clone)]
    struct User(&'static str);
    let keys = IdempotencyKey::per_principal(|incoming| {
        incoming.extensions.get::<User>().map(|user| user.0.to_owned())
    });
    let idempotency = IdempotencyMiddleware::new(MemoryStore::new(), keys).with_extension::<User>();
    let route = web::resource("/h").to(HttpResponse::Ok).wrap(idempotency).wrap_fn(|request, service| {
        let is_bob = request.headers().contains_key("x-bob");
        request.extensions_mut().insert(User(if is_bob { "bob" } else { "alice" }));
        service.call(request)
    });
    let app = init_service(App::new().service(route)).await;
    let request = || TestRequest::post().uri("/h").insert_header(("idempotency-key", "k"));
    for expected in ["executed", "replayed"] {
        assert_status(&call_service(&app, request().to_request()).await, 200, expected);
        let bob = request().insert_header(("x-bob", "1")).to_request();
        assert_status(&call_service(&app, bob).await, 200, expected);
    }
}

#[actix_web::test]
async fn a_body_that_does_not_arrive_in_time_is_refused_and_claims_nothing() {
    tokio::time::pause();
    let idempotency = middleware();
    let app = first_answers!(idempotency.clone(), panic!("the handler must not run"));
    let never: BoxedPayloadStream = Box::pin(stream::pending::<Result<Bytes, PayloadError>>());
    let (slow, _) = signed().to_request().replace_payload(Payload::Stream { payload: never });
    let refused = call_service(&app, slow).await;
    assert_eq!(refused.status(), StatusCode::REQUEST_TIMEOUT);
    assert!(idempotency.drain(Duration::ZERO).await);
}

/// A middleware that is not ready until the test opens it.
#[derive(Clone, Default)]
struct Gate {
    is_open: Rc<Cell<bool>>,
}

struct Gated<S> {
    inner: S,
    is_open: Rc<Cell<bool>>,
}

impl<S> Transform<S, ServiceRequest> for Gate
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Transform = Gated<S>;
    type InitError = ();
    type Future = std::future::Ready<Result<Gated<S>, ()>>;

    fn new_transform(&self, inner: S) -> Self::Future {
        std::future::ready(Ok(Gated { inner, is_open: self.is_open.clone() }))
    }
}

impl<S> Service<ServiceRequest> for Gated<S>
where
    S: Service<ServiceRequest, Response = ServiceResponse, Error = Error>,
{
    type Response = ServiceResponse;
    type Error = Error;
    type Future = S::Future;

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.is_open.get() {
            return Poll::Pending;
        }
        self.inner.poll_ready(cx)
    }

    fn call(&self, request: ServiceRequest) -> S::Future {
        assert!(self.is_open.get(), "called without being ready");
        self.inner.call(request)
    }
}

#[actix_web::test]
async fn a_service_that_is_not_ready_in_time_is_503_and_the_attempt_does_not_count() {
    tokio::time::pause();
    let gate = Gate::default();
    let handle =
        async |Idempotent(context): Idempotent| HttpResponse::Ok().body(context.attempt().to_string());
    let route = web::resource("/h").route(web::post().to(handle)).wrap(gate.clone()).wrap(middleware());
    let app = init_service(App::new().service(route)).await;
    for _ in 0..2 {
        let busy = call_service(&app, signed().to_request()).await;
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(busy.headers().contains_key("retry-after"));
    }
    gate.is_open.set(true);
    let done = call_service(&app, signed().to_request()).await;
    assert_status(&done, 200, "executed");
    assert_eq!(read_body(done).await, "1", "a run that never started is no attempt");
}

/// Regression: actix-web read a 13 MB unsigned upload to its end after the 413.
#[actix_web::test]
async fn an_upload_over_the_limit_is_not_read_to_its_end() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = listener.local_addr().unwrap();
    let idempotency = middleware();
    let server = HttpServer::new(move || {
        let route = web::post().to(HttpResponse::Ok);
        App::new().service(web::resource("/h").route(route).wrap(idempotency.clone()))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    let mut socket = tokio::net::TcpStream::connect(addr).await.unwrap();
    socket.write_all(b"POST /h HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n").await.unwrap();
    let piece = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    for _ in 0..20 {
        socket.write_all(&piece).await.unwrap();
    }
    // The upload has not ended, but the server closes the connection.
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer).await;
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 413"), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
    handle.stop(false).await;
}

/// Regression: a gzip body that was signed before compression could not be verified.
#[actix_web::test]
async fn a_body_that_was_signed_and_then_compressed_is_verified_behind_a_middleware_that_decompresses() {
    async fn decompress(
        mut request: ServiceRequest,
        next: Next<impl MessageBody + 'static>,
    ) -> Result<ServiceResponse<impl MessageBody>, Error> {
        let plain = Decompress::from_headers(request.take_payload(), request.headers());
        request.set_payload(Payload::Stream { payload: Box::pin(plain) });
        request.headers_mut().remove("content-encoding");
        next.call(request).await
    }
    let gzip = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xca\x4c\x51\xb2\x52\x4a\x2d\x2b\x89\x37\x54\xaa\x05\x00\x1b\x50\xba\x8e\x0e\x00\x00\x00";
    let handle = async |body: Bytes| HttpResponse::Ok().body(body);
    let route = web::resource("/h").route(web::post().to(handle));
    let route = route.wrap(middleware()).wrap(from_fn(decompress));
    let app = init_service(App::new().service(route)).await;
    let request = signed().set_payload(&gzip[..]).insert_header(("content-encoding", "gzip"));
    let answer = call_service(&app, request.to_request()).await;
    assert_status(&answer, 200, "executed");
    assert_eq!(read_body(answer).await, r#"{"id":"evt_1"}"#);
}
