//! The effects of a handler, as the world outside its process sees them.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::process::{Part, Process};

/// An effect's name and key.
pub(super) type EffectKey = (String, String);

/// Counts the effects of one schedule. It outlives the processes.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    counts: BTreeMap<EffectKey, usize>,
    /// The name of each effect that was deduplicated, with its idempotency key.
    seen: HashSet<(String, String)>,
}

impl Ledger {
    pub(super) fn counts(&self) -> BTreeMap<EffectKey, usize> {
        self.entries().counts.clone()
    }

    fn count(&self, name: &str, key: &str) -> usize {
        self.entries().counts.get(&(name.to_owned(), key.to_owned())).copied().unwrap_or(0)
    }

    fn record(&self, name: &str, key: &str, idempotency_key: Option<&str>) -> bool {
        let mut entries = self.entries();
        if let Some(idempotency_key) = idempotency_key
            && !entries.seen.insert((name.to_owned(), idempotency_key.to_owned()))
        {
            return false;
        }
        *entries.counts.entry((name.to_owned(), key.to_owned())).or_insert(0) += 1;
        true
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A process's handle on the systems in which its handler's effects happen.
///
/// Put it into the fakes of the systems that your handler calls: the bank, the mailer. They outlive a crash, and
/// the kit counts what happened in them. Each effect is a point before and a point after it. A process that has
/// crashed has no further effects: its calls never return.
#[derive(Clone, Debug)]
pub struct Effects {
    process: Process,
    ledger: Arc<Ledger>,
}

impl Effects {
    pub(super) fn new(process: Process, ledger: Arc<Ledger>) -> Self {
        Self { process, ledger }
    }

    /// Causes the effect `name` for `key`, such as `"charge"` for `"order-42"`, each time it is called.
    ///
    /// A key that differs from run to run, such as a random number, makes the effect look lost.
    ///
    /// # Cancel safety
    /// If the future is dropped, the effect may have happened or not.
    pub async fn record(&self, name: &str, key: &str) {
        self.process.effect(name, || self.ledger.record(name, key, None)).await;
    }

    /// Causes the effect in a system that takes idempotency keys. Returns whether it happened in this call.
    ///
    /// If the system has already seen the `idempotency_key` for this `name`, it does nothing.
    ///
    /// # Cancel safety
    /// Same as [`record`](Self::record).
    pub async fn record_once(&self, name: &str, key: &str, idempotency_key: &str) -> bool {
        self.process.effect(name, || self.ledger.record(name, key, Some(idempotency_key))).await
    }

    /// Returns how often the effect has happened, in all processes. The call is not a point.
    #[must_use]
    pub fn count(&self, name: &str, key: &str) -> usize {
        self.ledger.count(name, key)
    }

    /// Runs a future and makes each of its awaits a point.
    ///
    /// [`CrashKit::new`](super::CrashKit::new) does this for its handler. Under
    /// [`CrashKit::delivering`](super::CrashKit::delivering), wrap the handler yourself.
    ///
    /// # Cancel safety
    /// As cancel safe as the future.
    pub async fn watch<F: Future>(&self, handler: F) -> F::Output {
        self.process.run(Part::Handler, handler).await
    }
}
