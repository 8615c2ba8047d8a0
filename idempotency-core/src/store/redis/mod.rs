//! `RedisStore`: records in Redis or Valkey, on one server, behind Sentinel, or in a Cluster.
//!
//! One packed string per key, whose TTL is the retention; the lease is judged on the server from what is left of it. A
//! first claim is one `SET NX GET`, everything else one script.

mod call;
#[cfg(feature = "redis-tls")]
mod certificates;
mod claim;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod codec;
mod deployment;
mod durability;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod health;
mod hold;
mod inspect;
mod keys;
mod link;
mod route;
mod runtimes;
mod script;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod server;
mod settled;
mod shortfalls;
mod side;
#[cfg(feature = "redis-cluster")]
mod slot;
mod waiters;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use super::Store;
use crate::{Claim, Claimed, Hold, Lease, Outcome, RecordView, Resolution, ScopedKey, StoreError};
use async_trait::async_trait;

use deployment::Settings;
use keys::Keys;
use route::Route;
use waiters::Waiters;

pub use durability::{Confirmed, Durability, Shortfall};
pub use health::{Finding, HealthError, Severity};

/// Keeps records in Redis 7.0 or later (6.2 with one round trip more for some claims) or Valkey.
///
/// On one server ([`new`](Self::new)), on the master behind sentinels, or in a cluster. The first operation connects, and
/// one connection to each master is shared by all; waiting opens another one. Clones share them. From its first
/// connection on the store checks the server's health and logs what it finds.
///
/// Its operations run on tokio, and panic outside of a runtime. Each runtime has connections of its own.
///
/// ```no_run
/// use idempotency_core::store::redis::RedisStore;
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisStore::new("redis://127.0.0.1/")?.with_prefix("shop").verified().await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisStore {
    settings: Settings,
    shared: Arc<Shared>,
}

/// What the operations work on.
struct Shared {
    keys: Keys,
    route: Route,
    waiters: Waiters,
    durability: Durability,
    response_timeout: Duration,
    health_interval: Option<Duration>,
    /// Whether the server knows `SET` with `NX` and `GET`, as far as anybody knows.
    set_nx_get: AtomicBool,
    /// Whether the server's health is being looked at.
    probed: AtomicBool,
    /// How many writes were less durable than asked.
    shortfalls: AtomicU64,
}

impl RedisStore {
    /// Looks at what the server, or each master of a cluster, says of itself for what weakens the store's promise.
    ///
    /// # Errors
    /// When none of them can be asked, or one does not allow it.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn check_health(&self) -> Result<Vec<Finding>, StoreError> {
        self.shared.check_health().await
    }

    /// Gives the store back if the server is fit to keep records, so that a program can refuse to start without.
    ///
    /// # Errors
    /// When there is a finding of [`Severity::Error`], or no server can be asked, or one does not allow it.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn verified(self) -> Result<Self, HealthError> {
        let findings = self.check_health().await?;
        if findings.iter().any(|finding| finding.severity() == Severity::Error) {
            return Err(HealthError::Unfit(findings));
        }
        Ok(self)
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("route", &self.shared.route)
            .field("keys", &self.shared.keys)
            .field("waiters", &self.shared.waiters)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for RedisStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.shared.claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.shared.renew(lease, duration).await
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        self.shared.complete(lease, outcome, retention).await
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        self.shared.release(lease).await
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        self.shared.settled(key, timeout).await
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        self.shared.load(key).await
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        self.shared.forget(key).await
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        self.shared.resolve(key, resolution).await
    }
}
