//! `RedisStore`: records in Redis or Valkey, on one server, behind Sentinel, or in a Cluster.
//!
//! Each record is one packed string. The server derives the time left of a lease from the string's TTL. A first claim
//! is one `SET NX GET`, and its completion one `SET IFEQ` where the server has it. Every other operation is one script.

mod call;
mod claim;
mod complete;
mod durable;
mod first_grants;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod health;
mod holder;
mod list;
mod mark;
mod net;
mod operator;
mod record;
mod settings;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use async_trait::async_trait;

use super::{Filter, Listing, Page, Store};
use crate::store::ResourceDigest;
use crate::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, Namespace, Owner, RecordView, Release,
    Resolution, StoreError, Version,
};

use first_grants::FirstGrants;
use net::route::Route;
use net::subscriptions::Subscriptions;
use record::keys::Keys;
use settings::Settings;

pub use durable::{Confirmations, Durability, MissingConfirmations};
pub use health::{Finding, HealthError, Severity};

/// Keeps records in Valkey or in Redis 7.0 or later. Redis 6.2 works too, with one more round trip for some claims.
///
/// The records live on one server ([`new`](Self::new)), on the master behind sentinels, or in a cluster. The store
/// connects at its first operation. All operations, those of clones included, share one connection to each master;
/// waiting uses another one. Once connected, the store checks the server's health and logs its findings.
///
/// All operations must run on tokio, and panic outside of a runtime. Each runtime has its own connections.
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

/// The state that all clones of a store share.
struct Shared {
    keys: Keys,
    route: Route,
    subscriptions: Subscriptions,
    durability: Durability,
    response_timeout: Duration,
    health_interval: Option<Duration>,
    /// Whether the server supports `SET` with `NX` and `GET`. Assumed until it answers with a syntax error.
    set_nx_get: AtomicBool,
    /// Whether the server supports `SET` with `IFEQ`. Assumed until it answers with a syntax error.
    set_ifeq: AtomicBool,
    first_grants: FirstGrants,
    /// Whether a task checks the server's health.
    probed: AtomicBool,
    /// The number of writes that too few servers confirmed.
    unconfirmed_writes: AtomicU64,
}

impl RedisStore {
    /// Checks the server, or each master of a cluster, for settings and conditions that weaken the store's guarantees.
    ///
    /// # Errors
    /// When no server can be reached, or one forbids `INFO`.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn check_health(&self) -> Result<Vec<Finding>, StoreError> {
        self.shared.check_health().await
    }

    /// Returns the store if the server is fit to keep records, so that a program can refuse to start otherwise.
    ///
    /// # Errors
    /// When there is a finding of [`Severity::Error`], no server can be reached, or one forbids `INFO`.
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
            .field("subscriptions", &self.shared.subscriptions)
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
        self.shared.claim_many(claims).await
    }

    async fn renew_many(&self, leases: &[Lease], duration: Duration) -> Vec<Result<Hold, StoreError>> {
        self.shared.renew_many(leases, duration).await
    }

    async fn complete_many(&self, completions: &[Completion]) -> Vec<Result<Hold, StoreError>> {
        self.shared.complete_many(completions).await
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
