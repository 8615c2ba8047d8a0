//! Edge cases: spellings of a path, content as a key, dropped futures, endless leases.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri};
use http_body_util::{Full, StreamBody};
use hyper::body::Frame;
use idempotency_core::endpoint::{Endpoint, Head};
use idempotency_core::engine::Begun;
use idempotency_core::provider::{
    ContentKey, Incoming, Provider as _, Received, Secret, Shopify, StandardWebhooks, from_fn, signature,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Store as _};
use idempotency_core::testing::Signer;
use idempotency_core::*;
use idempotency_tests::http::{Adapter, Observed, Reply, Site, TestSender, handler, post};
use idempotency_tests::redis_case::{claim, patient};
use idempotency_tests::redis_server::RedisServer;
use idempotency_tower::IdempotencyLayer;
use tokio::time::Instant;
use tower::{Layer as _, ServiceExt as _};

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

/// The adapter answers it, and it is observed.
#[tokio::test]
async fn a_body_that_breaks_off_is_400_and_observed() {
    let observed = Observed::default();
    let engine = Idempotency::new(MemoryStore::new()).with_observer(observed.clone());
    let layer = IdempotencyLayer::on_engine(&engine, TestSender::new(Policy::webhook()))
        .outside_axum(Scope::endpoint("test /hook"));
    let service = layer.layer(tower::service_fn(|_| async {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"ran"))))
    }));
    let frames =
        vec![Ok(Frame::data(Bytes::from_static(b"{"))), Err(std::io::Error::other("the connection is cut"))];
    let body = StreamBody::new(futures_util::stream::iter(frames));
    let request = Request::post("/hook").header("x-key", "k").body(body).unwrap();
    let answer = service.oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 400);
    let seen = observed.take();
    assert_eq!((seen.len(), seen[0].event, seen[0].path.as_deref()), (1, "body_unreadable", Some("/hook")));
}

/// Adapters map every other failure of a request to one of these.
#[test]
fn every_refusal_that_an_adapter_asks_for_is_a_problem_and_observed() {
    let observed = Observed::default();
    let sender = TestSender::new(Policy::webhook());
    let engine = Idempotency::new(MemoryStore::new()).with_observer(observed.clone());
    let endpoint = Endpoint::on_engine(&engine, sender);
    let (uri, headers, extensions) =
        (Uri::from_static("/hook?s3cret"), HeaderMap::new(), http::Extensions::new());
    let head = Head { method: &Method::POST, uri: &uri, headers: &headers, extensions: &extensions };
    for (answer, status, event) in [
        (endpoint.head_unreadable(), 400, "head_unreadable"),
        (endpoint.body_too_large(&head), 413, "body_too_large"),
        (endpoint.body_unreadable(&head), 400, "body_unreadable"),
        (endpoint.body_timed_out(&head), 408, "body_timed_out"),
    ] {
        assert_eq!(answer.status, status, "{event}");
        let problem: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!(problem["instance"].as_str().is_some_and(|urn| urn.starts_with("urn:uuid:")), "{problem}");
        assert!(!answer.headers.contains_key("retry-after"));
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
    }
    let events: Vec<_> = observed.take().into_iter().map(|seen| (seen.event, seen.path)).collect();
    let hook = || Some("/hook".to_owned());
    assert_eq!(
        events,
        [
            ("head_unreadable", None),
            ("body_too_large", hook()),
            ("body_unreadable", hook()),
            ("body_timed_out", hook())
        ]
    );
}

#[tokio::test]
async fn the_content_of_two_topics_is_two_events() {
    let provider = ContentKey::over(Shopify::new("secret").unwrap());
    let body =
        Bytes::from_static(br#"{"id":1,"financial_status":"paid","updated_at":"2026-01-01T00:00:00Z"}"#);
    let (uri, scope) = (Uri::from_static("/hook"), Scope::endpoint("shopify /hook"));
    let engine = Idempotency::new(MemoryStore::new());
    let mut digests = Vec::new();
    for (id, topic) in [("e1", "orders/create"), ("e2", "orders/paid")] {
        let headers = testing::shopify("secret", id, topic, &body);
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::ZERO, &scope);
        let Received::Delivery(delivery) = provider.receive(&incoming).await.unwrap() else { panic!() };
        digests.push(engine.digest_of(delivery.scope(), delivery.key()));
    }
    assert_ne!(digests[0], digests[1], "orders/paid is lost: orders/create had the same body");
}

