//! What the store holds of a delivery, looked at past the servers.

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Key, Namespace, RecordView, Scope, ScopedKey, StateView, Store as _};

use super::{PATIENCE, eventually};
use crate::redis_server::RedisServer;

/// The record of a key that a sender's deliveries carry; none before the first claim.
///
/// # Panics
/// When Redis does not answer.
pub async fn record(redis: &RedisServer, sender: &str, key: &str) -> Option<RecordView> {
    let scope = Scope::endpoint(format!("{sender} /webhooks/{sender}"));
    // What the demo servers take where no other is named.
    let namespace = Namespace::new("demo").expect("it is one");
    let key = ScopedKey::new(&namespace, scope, Key::new(key).expect("the tests' keys are keys"));
    let store = RedisStore::new(redis.url(), namespace).expect("a url");
    store.load(key.digest()).await.expect("redis answers")
}

/// Waits until a key is in flight, and gives its record.
pub async fn in_flight(redis: &RedisServer, sender: &str, key: &str) -> RecordView {
    eventually("a claim", PATIENCE, async || {
        record(redis, sender, key).await.filter(|record| matches!(record.state, StateView::InFlight { .. }))
    })
    .await
}
