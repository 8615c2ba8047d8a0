//! The store's clock decides, even if the workers' clocks are wrong.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use idempotency_core::clock::{Clock, ManualClock};
use idempotency_core::engine::{Begun, CompletionResult, Execution, Runtime, TokioRuntime};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::{Owner, Store};
use idempotency_core::{Delivery, Idempotency, Key, Outcome, Policy, Scope, Verified};
use idempotency_tests::redis_case::store;
use idempotency_tests::redis_server::RedisServer;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const LEASE: Duration = Duration::from_secs(30);

/// A worker whose clocks are wrong by this much.
#[derive(Debug)]
struct Wrong {
    right: TokioRuntime,
    ahead: Duration,
    behind: Duration,
}

impl Clock for Wrong {
    fn now(&self) -> Duration {
        self.right.now() + self.ahead
    }

    fn unix_time(&self) -> Duration {
        self.right.unix_time() + self.ahead - self.behind
    }
}

impl Runtime for Wrong {
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.right.sleep(duration)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.right.spawn(task);
    }

    fn new_owner(&self) -> Owner {
        self.right.new_owner()
    }
}

fn worker(store: &Arc<dyn Store>, ahead: Duration, behind: Duration) -> Idempotency {
    Idempotency::new(Arc::clone(store))
        .with_runtime(Wrong { right: TokioRuntime::new(), ahead, behind })
        .with_policy(Policy::webhook().with_lease(LEASE).with_wait(Duration::ZERO))
}

async fn begin(worker: &Idempotency, key: &str) -> Begun {
    let key = Key::new(key).unwrap();
    worker.begin(Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("e"), key)).await.unwrap()
}

async fn run(worker: &Idempotency, key: &str) -> Execution {
    match begin(worker, key).await {
        Begun::Run(execution) => execution,
        other => panic!("expected to run, got {other:?}"),
    }
}

async fn the_stores_clock_decides(store: Arc<dyn Store>, advance: impl AsyncFn(Duration)) {
    let ahead = worker(&store, DAY, Duration::ZERO);
    let behind = worker(&store, Duration::ZERO, DAY);
    for (first, second, key) in [(&ahead, &behind, "a"), (&behind, &ahead, "b")] {
        let held = run(first, key).await;
        advance(LEASE / 2).await;
        assert!(matches!(begin(second, key).await, Begun::Conflict { .. }), "{key}");
        advance(LEASE).await;
        let taken = run(second, key).await;
        assert_eq!(taken.context().attempt(), 2);
        assert!(taken.context().fence() > held.context().fence());
        assert!(matches!(held.complete(Outcome::new("late")).await, CompletionResult::Lost));
        assert!(matches!(taken.complete(Outcome::new("done")).await, CompletionResult::Recorded));
    }
}

#[tokio::test]
async fn the_stores_clock_decides_whatever_the_workers_clocks_say_in_memory() {
    let clock = Arc::new(ManualClock::new());
    let store = MemoryStore::new().with_clock(Arc::clone(&clock));
    the_stores_clock_decides(Arc::new(store), async |by| clock.advance(by)).await;
}

#[tokio::test]
async fn the_stores_clock_decides_whatever_the_workers_clocks_say_on_redis() {
    let server = RedisServer::start().await;
    the_stores_clock_decides(Arc::new(store(&server.url())), async |by| server.advance(by).await).await;
}
