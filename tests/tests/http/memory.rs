//! The HTTP scenarios on `MemoryStore`.

use std::sync::Arc;

use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;

async fn memory() -> (Arc<dyn Store>, ()) {
    (Arc::new(MemoryStore::new()), ())
}

idempotency_tests::http_scenarios!(super::memory);
