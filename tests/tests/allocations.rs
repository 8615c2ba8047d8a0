//! Counts the heap allocations of the Tower layer. There is one test, since the counter is global.

use std::alloc::System;
use std::convert::Infallible;

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::Full;
use idempotency_core::Policy;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::http::TestSender;
use idempotency_tower::{AnyBody, IdempotencyLayer, Scope};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const ROUNDS: usize = 1000;

#[tokio::test]
async fn a_fresh_delivery_and_a_duplicate_stay_within_their_allocations() {
    let layer = IdempotencyLayer::new(MemoryStore::new(), TestSender::new(Policy::webhook()));
    let handler = service_fn(async |_: Request<AnyBody<Full<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
    });
    let mut service = layer.outside_axum(Scope::endpoint("test /hook")).layer(handler);
    // Its bytes are shared, like those of a URI that a server has parsed.
    let target: Uri = "/hook".parse().expect("it is a uri");
    let _shared = target.clone();
    let mut average = async |key: &dyn Fn(usize) -> String| {
        let mut count = 0;
        for round in 0..ROUNDS {
            let request = Request::post(target.clone())
                .header("x-key", key(round))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(b"{}")))
                .expect("it is a request");
            let region = Region::new(ALLOCATOR);
            let response = service.ready().await.expect("it is ready").call(request).await;
            let stats = region.change();
            count += stats.allocations + stats.reallocations;
            drop(response.expect("the service is infallible"));
        }
        count as f64 / ROUNDS as f64
    };
    // The first rounds grow the store's tables.
    average(&|round| format!("warm-{round}")).await;
    let fresh = average(&|round| format!("fresh-{round}")).await;
    let duplicate = average(&|_| "fresh-1".to_owned()).await;
    println!("heap allocations: {fresh:.1} per fresh delivery, {duplicate:.1} per duplicate");
    assert!(fresh <= 24.0, "{fresh}");
    assert!(duplicate <= 16.0, "{duplicate}");
}
