//! The HTTP scenarios on `RedisStore`, each on its own server.

use std::sync::Arc;

use idempotency_core::store::Store;
use idempotency_tests::redis_case::store;
use idempotency_tests::redis_server::RedisServer;

async fn redis() -> (Arc<dyn Store>, RedisServer) {
    let server = RedisServer::start().await;
    (Arc::new(store(&server.url())), server)
}

idempotency_tests::http_scenarios!(super::redis);
