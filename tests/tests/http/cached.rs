//! The HTTP scenarios on a `CachedStore`.

use std::sync::Arc;

use idempotency_core::store::Store;
use idempotency_core::store::cached::CachedStore;
use idempotency_core::store::memory::MemoryStore;

async fn cached() -> (Arc<dyn Store>, ()) {
    (Arc::new(CachedStore::new(MemoryStore::new())), ())
}

idempotency_tests::http_scenarios!(super::cached);
