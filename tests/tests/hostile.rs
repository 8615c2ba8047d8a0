//! What a hostile reviewer tried, over real sockets and a real Redis.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Body, Frame, SizeHint};
use idempotency_core::engine::Begun;
use idempotency_core::provider::{ContentKey, IdempotencyKey, Incoming, Received, Shopify, StandardWebhooks};
use idempotency_core::store::redis::RedisStore;
use idempotency_core::*;
use idempotency_tests::http::{Adapter, Reply, Site, TestSender, handler, post};
use idempotency_tests::redis_case::{claim, key};
use idempotency_tests::redis_server::RedisServer;
use idempotency_tower::IdempotencyLayer;
use tower::{Layer as _, ServiceExt as _};

// --- key confusion -------------------------------------------------------------------------------------------------

async fn one_target_in_another_spelling(adapter: Adapter) {
    let site = Site::new(adapter, Arc::new(MemoryStore::new()));
    let served =
        site.serve(TestSender::new(Policy::webhook()), handler(|_| async { Reply::new(200, "done") })).await;
    let mut seen = Vec::new();
    for target in ["/hook", "/%68ook", "/hoo%6B", "/hoo%6b"] {
        let answer = served.send_unnoted(post(target).key("evt_1")).await;
        seen.push((target, answer.status, answer.all("idempotency-status").join(",")));
    }
    println!("{adapter:?}: {seen:?}");
    assert_eq!(served.executions(), 1, "{seen:?}");
}

#[tokio::test]
async fn one_target_in_another_spelling_is_one_scope_in_axum() {
    one_target_in_another_spelling(Adapter::Axum).await;
}

#[tokio::test]
async fn one_target_in_another_spelling_is_one_scope_in_actix() {
    one_target_in_another_spelling(Adapter::Actix).await;
}

#[tokio::test]
async fn the_content_of_two_topics_is_two_events() {
    let provider = ContentKey::over(Shopify::new("secret").unwrap());
    let body =
        Bytes::from_static(br#"{"id":1,"financial_status":"paid","updated_at":"2026-01-01T00:00:00Z"}"#);
    let (uri, scope) = (Uri::from_static("/hook"), Scope::endpoint("shopify /hook"));
    let mut digests = Vec::new();
    for (id, topic) in [("e1", "orders/create"), ("e2", "orders/paid")] {
        let headers = testing::shopify("secret", id, topic, &body);
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::ZERO, &scope);
        let Received::Delivery(delivery) = provider.receive(&incoming).await.unwrap() else { panic!() };
        digests.push(delivery.key().digest());
    }
    assert_ne!(digests[0], digests[1], "orders/paid is lost: orders/create had the same body");
}

#[tokio::test]
async fn the_content_of_two_principals_is_two_intents() {
    let provider = ContentKey::over(IdempotencyKey::per_header_principal(http::header::AUTHORIZATION));
    let body = Bytes::from_static(br#"{"amount":10}"#);
    let (uri, scope) = (Uri::from_static("/pay"), Scope::endpoint("pay"));
    let mut digests = Vec::new();
    for token in ["Bearer alice", "Bearer bob"] {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static(token));
        headers.insert("idempotency-key", HeaderValue::from_static("k"));
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::ZERO, &scope);
        let Received::Delivery(delivery) = provider.receive(&incoming).await.unwrap() else { panic!() };
        digests.push(delivery.key().digest());
    }
    assert_ne!(digests[0], digests[1], "bob is sent alice's answer");
}

