//! An outcome never crosses scopes: tenants that use the same keys each get their own answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use http::Method;
use idempotency_core::Policy;
use idempotency_core::provider::IdempotencyKey;
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::{Adapter, Handler, Reply, Served, Site, TestSender, handler, request};
use idempotency_tests::redis_case::store;
use idempotency_tests::redis_server::RedisServer;
use idempotency_tower::IdempotencyLayer;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tower::{Layer as _, ServiceExt as _};

/// One request. There are few tenants, paths, keys and bodies, so that requests often share some and rarely all of them.
#[derive(Clone, Debug)]
struct Asked {
    tenant: &'static str,
    path: &'static str,
    method: Method,
    key: u8,
    text: u8,
}

impl Asked {
    /// Its unique body: the tenant, and everything that the fingerprint covers.
    fn body(&self) -> String {
        format!("{}!{}!{}!{}", self.tenant, self.method, self.path, self.text)
    }
}

fn asked(count: usize) -> Vec<Asked> {
    let one = (
        prop::sample::select(vec!["alice", "bob", "a", "b", ""]),
        prop::sample::select(vec!["/hook", "/a/hook", "/b/hook"]),
        prop::sample::select(vec![Method::POST, Method::PATCH]),
        0..3_u8,
        0..2_u8,
    )
        .prop_map(|(tenant, path, method, key, text)| Asked { tenant, path, method, key, text });
    let mut runner = TestRunner::deterministic();
    prop::collection::vec(one, count).new_tree(&mut runner).expect("it generates").current()
}

/// Answers with the request's body, and fails sometimes.
fn echo() -> Handler {
    let calls = Arc::new(Mutex::new(0_u32));
    handler(move |call| {
        let calls = calls.clone();
        async move {
            let count = {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                *calls
            };
            tokio::task::yield_now().await;
            let status = if count.is_multiple_of(5) { 500 } else { 200 };
            Reply::new(status, call.body.clone()).header("x-whose", &call.body)
        }
    })
}

/// The success of each scoped key, which every later answer must repeat.
type Seen = HashMap<(&'static str, &'static str, u8), String>;

fn check(asked: &Asked, status: u16, whose: &[String], body: &str, replayed: bool, seen: &mut Seen) {
    let scope = (asked.tenant, asked.path, asked.key);
    match status {
        200 => {
            assert_eq!(body, asked.body(), "an answer to another request");
            assert_eq!(whose, [asked.body()], "a header of another request's answer");
            let first = seen.entry(scope).or_insert_with(|| asked.body());
            assert_eq!(*first, asked.body(), "two executions of one key");
        }
        500 => assert_eq!((body, replayed), (asked.body().as_str(), false)),
        // A conflict or a mismatch is a problem without any tenant's data.
        409 | 422 | 503 => assert!(!body.contains('!'), "{body}"),
        status => panic!("{status} to {asked:?}"),
    }
}

async fn taint(adapter: Adapter, store: Arc<dyn Store>, count: usize) {
    let site = Site::new(adapter, store);
    let served = site.serve(TestSender::new(Policy::api()).by_any_method().binding_body(), echo()).await;
    let mut seen = Seen::new();
    for chunk in asked(count).chunks(25) {
        let answers = chunk.iter().map(|asked| ask(&served, asked));
        for (asked, answer) in chunk.iter().zip(join_all(answers).await) {
            let replayed = answer.all("idempotency-status") == ["replayed"];
            check(asked, answer.status, &answer.all("x-whose"), &answer.text(), replayed, &mut seen);
        }
    }
    assert!(seen.len() > 30, "nearly every one of the 45 keys succeeds: {}", seen.len());
}

async fn ask(served: &Served, asked: &Asked) -> idempotency_tests::http::Answer {
    let request = request(asked.method.clone(), asked.path)
        .key(format!("key-{}", asked.key))
        .header("x-tenant", asked.tenant)
        .body(asked.body());
    served.send_unnoted(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_crosses_tenants_or_paths_on_the_memory_store() {
    for adapter in [Adapter::Axum, Adapter::Actix] {
        taint(adapter, Arc::new(MemoryStore::new()), 1_500).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_crosses_tenants_or_paths_on_the_redis_store() {
    for adapter in [Adapter::Axum, Adapter::Actix] {
        let server = RedisServer::start().await;
        taint(adapter, Arc::new(store(&server.url())), 750).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_crosses_principals() {
    let keys = IdempotencyKey::per_header_principal(http::header::AUTHORIZATION);
    let layer = IdempotencyLayer::new(MemoryStore::new(), keys);
    let service = layer.layer(tower::service_fn(echoed));
    let mut seen = Seen::new();
    for asked in asked(3_000) {
        let request = http::Request::builder()
            .method(asked.method.clone())
            .uri(asked.path)
            .header("authorization", format!("Bearer {}", asked.tenant))
            .header("idempotency-key", format!("\"key-{}\"", asked.key))
            .body(axum::body::Body::from(asked.body()))
            .unwrap();
        let answer = service.clone().oneshot(request).await.unwrap();
        let replayed = answer.headers().contains_key("idempotent-replayed");
        let whose = answer.headers().get_all("x-whose").iter();
        let whose: Vec<_> = whose.map(|value| value.to_str().unwrap().to_owned()).collect();
        let status = answer.status().as_u16();
        let body = axum::body::to_bytes(axum::body::Body::new(answer.into_body()), 1 << 20).await.unwrap();
        check(&asked, status, &whose, std::str::from_utf8(&body).unwrap(), replayed, &mut seen);
    }
    assert_eq!(seen.len(), 45);
}

async fn echoed(
    request: http::Request<axum::body::Body>,
) -> Result<http::Response<axum::body::Body>, std::convert::Infallible> {
    let body = axum::body::to_bytes(axum::body::Body::new(request.into_body()), 1 << 20).await.unwrap();
    let answer = http::Response::builder().header("x-whose", body.as_ref());
    Ok(answer.body(axum::body::Body::from(body)).unwrap())
}
