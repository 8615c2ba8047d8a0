//! What the store holds of a delivery, looked at past the servers.

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Key, RecordView, Scope, ScopedKey, StateView, Store as _};

use super::{PATIENCE, eventually};
use crate::redis_server::RedisServer;

/// The record of a key that a sender's deliveries carry; none before the first claim.
///
/// # Panics
/// When Redis does not answer.
pub async fn record(redis: &RedisServer, sender: &str, key: &str) -> Option<RecordView> {
    let scope = Scope::endpoint(format!("{sender} /webhooks/{sender}"));
    let key = ScopedKey::new(scope, Key::new(key).expect("the tests' keys are keys"));
    RedisStore::new(redis.url()).expect("a url").load(&key).await.expect("redis answers")
}

/// Waits until a key is in flight, and gives its record.
pub async fn in_flight(redis: &RedisServer, sender: &str, key: &str) -> RecordView {
    eventually("a claim", PATIENCE, async || {
        record(redis, sender, key).await.filter(|record| matches!(record.state, StateView::InFlight { .. }))
    })
    .await
}
