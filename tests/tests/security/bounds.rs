//! Memory and work are bounded for any request and any number of concurrent requests.

use std::sync::Arc;

use futures_util::future::join_all;
use idempotency_core::Policy;
use idempotency_core::provider::IdempotencyKey;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::{Adapter, Operation, Reply, Site, TestSender, handler, post};
use idempotency_tower::IdempotencyLayer;
use tokio::sync::Semaphore;
use tower::{Layer as _, ServiceExt as _};

const ADAPTERS: [Adapter; 2] = [Adapter::Axum, Adapter::Actix];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversize_key_header_or_body_claims_nothing() {
    for adapter in ADAPTERS {
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let done = handler(|_| async { Reply::new(200, "done") });
        let sender = TestSender::new(Policy::webhook().with_body_limit(1_000));
        let served = site.serve(sender, done).await;
        for len in [256, 257, 4_000] {
            let answer = served.send(post("/hook").key("k".repeat(len)).body("{}")).await;
            answer.is(400, "").is_problem("malformed");
        }
        // Larger than either server accepts: the framework refuses it or closes the connection.
        let answer = post("/hook").key("k".repeat(2 << 20)).body("{}").send_to(served.addr).await;
        assert!(answer.is_err() || answer.is_ok_and(|answer| (400..500).contains(&answer.status)));
        let whole = post("/hook").key("k").body(vec![b'x'; 1_001]);
        served.send(whole).await.is(413, "").is_problem("body-too-large");
        let pieces = vec![vec![b'x'; 500].into(), vec![b'x'; 500].into(), "x".into()];
        served.send(post("/hook").key("k").chunks(pieces)).await.is(413, "").is_problem("body-too-large");
        assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0), "{adapter:?}");
        served.send(post("/hook").key("k".repeat(255)).body(vec![b'x'; 1_000])).await.is(200, "executed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_for_a_thousand_keys_takes_a_thousand_of_ten_thousand() {
    let gate = Arc::new(Semaphore::new(0));
    let store = MemoryStore::new().with_capacity(1_000);
    let layer = IdempotencyLayer::new(store.clone(), IdempotencyKey::global_across_principals());
    let service = layer.layer(tower::service_fn({
        let gate = gate.clone();
        move |_: http::Request<axum::body::Body>| {
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::empty()))
            }
        }
    }));
    let send = |number: usize| {
        let request = http::Request::post("/").header("idempotency-key", format!("key-{number}"));
        let request = request.body(axum::body::Body::from("{}")).unwrap();
        let service = service.clone();
        async move { service.oneshot(request).await.unwrap().status().as_u16() }
    };
    let (refused, served) = tokio::sync::mpsc::unbounded_channel();
    let mut served = served;
    let tasks: Vec<_> = (0..10_000)
        .map(|number| {
            let (answer, refused) = (send(number), refused.clone());
            tokio::spawn(async move {
                let status = answer.await;
                let _ = refused.send(status);
                status
            })
        })
        .collect();
    // Only the refused requests are answered while the gate is closed.
    for _ in 0..9_000 {
        assert_eq!(served.recv().await, Some(503));
    }
    assert_eq!(store.records(), 1_000);
    gate.add_permits(1_000);
    let statuses = join_all(tasks).await;
    let done = statuses.into_iter().filter(|status| matches!(status, Ok(200))).count();
    assert_eq!((done, store.records()), (1_000, 1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_duplicates_wait_than_the_policy_allows() {
    for adapter in ADAPTERS {
        let gate = Arc::new(Semaphore::new(0));
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let waits = handler({
            let gate = gate.clone();
            move |_| {
                let gate = gate.clone();
                async move {
                    gate.acquire().await.unwrap().forget();
                    Reply::new(200, "done")
                }
            }
        });
        let hour = std::time::Duration::from_secs(3600);
        let policy = Policy::webhook().with_wait(hour).with_waiters_per_key(8);
        let served = site.serve(TestSender::new(policy), waits).await;
        let first = served.send_unnoted(post("/hook").key("k").body("{}"));
        let rest = async {
            served.executed(1).await;
            let mut conflicts = 0;
            let duplicates = (0..40).map(|_| served.send_unnoted(post("/hook").key("k").body("{}")));
            let mut duplicates: futures_util::stream::FuturesUnordered<_> = duplicates.collect();
            // Duplicates that may not wait are answered at once, the others once the first has its answer.
            while conflicts < 32 {
                let answer = futures_util::StreamExt::next(&mut duplicates).await.unwrap();
                answer.is(503, "conflict");
                conflicts += 1;
            }
            gate.add_permits(1);
            while let Some(answer) = futures_util::StreamExt::next(&mut duplicates).await {
                answer.is(200, "replayed").says("done");
            }
        };
        let (first, ()) = tokio::join!(first, rest);
        first.is(200, "executed");
        assert_eq!(served.executions(), 1, "{adapter:?}");
    }
}
