//! The record of a delivery, read from the store without the servers.

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{RecordView, StateView, Store};
use idempotency_core::{Key, Namespace, Scope, ScopedKey};

use super::{PATIENCE, eventually};
use crate::redis_case::patient;
use crate::redis_server::RedisServer;

/// The demo servers' default namespace.
pub const NAMESPACE: &str = "demo";

/// The record of a sender's key in Redis; `None` before the first claim.
///
/// # Panics
/// When Redis does not answer.
pub async fn record(redis: &RedisServer, sender: &str, key: &str) -> Option<RecordView> {
    record_in(&store(redis), sender, key).await
}

/// The record of a sender's key; `None` before the first claim.
///
/// # Panics
/// When the store does not answer.
pub async fn record_in(store: &dyn Store, sender: &str, key: &str) -> Option<RecordView> {
    let scope = Scope::endpoint(format!("{sender} /webhooks/{sender}"));
    let key = ScopedKey::new(store.namespace(), scope, Key::new(key).expect("a test's key is valid"));
    store.load(key.digest()).await.expect("the store answers")
}

/// Waits until a key is in flight in Redis, and returns its record.
pub async fn in_flight(redis: &RedisServer, sender: &str, key: &str) -> RecordView {
    in_flight_in(&store(redis), sender, key).await
}

/// Waits until a key is in flight, and returns its record.
pub async fn in_flight_in(store: &dyn Store, sender: &str, key: &str) -> RecordView {
    eventually("a claim", PATIENCE, async || {
        let record = record_in(store, sender, key).await;
        record.filter(|record| matches!(record.state, StateView::InFlight { .. }))
    })
    .await
}

fn store(redis: &RedisServer) -> RedisStore {
    let namespace = Namespace::new(NAMESPACE).expect("the name is valid");
    patient(RedisStore::new(redis.url(), namespace).expect("a url"))
}
