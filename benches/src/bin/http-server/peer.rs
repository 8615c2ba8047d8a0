//! The crate `idempotent`, as its documentation says: its layer in axum, and its claim in a handler of actix-web, for which
//! it has no middleware.

use std::time::Duration;

use axum::routing::MethodRouter;
use bytes::Bytes;
use idempotency_benches::http::delivery::PATH;
use idempotency_benches::http::processes::Places;
use idempotency_benches::http::variant::Backend;
use idempotent::memory::MemoryStore;
use idempotent::middleware::IdempotencyLayer;
use idempotent::valkey::ValkeyStore;
use idempotent::{CachedResponse, ExecutionOutcome, IdempotencyKey, IdempotencyStore};

use crate::by_hand::{Recorded, Reply};
use crate::handler;
use crate::library::PATIENCE;

/// The defaults of its layer.
const LEASE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);

/// Puts its layer around a route.
pub async fn guarded(route: MethodRouter, backend: Backend, places: Places) -> MethodRouter {
    match backend {
        Backend::Memory => route.layer(IdempotencyLayer::new(in_memory().await).store_timeout(PATIENCE)),
        Backend::Redis => route.layer(IdempotencyLayer::new(on_redis(places).await).store_timeout(PATIENCE)),
        Backend::Postgres | Backend::Sqlite => unreachable!("no variant has it on SQL"),
    }
}

/// Its store in memory, whose task runs in this runtime.
pub async fn in_memory() -> MemoryStore {
    MemoryStore::builder().try_build().expect("there is a runtime")
}

/// Its store on Redis, whose connection this runtime drives.
pub async fn on_redis(places: Places) -> ValkeyStore {
    let store = ValkeyStore::with_url(places.redis).response_timeout(PATIENCE);
    store.try_build().await.expect("Redis answers")
}

/// Executes a delivery once, and replays its answer afterwards.
pub async fn once<S: IdempotencyStore>(store: &S, key: Option<&str>, body: &[u8]) -> Reply {
    let Some(key) = key.and_then(|key| IdempotencyKey::new(key).ok()) else { return Reply::Refused };
    let execute = async || {
        handler::execute(body);
        let content_type = Bytes::from_static(handler::CONTENT_TYPE.as_bytes());
        let headers = std::iter::once(("content-type".to_owned(), content_type)).collect();
        Ok(CachedResponse::new(200, headers, Bytes::from_static(handler::ANSWER.as_bytes())))
    };
    let claim = store.claim(&key, LEASE).fingerprint(format!("POST {PATH}"), body);
    match claim.execute_or_replay(RETENTION, |_fence| execute()).await.expect("the store answers") {
        ExecutionOutcome::Executed(_) => Reply::Executed,
        ExecutionOutcome::Replayed(response) => Reply::Replayed(Recorded {
            status: response.status_code,
            content_type: response.metadata.get("content-type").cloned().unwrap_or_default(),
            body: response.body,
        }),
        ExecutionOutcome::InFlight => Reply::InFlight,
        _ => Reply::Refused,
    }
}