// --- unauthenticated cost ------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_header_of_many_signatures_costs_little() {
    let seed = data_encoding::BASE64.encode(&[7; 32]);
    let signed = testing::standard_webhooks(&format!("whsk_{seed}"), "id", b"x", Duration::from_secs(1000));
    let sample = signed["webhook-signature"].to_str().unwrap().to_owned();
    // Any valid point will do for the public key: 32 bytes of the base point.
    let mut base = [0x66u8; 32];
    base[0] = 0x58;
    let provider = StandardWebhooks::new(format!("whpk_{}", data_encoding::BASE64.encode(&base))).unwrap();
    let body = Bytes::from(vec![b'x'; 1 << 20]);
    let (uri, scope) = (Uri::from_static("/hook"), Scope::endpoint("e"));
    let mut costs = Vec::new();
    for candidates in [1, 50] {
        let mut headers = signed.clone();
        let value = vec![sample.as_str(); candidates].join(" ");
        headers.insert("webhook-signature", HeaderValue::from_str(&value).unwrap());
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::from_secs(1000), &scope);
        let began = Instant::now();
        assert!(provider.receive(&incoming).await.is_err());
        costs.push(began.elapsed());
        println!("{candidates} candidates, {} bytes of header: {:?}", value.len(), costs.last().unwrap());
    }
    assert!(costs[1] < costs[0] * 25, "{costs:?}: linear, and a header of 128 KiB holds 1400");
}

// --- tower bodies --------------------------------------------------------------------------------------------------

struct Lying {
    pieces: Vec<Result<Bytes, std::io::Error>>,
    says: u64,
}

impl Body for Lying {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        std::task::Poll::Ready(self.pieces.pop().map(|piece| piece.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.says)
    }
}

fn layer() -> IdempotencyLayer {
    IdempotencyLayer::memory(TestSender::new(Policy::webhook()))
}

fn request() -> Request<Full<Bytes>> {
    Request::post("/hook").header("x-key", "k").body(Full::new(Bytes::from_static(b"hello"))).unwrap()
}

#[tokio::test]
async fn trailers_of_a_first_answer_reach_the_sender() {
    let service = layer().layer(tower::service_fn(|_| async {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        Ok::<_, Infallible>(Response::new(
            Full::new(Bytes::from_static(b"hi")).with_trailers(async move { Some(Ok(trailers)) }),
        ))
    }));
    let answer = service.oneshot(request()).await.unwrap();
    let collected = answer.into_body().collect().await.unwrap();
    assert!(collected.trailers().is_some(), "the trailers are gone");
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_to_the_first_sender_as_without_the_layer() {
    let service = layer().layer(tower::service_fn(|_| async {
        let pieces = vec![Err(std::io::Error::other("cut")), Ok(Bytes::from_static(b"{\"id\":"))];
        Ok::<_, Infallible>(
            Response::builder().header("content-length", "20").body(Lying { pieces, says: 20 }).unwrap(),
        )
    }));
    let answer = service.oneshot(request()).await.unwrap();
    println!("{} {:?}", answer.status(), answer.headers());
    let collected = answer.into_body().collect().await;
    assert!(collected.is_err(), "a truncated answer became a whole one: {:?}", collected.unwrap().to_bytes());
}

#[tokio::test]
async fn a_body_that_lies_about_its_size_is_not_buffered_past_the_limit() {
    let service = layer().layer(tower::service_fn(|_| async {
        let pieces = (0..64).map(|_| Ok(Bytes::from(vec![0; 1 << 20]))).collect();
        Ok::<_, Infallible>(Response::new(Lying { pieces, says: 5 }))
    }));
    let layer_answer = service.oneshot(request()).await.unwrap();
    let hint = layer_answer.body().size_hint().exact();
    println!("buffered: {hint:?}");
    assert!(hint.is_none_or(|bytes| bytes <= 64 * 1024));
}

#[tokio::test]
async fn trailers_of_a_request_reach_the_handler() {
    let service =
        layer().layer(tower::service_fn(|request: Request<idempotency_tower::RequestBody<_>>| async move {
            let collected = request.into_body().collect().await.ok().unwrap();
            let had = collected.trailers().is_some();
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(had.to_string()))))
        }));
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("1"));
    let frames =
        vec![Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"a"))), Ok(Frame::trailers(trailers))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let answer =
        service.oneshot(Request::post("/hook").header("x-key", "k").body(body).unwrap()).await.unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "true");
}

