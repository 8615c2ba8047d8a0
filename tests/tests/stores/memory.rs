//! `MemoryStore` keeps the store contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::clock::ManualClock;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::{Harness, run_all};
use idempotency_core::store::memory::MemoryStore;

struct Memory {
    store: MemoryStore,
    clock: Arc<ManualClock>,
}

impl Memory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::new());
        Self { store: MemoryStore::new().with_clock(Arc::clone(&clock)), clock }
    }
}

#[async_trait]
impl Harness for Memory {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    async fn corrupt(&self, _: &ScopedKey) -> bool {
        false // no bytes lie under these records
    }
}

idempotency_core::conformance_tests!(Memory::new());

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_passes_the_whole_suite() {
    run_all(&Memory::new()).await;
}
