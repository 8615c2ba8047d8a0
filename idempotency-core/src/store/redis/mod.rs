//! `RedisStore`: records in Redis or Valkey.
//!
//! One packed string per key, whose TTL is the retention; the lease is judged on the server from what is left of it. A
//! first claim is one `SET NX GET`, everything else one script.

mod call;
mod claim;
mod codec;
mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod health;
mod hold;
mod inspect;
mod keys;
mod link;
mod script;
mod settled;
mod waiters;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use redis::Client;

use super::Store;
use crate::{
    Claim, Claimed, Hold, Lease, Outcome, RecordView, Resolution, ScopedKey, StoreError, StoreErrorKind,
};

use keys::Keys;
use link::{Dial, Link, Standalone};
use waiters::Waiters;

pub use health::{Finding, HealthError, Severity};

/// Keeps records in Redis 7.0 or later (6.2 with one round trip more for some claims) or Valkey, on one server.
///
/// The first operation connects, and one connection is shared by all; waiting opens a second one. Clones share both.
/// On its first connection the store checks the server's health and logs what it finds.
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

#[derive(Clone)]
struct Settings {
    client: Client,
    prefix: String,
    response_timeout: Duration,
    connect_timeout: Duration,
}

/// What the operations work on.
struct Shared {
    keys: Keys,
    link: Link,
    waiters: Waiters,
    /// Whether the server knows `SET` with `NX` and `GET`, as far as anybody knows.
    set_nx_get: AtomicBool,
    /// Whether the server's health has been checked.
    probed: AtomicBool,
}

impl RedisStore {
    /// A store at this address, such as `redis://user:password@host:6379/0`. Nothing connects yet.
    ///
    /// # Errors
    /// [`Refused`](StoreErrorKind::Refused) when the address is not one.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        let client =
            Client::open(url).map_err(|cause| fault::error(StoreErrorKind::Refused).with_source(cause))?;
        Ok(Self::from_client(client))
    }

    /// A store at a client's address, with the client's credentials and TLS. Nothing connects yet.
    #[must_use]
    pub fn from_client(client: Client) -> Self {
        Self::assemble(Settings {
            client,
            prefix: "idem".to_owned(),
            response_timeout: Duration::from_millis(500),
            connect_timeout: Duration::from_secs(1),
        })
    }

    /// Starts every name in Redis with `prefix` and a colon. Default: `idem`, short because each record carries it.
    #[must_use]
    pub fn with_prefix(self, prefix: impl Into<String>) -> Self {
        Self::assemble(Settings { prefix: prefix.into(), ..self.settings })
    }

    /// Waits so long for a reply. Default: 500 ms, long for a server nearby and short for the sender who waits.
    #[must_use]
    pub fn with_response_timeout(self, timeout: Duration) -> Self {
        Self::assemble(Settings { response_timeout: timeout, ..self.settings })
    }

    /// Waits so long for a connection. Default: 1 s, which is one lost packet and its repeat.
    #[must_use]
    pub fn with_connect_timeout(self, timeout: Duration) -> Self {
        Self::assemble(Settings { connect_timeout: timeout, ..self.settings })
    }

    /// Looks at what the server says of itself for what weakens the store's promise.
    ///
    /// # Errors
    /// When the server cannot be asked.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn check_health(&self) -> Result<Vec<Finding>, StoreError> {
        self.shared.check_health().await
    }

    /// Gives the store back if the server is fit to keep records, so that a program can refuse to start without.
    ///
    /// # Errors
    /// When there is a finding of [`Severity::Error`], or the server cannot be asked.
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

    fn assemble(settings: Settings) -> Self {
        let Settings { client, prefix, response_timeout, connect_timeout } = &settings;
        let dial: Arc<dyn Dial> = Arc::new(Standalone::new(client, *response_timeout, *connect_timeout));
        let shared = Shared {
            keys: Keys::new(prefix.as_str()),
            link: Link::new(Arc::clone(&dial)),
            waiters: Waiters::new(dial, *response_timeout),
            set_nx_get: AtomicBool::new(true),
            probed: AtomicBool::new(false),
        };
        Self { settings, shared: Arc::new(shared) }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("link", &self.shared.link)
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
