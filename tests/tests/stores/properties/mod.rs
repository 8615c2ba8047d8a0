//! Every store behaves in every history like the model of the contract.

mod model;
mod play;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::clock::ManualClock;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::Harness;
use idempotency_core::store::memory::MemoryStore;
use idempotency_tests::redis_case::store;
use idempotency_tests::redis_server::RedisServer;
use tokio::runtime::Runtime;

use play::every_history_goes_as_in_the_model;

struct Memory {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

#[async_trait]
impl Harness for Memory {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn corrupt(&self, _: &ScopedKey) -> bool {
        false
    }
}

struct Redis {
    server: RedisServer,
    store: Arc<dyn Store>,
}

#[async_trait]
impl Harness for Redis {
    async fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        self.server.advance(by).await;
    }

    async fn corrupt(&self, _: &ScopedKey) -> bool {
        false
    }
}

/// The number of histories: `PROPTEST_CASES`, or few enough for every test run.
fn cases(usual: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(usual)
}

#[test]
fn every_history_of_the_memory_store_matches_the_model() {
    let runtime = Runtime::new().unwrap();
    let clock = Arc::new(ManualClock::new());
    let memory = Memory { store: MemoryStore::new().with_clock(clock.clone()), clock };
    every_history_goes_as_in_the_model(&runtime, &memory, cases(1_000));
}

#[test]
fn every_history_of_the_redis_store_matches_the_model() {
    let runtime = Runtime::new().unwrap();
    let server = runtime.block_on(RedisServer::start());
    let redis = Redis { store: Arc::new(store(&server.url())), server };
    every_history_goes_as_in_the_model(&runtime, &redis, cases(60));
}
