//! This library, on each of its stores, in each of its forms.

use std::sync::Arc;
use std::time::Duration;

use idempotency_benches::http::delivery::KEY_HEADER;
use idempotency_benches::http::processes::Places;
use idempotency_benches::http::signature;
use idempotency_benches::http::variant::{Backend, Form};

use idempotency_core::provider::{self, IdempotencyKey, Incoming, Provider, Received, Rejection, Stripe};
use idempotency_core::store::cached::CachedStore;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Delivery, Idempotency, Key, Policy, Verified};
use idempotency_sqlx::{PostgresStore, SqliteStore};

use crate::CONNECTIONS;

/// Longer than the slowest machine needs. A delivery that fails would end the measurement.
pub const PATIENCE: Duration = Duration::from_secs(60);
const NAMESPACE: &str = "bench";
/// More than a server executes while it is measured.
const RECORDS: usize = 50_000_000;
const RECORDS_BYTES: usize = 8 << 30;

/// The engine on a store.
pub fn engine(backend: Backend, places: &Places) -> Idempotency {
    match backend {
        Backend::Memory => {
            Idempotency::new(MemoryStore::new().with_capacity(RECORDS).with_max_bytes(RECORDS_BYTES))
        }
        Backend::Redis => Idempotency::new(redis(places)),
        Backend::Postgres => {
            let store = PostgresStore::new(&places.postgres, NAMESPACE).expect("the address is valid");
            Idempotency::new(store.with_connections(CONNECTIONS).with_timeout(PATIENCE))
        }
        Backend::Sqlite => {
            let store = SqliteStore::new(&places.sqlite, NAMESPACE).expect("it is a path");
            Idempotency::new(store.with_timeout(PATIENCE))
        }
    }
}

/// The engine on Redis, with a cache of completed records.
pub fn cached_engine(places: &Places) -> Idempotency {
    Idempotency::new(CachedStore::new(redis(places)))
}

fn redis(places: &Places) -> RedisStore {
    let store = RedisStore::new(&places.redis, NAMESPACE).expect("the address is valid");
    store.with_response_timeout(PATIENCE)
}

/// The provider of a form.
pub fn provider(form: Form) -> Arc<dyn Provider> {
    match form {
        Form::Header => Arc::new(IdempotencyKey::global_across_principals()),
        Form::Closure => Arc::new(provider::from_fn("measured", receive)),
        Form::Stripe => Arc::new(Stripe::new(signature::SECRET).expect("it is a secret")),
    }
}

/// The provider's own policy, with patience.
pub fn patient(policy: Policy) -> Policy {
    policy.with_store_timeout(PATIENCE)
}

/// Finds the key in the header, and checks nothing.
fn receive(incoming: &Incoming<'_>) -> Result<Received, Rejection> {
    let key = incoming.single_header(KEY_HEADER)?;
    let key = key.ok_or_else(|| Rejection::key_missing("there is no key"))?;
    let proof = Verified::by_other_means(incoming.body);
    Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(key)?)))
}
