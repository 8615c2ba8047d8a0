//! The stores as contenders: a fresh delivery, which is claimed and completed, and a duplicate.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::store::{Claim, Claimed, Completion, Grant, Hold, Owner, Store};
use idempotency_core::{Key, Outcome, Scope, ScopedKey};

use crate::contender::Contender;

const LEASE: Duration = Duration::from_secs(30);
const RETENTION: Duration = Duration::from_secs(7 * 86_400);

/// The recorded answer: a status, a content type and a short body, as many bytes as a webhook's answer has.
pub const OUTCOME: &[u8] = &[b'a'; 64];

/// The id of a numbered event, in Stripe's form.
pub fn event_id(number: u64) -> String {
    format!("evt_1NG8Du2eZvKYlo2C{number:012}")
}

/// The claim of a numbered key by a random owner.
pub fn claim(store: &dyn Store, key: u64) -> Claim {
    let scope = Scope::endpoint("stripe:/webhooks/stripe");
    let key = Key::new(event_id(key)).expect("it is a key");
    Claim::new(ScopedKey::new(store.namespace(), scope, key), owner(), LEASE, RETENTION)
}

/// The 16 random bytes of an attempt.
pub fn owner() -> Owner {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    Owner::from_bytes(bytes)
}

/// Claims and completes a key.
///
/// # Panics
/// If the key is not free.
pub async fn execute(store: &dyn Store, key: u64) {
    let claim = claim(store, key);
    let Ok(Claimed::Granted(Grant { fence, .. })) = store.claim(&claim).await else {
        panic!("a new key is granted");
    };
    let completion = Completion::new(claim.granted(fence), Outcome::new(OUTCOME), RETENTION);
    assert_eq!(store.complete(&completion).await.expect("the store answers"), Hold::Held);
}

/// A fresh delivery on a store.
pub struct Fresh {
    pub name: String,
    pub store: Arc<dyn Store>,
}

#[async_trait]
impl Contender for Fresh {
    fn name(&self) -> &str {
        &self.name
    }

    async fn operate(&self, key: u64) {
        execute(&*self.store, key).await;
    }
}

/// A duplicate of a completed delivery on a store.
pub struct Duplicate {
    pub name: String,
    pub store: Arc<dyn Store>,
    /// The number of completed keys.
    pub completed: u64,
}

#[async_trait]
impl Contender for Duplicate {
    fn name(&self) -> &str {
        &self.name
    }

    async fn operate(&self, key: u64) {
        let answer = self.store.claim(&claim(&*self.store, u64::MAX / 2 + key % self.completed)).await;
        assert!(matches!(answer, Ok(Claimed::Completed(_))), "{answer:?}");
    }
}

impl Duplicate {
    /// Completes the keys whose duplicates are measured.
    pub async fn new(name: &str, store: Arc<dyn Store>, completed: u64) -> Self {
        for key in 0..completed {
            execute(&*store, u64::MAX / 2 + key).await;
        }
        Self { name: name.to_owned(), store, completed }
    }
}
