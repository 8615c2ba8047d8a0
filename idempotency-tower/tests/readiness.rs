//! Readiness: only a request that runs takes capacity of the services below the layer.
#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response, StatusCode};
use idempotency_tower::IdempotencyLayer;
use idempotency_tower::core::provider::{IdempotencyKey, Stripe};
use idempotency_tower::core::store::memory::MemoryStore;
use idempotency_tower::core::{IdempotencyContext, Policy, clock, testing};
use tokio::sync::watch;
use tower::{BoxError, Service, ServiceBuilder, ServiceExt as _, service_fn};

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::new(MemoryStore::new(), Stripe::new("s").unwrap())
}

fn signed(key: &str) -> Request<Body> {
    let body = format!(r#"{{"id":"{key}"}}"#);
    let headers = testing::stripe("s", body.as_bytes(), clock::system_unix_time());
    let mut request = Request::post("/h").body(Body::from(body)).unwrap();
    request.headers_mut().extend(headers);
    request
}

fn status_of(response: &Response<Body>) -> (u16, &str) {
    let status = response.headers().get("idempotency-status");
    (response.status().as_u16(), status.map_or("", |status| status.to_str().unwrap()))
}

/// A handler that takes a second, and for each key the number of its runs and the last attempt.
#[derive(Clone, Default)]
struct Runs(Arc<Mutex<HashMap<String, (u32, u32)>>>);

impl Runs {
    async fn handle(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let context = request.extensions().get::<IdempotencyContext>().unwrap();
        {
            let mut runs = self.0.lock().unwrap();
            let (times, attempt) = runs.entry(context.key().as_str().to_owned()).or_default();
            *times += 1;
            *attempt = context.attempt();
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Response::new(Body::from("ok")))
    }
}

type Waiting = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A service that a test makes ready. Each clone waits for itself.
struct Gated {
    opens: watch::Receiver<bool>,
    waiting: Option<Waiting>,
    runs: Arc<AtomicUsize>,
    last_attempt: Arc<AtomicU32>,
}

impl Clone for Gated {
    fn clone(&self) -> Self {
        let (opens, runs, last_attempt) = (self.opens.clone(), self.runs.clone(), self.last_attempt.clone());
        Self { opens, waiting: None, runs, last_attempt }
    }
}

impl Gated {
    fn new() -> (watch::Sender<bool>, Self) {
        let (open, opens) = watch::channel(false);
        (open, Self { opens, waiting: None, runs: Arc::default(), last_attempt: Arc::default() })
    }
}

impl Service<Request<Body>> for Gated {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        let mut opens = self.opens.clone();
        let waiting = self.waiting.get_or_insert_with(|| {
            Box::pin(async move {
                opens.wait_for(|is_open| *is_open).await.unwrap();
            })
        });
        waiting.as_mut().poll(cx).map(Ok)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        self.runs.fetch_add(1, Ordering::SeqCst);
        if let Some(context) = request.extensions().get::<IdempotencyContext>() {
            assert!(!context.is_lease_lost(), "a handler starts under its lease");
            self.last_attempt.store(context.attempt(), Ordering::SeqCst);
        }
        std::future::ready(Ok(Response::new(Body::from("ok"))))
    }
}

/// Regression: two unsigned uploads that never ended held both permits for an hour.
#[tokio::test(start_paused = true)]
async fn slow_unsigned_uploads_hold_no_permit() {
    let inner = service_fn(|_: Request<Body>| async { Ok::<_, Infallible>(Response::new(Body::from("ok"))) });
    let limited = ServiceBuilder::new().layer(layer()).concurrency_limit(2).service(inner);
    for _ in 0..2 {
        let never = stream::pending::<Result<Bytes, std::io::Error>>();
        let slow = Request::post("/h").body(Body::from_stream(never)).unwrap();
        tokio::spawn(limited.clone().oneshot(slow));
    }
    tokio::task::yield_now().await;
    let honest = tokio::time::timeout(Duration::from_secs(1), limited.oneshot(signed("evt_1"))).await;
    assert_eq!(status_of(&honest.expect("a permit is free").unwrap()), (200, "executed"));
}

