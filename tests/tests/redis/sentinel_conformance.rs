//! `RedisStore` keeps the store contract on the master behind sentinels.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::ScopedKey;
use idempotency_core::store::Store;
use idempotency_core::store::conformance::{Harness, run_all};
use idempotency_core::store::redis::RedisStore;
use idempotency_tests::redis_case::{NAMESPACE, SET_USER, patient, record_name_of};
use idempotency_tests::redis_sentinel::{MASTER, SentinelSet};

/// The rights that the store needs on the sentinels. The store's page has the same list.
const AT_SENTINELS: &str = "user watcher on >pw resetchannels -@all +sentinel|master";

struct Sentinels {
    set: SentinelSet,
    user: bool,
}

#[async_trait]
impl Harness for Sentinels {
    async fn store(&self) -> Arc<dyn Store> {
        let urls = self.set.urls().into_iter().map(|url| match self.user {
            true => url.replace("redis://", "redis://watcher:pw@"),
            false => url,
        });
        let store = RedisStore::sentinel(urls, MASTER, NAMESPACE).expect("the addresses are well formed");
        let store = patient(store);
        Arc::new(if self.user { store.with_user("app", "pw") } else { store })
    }

    async fn second_handle(&self) -> Arc<dyn Store> {
        self.store().await
    }

    async fn advance(&self, by: Duration) {
        self.set.servers[0].advance(by).await;
    }

    async fn corrupt(&self, key: &ScopedKey) -> bool {
        let name = record_name_of(key);
        self.set.servers[0].query::<u64>(&["SETRANGE", &name, "0", "garbage"]).await > 0
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_behind_sentinels_passes_the_whole_suite() {
    run_all(&Sentinels { set: SentinelSet::start(1).await, user: false }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_store_behind_sentinels_with_the_least_rights_passes_the_whole_suite() {
    let set = SentinelSet::start_with(1, &[], AT_SENTINELS).await;
    let _: String = set.servers[0].query(&[&SET_USER[..], &["+role", "+wait"]].concat()).await;
    run_all(&Sentinels { set, user: true }).await;
}