// --- redis across runtimes -----------------------------------------------------------------------------------------

#[test]
#[ignore = "open: one connection lives on the runtime that dialled it"]
fn one_worker_that_blocks_does_not_stop_the_store_of_the_others() {
    let (server, server_runtime) = {
        let runtime = runtime();
        (runtime.block_on(RedisServer::start()), runtime)
    };
    let store = RedisStore::new(&server.url()).unwrap();
    let first = store.clone();
    let (ready, started) = std::sync::mpsc::channel();
    let worker = std::thread::spawn(move || {
        runtime().block_on(async {
            drop(first.claim(&claim("warm", 1)).await);
            ready.send(()).unwrap();
            // A handler of this worker that blocks its thread.
            std::thread::sleep(Duration::from_secs(4));
        });
    });
    started.recv().unwrap();
    let engine = Idempotency::new(store).with_policy(Policy::webhook());
    let began = Instant::now();
    let begun = runtime().block_on(async { engine.begin(delivery("k")).await.map(|_| ()) });
    println!("after {:?}: {begun:?}", began.elapsed());
    worker.join().unwrap();
    drop(server_runtime);
    assert!(begun.is_ok(), "{begun:?}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_ends_while_it_dials_does_not_take_the_store_with_it() {
    // Accepts by its backlog, and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}/", silent.local_addr().unwrap().port());
    let store = RedisStore::new(&url).unwrap();
    let first = runtime();
    first.block_on(async {
        let claimed = tokio::time::timeout(Duration::from_millis(100), store.claim(&claim("k", 1))).await;
        assert!(claimed.is_err(), "still dialling");
    });
    drop(first);
    let second = runtime();
    for attempt in 1..=3 {
        let store = store.clone();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            second.block_on(async { store.claim(&claim("k", 1)).await.map_err(|error| error.to_string()) })
        }));
        println!("attempt {attempt}: {:?}", outcome.as_ref().map_err(|_| "panic"));
        assert!(outcome.is_ok(), "attempt {attempt} panicked");
    }
}

#[test]
fn a_runtime_that_ends_does_not_take_the_wake_ups_with_it() {
    let first = runtime();
    let server = first.block_on(RedisServer::start());
    let store = idempotency_tests::redis_case::store(&server.url());
    let lease = first.block_on(async {
        let claim = claim("k", 1);
        let Claimed::Granted { fence, .. } = store.claim(&claim).await.unwrap() else { panic!() };
        drop(
            tokio::time::timeout(
                Duration::from_millis(300),
                store.settled(&key("k"), Duration::from_secs(5)),
            )
            .await,
        );
        claim.granted(fence)
    });
    drop(first);
    let second = runtime();
    second.block_on(async {
        let began = Instant::now();
        let name = key("k");
        let (settled, held) = tokio::join!(store.settled(&name, Duration::from_secs(5)), async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            loop {
                // The first try may find that the old connection has died with its runtime.
                if let Ok(hold) = store.complete(&lease, &Outcome::default(), Duration::from_secs(60)).await {
                    return hold;
                }
            }
        });
        println!("{settled:?} {held:?} after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(3), "nobody was woken");
    });
}

// --- cancellation and leases on redis ------------------------------------------------------------------------------