/// Regression: duplicates that waited for an outcome held permits, so other keys starved.
#[tokio::test(start_paused = true)]
async fn waiting_duplicates_hold_no_permit() {
    let runs = Runs::default();
    let inner = service_fn(move |request| runs.clone().handle(request));
    let limited = ServiceBuilder::new().layer(layer()).concurrency_limit(2).service(inner);
    for _ in 0..5 {
        tokio::spawn(limited.clone().oneshot(signed("evt_1")));
    }
    tokio::task::yield_now().await;
    let start = tokio::time::Instant::now();
    let other = limited.oneshot(signed("evt_2")).await.unwrap();
    assert_eq!(status_of(&other), (200, "executed"));
    assert!(start.elapsed() < Duration::from_millis(1100), "its own second and no wait before it");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_ready_in_time_is_503_and_the_attempt_does_not_count() {
    let (open, gated) = Gated::new();
    let service = ServiceBuilder::new().layer(layer()).service(gated.clone());
    for _ in 0..2 {
        let busy = service.clone().oneshot(signed("evt_1")).await.unwrap();
        assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(busy.headers().contains_key("retry-after"));
        assert_eq!(gated.runs.load(Ordering::SeqCst), 0);
    }
    open.send(true).unwrap();
    let done = service.oneshot(signed("evt_1")).await.unwrap();
    assert_eq!(status_of(&done), (200, "executed"));
    assert_eq!(gated.last_attempt.load(Ordering::SeqCst), 1, "a run that never started is no attempt");
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_readiness_longer_than_the_lease_loses_nothing() {
    let (open, gated) = Gated::new();
    let layer = layer().with_policy(Policy::webhook().with_lease(Duration::from_millis(300)));
    let service = ServiceBuilder::new().layer(layer).service(gated.clone());
    let first = tokio::spawn(service.clone().oneshot(signed("evt_1")));
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let duplicate = tokio::spawn(service.clone().oneshot(signed("evt_1")));
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(gated.runs.load(Ordering::SeqCst), 0);
    open.send(true).unwrap();
    assert_eq!(status_of(&first.await.unwrap().unwrap()), (200, "executed"));
    assert_eq!(status_of(&duplicate.await.unwrap().unwrap()), (200, "replayed"));
    assert_eq!((gated.runs.load(Ordering::SeqCst), gated.last_attempt.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_passes_waits_for_readiness_too() {
    let (open, gated) = Gated::new();
    let layer = IdempotencyLayer::new(MemoryStore::new(), IdempotencyKey::global_across_principals());
    let service = ServiceBuilder::new().layer(layer).service(gated.clone());
    let passing = || Request::get("/h").body(Body::empty()).unwrap();
    let busy = service.clone().oneshot(passing()).await.unwrap();
    assert_eq!(busy.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(busy.headers().contains_key("retry-after"));
    open.send(true).unwrap();
    assert_eq!(status_of(&service.oneshot(passing()).await.unwrap()), (200, "bypassed"));
}

/// A service that fails to become ready at first.
#[derive(Clone)]
struct FailsToBeReady(Arc<AtomicU32>);

impl Service<Request<Body>> for FailsToBeReady {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = std::future::Ready<Result<Response<Body>, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(match self.0.fetch_add(1, Ordering::SeqCst) {
            0 => Err("the backend is gone".into()),
            _ => Ok(()),
        })
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let attempt = request.extensions().get::<IdempotencyContext>().unwrap().attempt();
        std::future::ready(Ok(Response::new(Body::from(attempt.to_string()))))
    }
}

#[tokio::test]
async fn an_error_of_readiness_passes_and_the_attempt_does_not_count() {
    let service = ServiceBuilder::new().layer(layer()).service(FailsToBeReady(Arc::default()));
    let error = service.clone().oneshot(signed("evt_1")).await.unwrap_err();
    assert_eq!(error.to_string(), "the backend is gone");
    let done = service.oneshot(signed("evt_1")).await.unwrap();
    assert_eq!(status_of(&done), (200, "executed"));
    assert_eq!(axum::body::to_bytes(done.into_body(), 9).await.unwrap(), "1");
}

/// Sends six deliveries at once, each again until it is done. Whatever the stack does, each must run once,
/// and a refusal must make the sender come again.
async fn assert_each_runs_once<S>(name: &str, runs: Runs, service: S)
where
    S: Service<Request<Body>, Response = Response<Body>, Error: Into<BoxError>> + Clone + Send + 'static,
    S::Future: Send,
{
    let senders = (0..6).map(|n| {
        let (service, name) = (service.clone(), name.to_owned());
        tokio::spawn(async move {
            let key = format!("evt_{n}");
            for _ in 0..60 {
                match service.clone().oneshot(signed(&key)).await.map_err(Into::into) {
                    Ok(response) if response.status() == StatusCode::OK => return,
                    Ok(response) => {
                        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{name}");
                        assert!(response.headers().contains_key("retry-after"), "{name}");
                    }
                    // An outer layer is overloaded or timed out.
                    Err(error) => {
                        let text: BoxError = error;
                        assert!(
                            text.to_string().contains("overloaded") || text.to_string().contains("timed"),
                            "{text}"
                        );
                    }
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            panic!("{name}: {key} was never done");
        })
    });
    for sender in senders.collect::<Vec<_>>() {
        sender.await.unwrap();
    }
    let runs = runs.0.lock().unwrap();
    assert_eq!(runs.len(), 6, "{name}: {runs:?}");
    assert!(runs.values().all(|(times, _)| *times == 1), "{name}: {runs:?}");
}

/// One row of the table: a handler, and a layer where `$stack` puts it.
macro_rules! row {
    ($name:ident, |$below:ident, $idempotency:ident| $stack:expr) => {
        #[tokio::test(start_paused = true)]
        async fn $name() {
            let runs = Runs::default();
            let handled = runs.clone();
            let $below = service_fn(move |request| handled.clone().handle(request));
            let $idempotency = layer();
            assert_each_runs_once(stringify!($name), runs, $stack).await;
        }
    };
}

fn builder() -> ServiceBuilder<tower::layer::util::Identity> {
    ServiceBuilder::new()
}

row!(a_concurrency_limit_below, |h, i| builder().layer(i).concurrency_limit(1).service(h));
row!(a_concurrency_limit_above, |h, i| builder().concurrency_limit(1).layer(i).service(h));
row!(a_buffer_below, |h, i| builder().layer(i).buffer(1).service(h));
row!(a_buffer_above, |h, i| builder().buffer(1).layer(i).service(h));
row!(a_rate_limit_below, |h, i| {
    builder().layer(i).buffer(1).rate_limit(1, Duration::from_secs(2)).service(h)
});
row!(a_rate_limit_above, |h, i| {
    builder().buffer(1).rate_limit(1, Duration::from_secs(2)).layer(i).service(h)
});
row!(a_load_shed_above_with_a_limit_around, |h, i| {
    builder().load_shed().concurrency_limit(2).layer(i).service(h)
});
row!(a_load_shed_below_with_a_limit_under_it, |h, i| {
    builder().layer(i).load_shed().concurrency_limit(2).service(h)
});
row!(a_timeout_below_that_is_longer_than_the_handler, |h, i| {
    builder().layer(i).timeout(Duration::from_secs(5)).service(h)
});
row!(a_timeout_above_that_is_shorter_than_the_handler, |h, i| {
    builder().timeout(Duration::from_millis(300)).layer(i).service(h)
});
row!(a_timeout_above_while_a_limit_below_makes_wait, |h, i| {
    builder().timeout(Duration::from_millis(300)).layer(i).concurrency_limit(1).service(h)
});
