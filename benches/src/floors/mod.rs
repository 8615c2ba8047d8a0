//! Hand-written baselines: what a program without this library would write, on the same server with as many connections.

mod memory;
mod postgres;
mod redis;
mod sqlite;

use std::future::Future;

use async_trait::async_trait;
use bytes::Bytes;
use idempotency_core::KeyDigest;
use idempotency_core::store::{Claim, Store};

pub use self::memory::PlainMap;
pub use self::postgres::PlainPostgres;
pub use self::redis::PlainRedis;
pub use self::sqlite::PlainSqlite;
use crate::contender::Contender;
use crate::stores::{OUTCOME, claim};

/// The columns of a row in flight, in both databases.
const COLUMNS: &str =
    "digest, namespace, state, owner, fence, attempts, deadline, retention, expires_at, parts, revision";

const COMPLETE: &str = "state = 3, deadline = NULL, outcome = $2, completed_at = $3, expires_at = $3 + retention, \
                        revision = revision + 1";

/// One attempt to execute a key.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// The key under which it is recorded.
    pub key: &'a [u8],
    /// The key as the sender writes it.
    pub text: &'a str,
    pub owner: &'a [u8],
}

impl Attempt<'_> {
    /// The bytes that the store writes for operators: endpoint and key.
    fn parts(&self) -> Vec<u8> {
        format!("stripe:/webhooks/stripe {}", self.text).into_bytes()
    }
}

/// What a claim finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the key is now in flight.
    Nothing,
    /// Another attempt in flight.
    InFlight,
    /// An outcome.
    Completed(Bytes),
}

/// A claim and a completion, and nothing else.
pub trait HandWritten: Clone + Send + Sync + 'static {
    /// Claims a key.
    fn claim(&self, attempt: Attempt<'_>) -> impl Future<Output = Found> + Send;

    /// Completes a claimed key.
    fn complete(&self, attempt: Attempt<'_>, outcome: &Bytes) -> impl Future<Output = ()> + Send;
}

/// A fresh delivery on a baseline, with the keys of the store's.
pub struct PlainFresh<H> {
    pub name: &'static str,
    pub floor: H,
    pub store: std::sync::Arc<dyn Store>,
}

fn attempt<'a>(claim: &'a Claim, digest: &'a KeyDigest) -> Attempt<'a> {
    Attempt { key: digest.as_bytes(), text: claim.key.key().as_str(), owner: claim.owner.as_bytes() }
}

#[async_trait]
impl<H: HandWritten> Contender for PlainFresh<H> {
    fn name(&self) -> &str {
        self.name
    }

    async fn operate(&self, key: u64) {
        let claim = claim(&*self.store, key);
        let digest = claim.key.digest();
        let attempt = attempt(&claim, &digest);
        assert_eq!(self.floor.claim(attempt).await, Found::Nothing);
        self.floor.complete(attempt, &Bytes::from_static(OUTCOME)).await;
    }
}

/// A duplicate of a completed delivery on a baseline.
pub struct PlainDuplicate<H> {
    pub name: &'static str,
    pub fresh: PlainFresh<H>,
    /// The number of completed keys.
    completed: u64,
}

impl<H: HandWritten> PlainDuplicate<H> {
    /// Completes the keys whose duplicates are measured.
    pub async fn new(name: &'static str, fresh: PlainFresh<H>, completed: u64) -> Self {
        for key in 0..completed {
            fresh.operate(u64::MAX / 2 + key).await;
        }
        Self { name, fresh, completed }
    }
}

#[async_trait]
impl<H: HandWritten> Contender for PlainDuplicate<H> {
    fn name(&self) -> &str {
        self.name
    }

    async fn operate(&self, key: u64) {
        let claim = claim(&*self.fresh.store, u64::MAX / 2 + key % self.completed);
        let found = self.fresh.floor.claim(attempt(&claim, &claim.key.digest())).await;
        assert_eq!(found, Found::Completed(Bytes::from_static(OUTCOME)));
    }
}