fn delivery(name: &str) -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("t"), Key::new(name).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_begin_dropped_at_any_moment_leaves_its_key_free() {
    let server = RedisServer::start().await;
    let engine = Idempotency::new(idempotency_tests::redis_case::store(&server.url()))
        .with_policy(Policy::webhook().with_wait(Duration::ZERO));
    drop(engine.begin(delivery("warm")).await);
    let (mut dropped, mut stuck) = (0, 0);
    for i in 0..400_u32 {
        let mut begin = Box::pin(engine.begin(delivery(&format!("k{i}"))));
        let mut begun = futures_util::poll!(begin.as_mut());
        let began = Instant::now();
        while began.elapsed() < Duration::from_micros(2) * i && begun.is_pending() {
            tokio::task::yield_now().await;
            begun = futures_util::poll!(begin.as_mut());
        }
        drop(begin);
        match begun {
            std::task::Poll::Ready(Ok(Begun::Run(execution))) => execution.release().await,
            std::task::Poll::Ready(other) => panic!("{other:?}"),
            std::task::Poll::Pending => dropped += 1,
        }
    }
    assert!(engine.drain(Duration::from_secs(20)).await);
    for i in 0..400_u64 {
        match engine.begin(delivery(&format!("k{i}"))).await {
            Ok(Begun::Run(execution)) => execution.release().await,
            other => {
                stuck += 1;
                println!("k{i}: {other:?}");
            }
        }
    }
    println!("{dropped} dropped, {stuck} stuck");
    assert_eq!(stuck, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_leases_on_redis_are_kept_by_renewal() {
    let server = RedisServer::start().await;
    for millis in [20, 50, 200] {
        let engine = Idempotency::new(idempotency_tests::redis_case::store(&server.url())).with_policy(
            Policy::webhook().with_lease(Duration::from_millis(millis)).with_wait(Duration::from_millis(300)),
        );
        let (running, peak, runs) =
            (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..8)
            .map(|_| {
                let (engine, running, peak, runs) =
                    (engine.clone(), running.clone(), peak.clone(), runs.clone());
                tokio::spawn(async move {
                    engine
                        .run(delivery(&format!("lease-{millis}")), move |_| async move {
                            runs.fetch_add(1, Ordering::SeqCst);
                            let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                            peak.fetch_max(now, Ordering::SeqCst);
                            tokio::time::sleep(Duration::from_millis(150)).await;
                            running.fetch_sub(1, Ordering::SeqCst);
                            Ok::<_, Infallible>(1)
                        })
                        .await
                })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(format!("{:?}", task.await.unwrap().map_err(|error| error.to_string())));
        }
        println!(
            "lease {millis} ms: {} runs, {} at once, {outcomes:?}",
            runs.load(Ordering::SeqCst),
            peak.load(Ordering::SeqCst)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_signature_is_still_fresh_is_not_executed_twice() {
    let layer = IdempotencyLayer::memory(provider::Stripe::new("whsec_1").unwrap())
        .with_policy(Policy::webhook().with_retention(Duration::from_secs(60)));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let service = layer.layer(tower::service_fn(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(Full::new(Bytes::new()))) }
    }));
    let body = br#"{"id":"evt_1","type":"charge.succeeded"}"#;
    let signed = testing::stripe("whsec_1", body, clock::system_unix_time());
    for _ in 0..2 {
        let mut request = Request::post("/hook").body(Full::new(Bytes::from_static(body))).unwrap();
        request.headers_mut().extend(signed.clone());
        assert_eq!(service.clone().oneshot(request).await.unwrap().status(), 200);
        tokio::time::advance(Duration::from_secs(61)).await;
    }
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_endless_lease_and_retention_are_kept_on_redis() {
    let server = RedisServer::start().await;
    let policy =
        Policy::webhook().with_lease(Duration::MAX).with_retention(Duration::MAX).with_wait(Duration::ZERO);
    let engine = Idempotency::new(idempotency_tests::redis_case::store(&server.url())).with_policy(policy);
    let Ok(Begun::Run(first)) = engine.begin(delivery("k")).await else { panic!("free") };
    assert!(matches!(engine.begin(delivery("k")).await, Ok(Begun::Conflict { .. })));
    first.release().await;
    let Ok(Begun::Run(second)) = engine.begin(delivery("k")).await else { panic!("released") };
    assert!(second.context().attempt() == 2);
    let _ = second.complete(Outcome::new("done")).await;
    assert!(matches!(engine.begin(delivery("k")).await, Ok(Begun::Replay(_))));
}
