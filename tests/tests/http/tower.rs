//! Features of Tower alone: readiness, errors, and stacks without a framework. And time bounds, in paused time.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{Ready, ready};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use idempotency_core::Policy;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::{Fault, Operation, TestSender, Watched, post};
use idempotency_tower::{AnyBody, AnyBodyLayer, IdempotencyLayer, Idempotent, Scope};
use tokio::time::Instant;
use tower::{Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

type Body = AnyBody<Full<Bytes>>;

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::new(MemoryStore::new(), TestSender::new(Policy::webhook()).by_any_method())
}

fn delivery(key: &str) -> Request<Full<Bytes>> {
    let body = Full::new(Bytes::from_static(b"{}"));
    Request::post("/hook").header("x-key", key).body(body).expect("it is a request")
}

fn any_body(layer: IdempotencyLayer) -> AnyBodyLayer {
    layer.outside_axum(Scope::endpoint("test /hook"))
}

/// Like a concurrency limit: each clone must be made ready.
#[derive(Debug, Default)]
struct OnlyWhenReady {
    ready: bool,
    calls: Arc<AtomicUsize>,
}

impl Clone for OnlyWhenReady {
    fn clone(&self) -> Self {
        Self { ready: false, calls: self.calls.clone() }
    }
}

impl Service<Request<Body>> for OnlyWhenReady {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without having been made ready");
        self.calls.fetch_add(1, Ordering::SeqCst);
        ready(Ok(Response::new(Full::default())))
    }
}

#[tokio::test]
async fn the_service_that_was_made_ready_is_the_one_called() {
    let inner = OnlyWhenReady::default();
    let calls = inner.calls.clone();
    let mut service = any_body(layer()).layer(inner);
    for n in 0..3 {
        let response = service.ready().await.unwrap().call(delivery(&format!("k{n}"))).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
    }
    // The same for a request that passes.
    let bypass = Request::get("/hook").body(Full::default()).unwrap();
    service.ready().await.unwrap().call(bypass).await.unwrap();
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn an_error_of_the_inner_service_releases_and_passes() {
    let runs = Arc::new(AtomicUsize::new(0));
    let inner = service_fn(move |_: Request<Body>| {
        ready(match runs.fetch_add(1, Ordering::SeqCst) {
            0 => Err("the backend is gone"),
            _ => Ok(Response::new(Full::<Bytes>::default())),
        })
    });
    let mut service = any_body(layer()).layer(inner);
    assert_eq!(service.ready().await.unwrap().call(delivery("k")).await.unwrap_err(), "the backend is gone");
    let response = service.ready().await.unwrap().call(delivery("k")).await.unwrap();
    assert_eq!(response.headers()["idempotency-status"], "executed");
    let response = service.ready().await.unwrap().call(delivery("k")).await.unwrap();
    assert_eq!(response.headers()["idempotency-status"], "replayed");
}

#[tokio::test]
async fn a_plain_tower_stack_is_served_by_hyper() {
    let stack = ServiceBuilder::new().layer(any_body(layer())).service(service_fn(
        async |request: Request<AnyBody<hyper::body::Incoming>>| {
            let body = request.into_body().collect().await?.to_bytes();
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Response::new(Full::new(body)))
        },
    ));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let service = TowerToHyperService::new(stack.clone());
            let connection = hyper::server::conn::http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), service));
        }
    });
    for status in ["executed", "replayed"] {
        let answer = post("/hook").key("k").body("echo").send_to(addr).await.unwrap();
        answer.is(200, status).says("echo");
    }
}

/// The default policy on a failing store, in paused time.
async fn answer_and_time(operation: Operation, fault: Fault) -> (StatusCode, Duration) {
    let store = Watched::new(Arc::new(MemoryStore::new()));
    store.breaks(operation, fault);
    let layer = IdempotencyLayer::new(store, TestSender::new(Policy::webhook()));
    let handler = async |_: Request<Body>| Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()));
    let start = Instant::now();
    let response = any_body(layer.clone())
        .layer(service_fn(handler))
        .oneshot(delivery("k"))
        .await
        .expect("the service is infallible");
    (response.status(), start.elapsed())
}

/// The store's default budget with a small margin.
const BUDGET: Duration = Duration::from_millis(1600);

#[tokio::test(start_paused = true)]
async fn an_outage_is_answered_within_the_default_budget() {
    for fault in [Fault::Hangs, Fault::Unavailable, Fault::AnswerLost] {
        let (status, time) = answer_and_time(Operation::Claim, fault.clone()).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(time <= BUDGET, "{fault:?} took {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_success_is_answered_within_the_default_budget_while_its_recording_hangs() {
    for fault in [Fault::Hangs, Fault::Unavailable] {
        let (status, time) = answer_and_time(Operation::Complete, fault.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert!(time <= BUDGET, "{fault:?} took {time:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_waits_for_two_seconds_by_default() {
    let handler = service_fn(async |_: Request<Body>| {
        std::future::pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
    });
    let mut service = any_body(layer()).layer(handler);
    let mut first = std::pin::pin!(service.ready().await.unwrap().call(delivery("k")));
    assert!(futures_util::poll!(first.as_mut()).is_pending());
    // The execution is a task, which runs while this one waits.
    tokio::task::yield_now().await;
    let start = Instant::now();
    let response = service.ready().await.unwrap().call(delivery("k")).await.unwrap();
    assert_eq!(response.headers()["idempotency-status"], "conflict");
    let waited = start.elapsed();
    assert!((Duration::from_secs(2)..Duration::from_millis(2100)).contains(&waited), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_running_executions_up_to_its_timeout() {
    let layer = layer();
    let (finish, finished) = tokio::sync::watch::channel(false);
    let handler = service_fn(move |_: Request<Body>| {
        let mut finished = finished.clone();
        async move {
            finished.wait_for(|finished| *finished).await.expect("the test signals the end");
            Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
        }
    });
    assert!(layer.drain(Duration::ZERO).await, "nothing runs yet");
    let answer = tokio::spawn(any_body(layer.clone()).layer(handler).oneshot(delivery("k")));
    tokio::task::yield_now().await;
    assert!(!layer.drain(Duration::from_secs(5)).await, "the handler runs");
    finish.send(true).expect("the handler waits");
    assert!(layer.drain(Duration::from_secs(5)).await, "nothing is left");
    assert_eq!(answer.await.unwrap().unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_handler_is_given_the_context_of_a_request_with_a_key() {
    use axum::routing::{get, post};
    let optional = async |context: Option<Idempotent>| match context {
        Some(Idempotent(context)) => format!("{context:?}"),
        None => "none".to_owned(),
    };
    let required = async |Idempotent(context): Idempotent| format!("attempt {}", context.attempt());
    let app = axum::Router::new()
        .route("/hook", post(optional).get(optional))
        .route("/required", get(required))
        .layer(layer())
        .route("/bare", post(required));
    let sent = async |request: Request<axum::body::Body>| {
        let (parts, body) = app.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap())
    };
    let request = |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path).header("x-key", "k");
        request.body(axum::body::Body::empty()).unwrap()
    };
    let (status, shown) = sent(request("POST", "/hook")).await;
    assert_eq!(status, StatusCode::OK);
    assert!(shown.starts_with("IdempotencyContext {") && shown.contains("attempt: 1"), "{shown}");
    assert_eq!(sent(request("GET", "/hook")).await, (StatusCode::OK, "none".to_owned()));
    for (method, path) in [("GET", "/required"), ("POST", "/bare")] {
        let (status, text) = sent(request(method, path)).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert!(text.contains("no idempotency context"), "{text}");
    }
}
