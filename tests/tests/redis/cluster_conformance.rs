//! `RedisStore` keeps the store contract in a cluster.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::{Harness, run_all};
use idempotency_core::store::redis::RedisStore;
use idempotency_tests::redis_case::{NAMESPACE, SET_USER, patient, record_name_of};
use idempotency_tests::redis_cluster::RedisCluster;

struct Cluster {
    cluster: RedisCluster,
    user: bool,
}

#[async_trait]
impl Harness for Cluster {
    async fn store(&self) -> Arc<dyn Store> {
        let store =
            RedisStore::cluster(self.cluster.urls(), NAMESPACE).expect("the addresses are well formed");
        let store = patient(store);
        Arc::new(if self.user { store.with_user("app", "pw") } else { store })
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        self.cluster.advance(by).await;
    }

    async fn corrupt(&self, key: &ScopedKey) -> bool {
        let name = record_name_of(key);
        self.cluster.query::<u64>(&name, &["SETRANGE", &name, "0", "garbage"]).await > 0
    }

    fn changes_mark_with_record(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_in_a_cluster_passes_the_whole_suite() {
    let cluster = RedisCluster::start(3, false).await;
    run_all(&Cluster { cluster, user: false }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_in_a_cluster_with_the_least_rights_passes_the_whole_suite() {
    let cluster = RedisCluster::start(3, false).await;
    for node in &cluster.nodes {
        let _: String = node.query(&[&SET_USER[..], &["+asking", "+cluster|slots"]].concat()).await;
    }
    run_all(&Cluster { cluster, user: true }).await;
}