#[tokio::test]
async fn the_content_of_two_principals_is_two_intents() {
    let secrets = [Secret::new("secret").unwrap()];
    let provider = ContentKey::over(from_fn("payments", move |incoming| {
        let signature = signature::hex::<32>(signature::header(incoming, "x-signature")?);
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, signature)?;
        let scope = incoming.scope.clone().with_principal(incoming.headers["authorization"].as_bytes());
        Ok(Received::Delivery(Delivery::new(&proof, scope, Key::new("k")?)))
    }));
    let body = Bytes::from_static(br#"{"amount":10}"#);
    let signer = Signer::hmac_sha256("secret").with_header("x-signature", "{signature}");
    let (uri, scope) = (Uri::from_static("/pay"), Scope::endpoint("pay"));
    let engine = Idempotency::new(MemoryStore::new());
    let mut digests = Vec::new();
    for token in ["Bearer alice", "Bearer bob"] {
        let mut headers = signer.sign("", &body, Duration::ZERO);
        headers.insert("authorization", HeaderValue::from_static(token));
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, Duration::ZERO, &scope);
        let Received::Delivery(delivery) = provider.receive(&incoming).await.unwrap() else { panic!() };
        digests.push(engine.digest_of(delivery.scope(), delivery.key()));
    }
    assert_ne!(digests[0], digests[1], "bob gets alice's answer");
}

// --- unauthenticated cost ------------------------------------------------------------------------------------------

/// A published delivery of Standard Webhooks under a public key, verified at the time of its signature.
#[tokio::test]
async fn no_more_than_eight_public_key_signatures_are_tried() {
    let provider = StandardWebhooks::new("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=").unwrap();
    let genuine =
        "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
    let forged = format!("v1a,{}", data_encoding::BASE64.encode(&[7; 64]));
    let body = Bytes::from_static(br#"{"test": 2432232314}"#);
    let (uri, scope) = (Uri::from_static("/hook"), Scope::endpoint("e"));
    for (before, accepted) in [(0, true), (7, true), (8, false)] {
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static("msg_p5jXN8AQM9LWM0D4loKWxJek"));
        headers.insert("webhook-timestamp", HeaderValue::from_static("1614265330"));
        let signatures = format!("{}{genuine}", format!("{forged} ").repeat(before));
        headers.insert("webhook-signature", HeaderValue::from_str(&signatures).unwrap());
        let now = Duration::from_secs(1_614_265_330);
        let incoming = Incoming::new(&Method::POST, &uri, &headers, &body, now, &scope);
        assert_eq!(provider.receive(&incoming).await.is_ok(), accepted, "{before} forged ones before it");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_worker_that_blocks_its_thread_does_not_keep_the_others_from_the_store() {
    let servers = runtime();
    let server = servers.block_on(RedisServer::start());
    let store = patient(RedisStore::new(server.url(), "idem").unwrap());
    let first = store.clone();
    let (connected, started) = std::sync::mpsc::channel();
    let (go_on, blocked) = std::sync::mpsc::channel::<()>();
    let worker = std::thread::spawn(move || {
        runtime().block_on(async {
            first.claim(&claim("first", 1)).await.unwrap();
            connected.send(()).unwrap();
            // A handler blocks the only thread of its runtime.
            blocked.recv().unwrap();
        });
    });
    started.recv().unwrap();
    let claimed = runtime().block_on(store.claim(&claim("second", 1)));
    assert!(matches!(claimed.unwrap(), Claimed::Granted { .. }));
    go_on.send(()).unwrap();
    worker.join().unwrap();
}

#[test]
fn a_runtime_that_ends_while_dialling_does_not_break_the_store() {
    // Its backlog accepts connections, and it never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://127.0.0.1:{}/", silent.local_addr().unwrap().port());
    let store = RedisStore::new(&url, "idem").unwrap();
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

#[tokio::test(start_paused = true)]
async fn a_request_whose_signature_is_still_fresh_is_not_executed_twice() {
    let layer = IdempotencyLayer::memory(provider::Stripe::new("whsec_1").unwrap())
        .with_policy(Policy::webhook().with_retention(Duration::from_secs(60)));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let service = layer.layer(tower::service_fn(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Infallible>(Response::new(axum::body::Body::empty())) }
    }));
    let body = br#"{"id":"evt_1","type":"charge.succeeded"}"#;
    let signed = testing::stripe("whsec_1", body, clock::system_unix_time());
    for _ in 0..2 {
        let mut request = Request::post("/hook").body(axum::body::Body::from(&body[..])).unwrap();
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
