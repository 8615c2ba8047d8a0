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

/// Enough that the growth of the store's tables, which some rounds pay for, is a small part of the average.
const ROUNDS: usize = 1000;

/// The average number and size of the allocations of one delivery.
#[derive(Debug)]
struct Cost {
    allocations: f64,
    bytes: f64,
}

/// The committed costs. A change that lowers one commits to the lower one here.
const FRESH: Cost = Cost { allocations: 14.1, bytes: 4_770.0 };
const DUPLICATE: Cost = Cost { allocations: 7.0, bytes: 3_460.0 };

/// How far above the committed cost a cost may be.
const MARGIN: f64 = 1.05;

impl Cost {
    fn is_within(&self, committed: &Self) -> bool {
        self.allocations <= committed.allocations * MARGIN && self.bytes <= committed.bytes * MARGIN
    }
}

#[tokio::test]
async fn a_fresh_delivery_and_a_duplicate_cost_no_more_than_committed() {
    let layer = IdempotencyLayer::new(MemoryStore::new(), TestSender::new(Policy::webhook()));
    let handler = service_fn(async |_: Request<AnyBody<Full<Bytes>>>| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"done"))))
    });
    let mut service = layer.outside_axum(Scope::endpoint("test /hook")).layer(handler);
    // Its bytes are shared, like those of a URI that a server has parsed.
    let target: Uri = "/hook".parse().expect("it is a uri");
    let _shared = target.clone();
    let mut average = async |key: &dyn Fn(usize) -> String| {
        let (mut allocations, mut bytes) = (0, 0);
        for round in 0..ROUNDS {
            let request = Request::post(target.clone())
                .header("x-key", key(round))
                .header("content-type", "application/json")
                .body(Full::new(Bytes::from_static(b"{}")))
                .expect("it is a request");
            let region = Region::new(ALLOCATOR);
            let response = service.ready().await.expect("it is ready").call(request).await;
            let stats = region.change();
            allocations += stats.allocations + stats.reallocations;
            bytes += stats.bytes_allocated;
            drop(response.expect("the service is infallible"));
        }
        let average = |sum: usize| sum as f64 / ROUNDS as f64;
        Cost { allocations: average(allocations), bytes: average(bytes) }
    };
    // The first rounds grow the store's tables.
    average(&|round| format!("warm-{round}")).await;
    let fresh = average(&|round| format!("fresh-{round}")).await;
    let duplicate = average(&|_| "fresh-1".to_owned()).await;
    println!("fresh: {fresh:.2?}, duplicate: {duplicate:.2?}");
    assert!(fresh.is_within(&FRESH), "a fresh delivery costs {fresh:?}, and {FRESH:?} is committed");
    assert!(
        duplicate.is_within(&DUPLICATE),
        "a duplicate costs {duplicate:?}, and {DUPLICATE:?} is committed"
    );
}
