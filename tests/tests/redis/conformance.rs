//! `RedisStore` keeps the store contract.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::{Harness, run_all};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{SET_USER, record_name_of, store};
use idempotency_tests::redis_server::RedisServer;

struct Redis {
    server: RedisServer,
    url: String,
    /// In front of a server that must look older.
    _proxy: Option<FaultProxy>,
}

impl Redis {
    async fn new() -> Self {
        let server = RedisServer::start().await;
        Self { url: server.url(), server, _proxy: None }
    }

    /// A server without `SET` with `NX` and `GET`, as before Redis 7.0.
    async fn old() -> Self {
        let server = RedisServer::start().await;
        let proxy = FaultProxy::start(server.port()).await;
        proxy.replace("\r\nNX\r\n$3\r\nGET\r\n", &["SET", "k", "v", "NX", "FROM", "LATER"]);
        Self { url: proxy.url(), server, _proxy: Some(proxy) }
    }

    /// A server that grants only the necessary rights.
    async fn strict() -> Self {
        let server = RedisServer::start().await;
        let _: String = server.query(&SET_USER).await;
        Self { url: server.url().replace("redis://", "redis://app:pw@"), server, _proxy: None }
    }
}

#[async_trait]
impl Harness for Redis {
    async fn store(&self) -> Arc<dyn Store> {
        Arc::new(store(&self.url))
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        self.server.advance(by).await;
    }

    async fn corrupt(&self, key: &ScopedKey) -> bool {
        let name = record_name_of(key);
        self.server.query::<u64>(&["SETRANGE", &name, "0", "garbage"]).await > 0
    }
}

idempotency_core::conformance_tests!(Redis::new().await);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_passes_the_whole_suite() {
    run_all(&Redis::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_on_an_old_server_passes_the_whole_suite() {
    run_all(&Redis::old().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_with_the_least_rights_passes_the_whole_suite() {
    run_all(&Redis::strict().await).await;
}
