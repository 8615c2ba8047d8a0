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
mod command;
mod confirmer;
mod deployment;
mod durability;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod health;
mod holder;
mod keys;
mod link;
mod list;
mod many;
mod mark;
mod operator;
mod route;
mod runtimes;
mod script;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod server;
mod shortfalls;
#[cfg(feature = "redis-cluster")]
mod slot;
mod wait;
mod waiters;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;

use super::{Filter, Listing, Page, Store};
use crate::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, Namespace, Owner, RecordView, Release,
    Resolution, ResourceDigest, StoreError, Version,
};

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
/// let store = RedisStore::new("redis://127.0.0.1/", "billing-production")?.verified().await?;
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
    /// Whether the server knows `SET` with `NX` and `GET`, until it says otherwise.
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
#[deny(clippy::missing_trait_methods)]
impl Store for RedisStore {
    fn namespace(&self) -> &Namespace {
        self.shared.keys.namespace()
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        self.shared.claim(claim).await
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        self.shared.renew(lease, duration).await
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        self.shared.complete(completion).await
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        self.shared.release(lease, release).await
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        self.shared.adopt(lease, owner, duration).await
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        self.shared.newest(resource).await
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        self.shared.wait_for_change(key, timeout).await
    }

    async fn claim_many(&self, claims: &[Claim]) -> Vec<Result<Claimed, StoreError>> {
        match self.shared.is_durable() {
            // The waits for replicas are shared, where one pipeline would wait for each write.
            true => join_all(claims.iter().map(|claim| self.shared.claim(claim))).await,
            false => self.shared.claim_many(claims).await,
        }
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        self.shared.renew_many(leases, duration).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        match self.shared.is_durable() {
            true => join_all(completions.iter().map(|completion| self.shared.complete(completion))).await,
            false => self.shared.complete_many(completions).await,
        }
    }

    async fn release_many(&self, leases: &[Lease], release: Release) -> Vec<Result<Hold, StoreError>> {
        self.shared.release_many(leases, release).await
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        self.shared.load(key).await
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        self.shared.forget(key).await
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        self.shared.resolve(key, resolution).await
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        self.shared.list(filter, page).await
    }
}
