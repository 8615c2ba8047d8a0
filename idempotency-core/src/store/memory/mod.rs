//! `MemoryStore`: records in this process's memory.

mod entry;
mod mark;
mod shard;
#[cfg(test)]
mod tests;
mod totals;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::sync::{self, MutexGuard};
use crate::clock::{Clock, TokioClock};
use crate::{
    Claim, Claimed, Hold, KeyDigest, Lease, Outcome, Record, RecordView, Resolution, ScopedKey, State, Store,
    StoreError, StoreErrorKind,
};
use entry::{Entry, Ticks};
use shard::{Shard, Shards};
use totals::Limits;
use wait::Waiter;

/// Keeps records in this process's memory: for one process, and for tests.
///
/// Bounded: it never evicts a record that its retention still keeps, in flight or completed. When it is full, even
/// after dropping what has expired, it refuses claims of *new* keys with [`StoreErrorKind::Full`]; keys that have a
/// record go on as always. Everything is lost when the process ends.
///
/// A clone is another handle on the same records.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::{Claim, Claimed, Key, MemoryStore, Owner, Scope, ScopedKey, Store as _};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let key = ScopedKey::new(Scope::endpoint("jobs"), Key::new("job-1")?);
/// let (lease, retention) = (Duration::from_secs(30), Duration::from_secs(86_400));
/// let claim = Claim::new(key, Owner::from_bytes([7; 16]), lease, retention);
/// assert!(matches!(store.claim(&claim).await?, Claimed::Granted { attempt: 1, .. }));
/// assert_eq!(store.records(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    shards: Arc<Shards>,
    /// Read under the lock of a record: its operations are in the order of their times.
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shards: Arc::default(),
            clock: Arc::new(TokioClock::new()),
            limits: Limits { records: 1_000_000, bytes: 256 << 20 },
        }
    }

    /// Keeps at most this many records. Clones made before keep their own limit.
    ///
    /// Default: 1,000,000, about 160 MB without outcomes: a day's retention at 11 deliveries a second.
    #[must_use]
    pub fn with_capacity(mut self, max_records: usize) -> Self {
        self.limits.records = max_records;
        self
    }

    /// Keeps at most this many bytes of outcomes. Clones made before keep their own limit.
    ///
    /// Once they are reached, claims of new keys are refused with [`StoreErrorKind::Full`]. What is in flight then may
    /// pass the limit: an outcome is never refused, since its effect has happened. Default: 256 MiB, 268 bytes for each of a million records: an acknowledgement is smaller, and
    /// a store that is full stays below half a GiB, which the smallest usual container has.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Takes the time from this clock. Set it before the first claim: records keep the clock's readings.
    ///
    /// Default: [`TokioClock`], which stands still where a test pauses tokio's time, and moves with it.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// How many records there are, with those that have expired and were not swept yet.
    #[must_use]
    pub fn records(&self) -> usize {
        self.shards.totals.records()
    }

    /// How many bytes of outcomes these records hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.totals.bytes()
    }

    /// Claims in one critical section; `None` where there is no room for a new key.
    fn try_claim(&self, claim: &Claim) -> Option<Claimed> {
        let digest = claim.key.digest();
        let mut shard = self.shards.records(digest);
        // The mark stays locked until the grant is written, so that no newer version completes in between.
        let resource = claim.order.as_ref().map(|order| order.resource().digest());
        let marks = resource.map(|resource| (self.shards.marks(resource), resource));
        let now = self.clock.now();
        let micros = u64::try_from(self.clock.unix_time().as_micros()).unwrap_or(u64::MAX);
        let mark = marks.as_ref().and_then(|(marks, resource)| marks.newest(resource, Ticks::of(now)));
        let slot = shard.slot(digest);
        let record = slot.and_then(|slot| slot.live(Ticks::of(now))).map(|entry| entry.record());
        let transition = Record::claim(record.as_ref(), mark, claim, now, micros);
        let Some(record) = transition.write else { return Some(transition.answer) };
        let entry = Entry::new(record, Ticks::after(now, claim.retention.max(claim.lease)));
        if let Some(slot) = slot {
            slot.replace(entry, &self.shards.totals);
        } else if !shard.insert(digest, entry, Ticks::of(now), &self.shards.totals, &self.limits) {
            return None;
        }
        Some(transition.answer)
    }

    /// Completes in one critical section. Never refused for want of room: the effect has happened, and an outcome
    /// that is not recorded is an effect that happens again.
    fn complete_now(&self, lease: &Lease, outcome: &Outcome, copy: Arc<[u8]>, retention: Duration) -> Hold {
        let digest = lease.key().digest();
        let shard = self.shards.records(digest);
        let now = self.clock.now();
        let Some(mut entry) = shard.live(digest, Ticks::of(now)) else { return Hold::Lost };
        let transition = entry.record().complete(lease, outcome);
        if transition.write.is_some() {
            let expires = Ticks::after(now, retention);
            self.shards.totals.add_bytes(copy.len());
            entry.complete(copy, expires);
            drop(entry);
            if let Some(order) = lease.order() {
                let resource = order.resource().digest();
                self.shards.marks(resource).raise(resource, order.version(), expires, Ticks::of(now));
            }
            wake(shard, digest);
        }
        transition.answer
    }

    /// Resolves in one critical section.
    fn resolve_now(&self, key: &ScopedKey, resolution: &Resolution) -> bool {
        let digest = key.digest();
        let shard = self.shards.records(digest);
        let now = self.clock.now();
        let Some(mut entry) = shard.live(digest, Ticks::of(now)) else { return false };
        let transition = entry.record().resolve(resolution, now);
        let Some(record) = transition.write else { return transition.answer };
        let expires = entry.expires();
        let mut completed = None;
        if let State::Completed(outcome) = &record.state {
            self.shards.totals.add_bytes(outcome.as_bytes().len());
            completed = key.resource_digest().zip(record.version);
        }
        *entry = Entry::new(record, expires);
        drop(entry);
        if let Some((resource, version)) = completed {
            self.shards.marks(resource).raise(resource, version, expires, Ticks::of(now));
        }
        wake(shard, digest);
        transition.answer
    }
}

/// Wakes those who wait for a key whose record has changed, once the lock is dropped.
fn wake(mut shard: MutexGuard<'_, Shard>, digest: KeyDigest) {
    let waiting = shard.take_waiting(digest);
    drop(shard);
    if let Some(waiting) = waiting {
        waiting.notify();
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("records", &self.records())
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        if let Some(answer) = self.try_claim(claim) {
            return Ok(answer);
        }
        // Once more, if sweeping what has expired makes room.
        self.shards.sweep(Ticks::of(self.clock.now()));
        self.try_claim(claim).ok_or_else(|| StoreError::new("memory", StoreErrorKind::Full))
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let digest = lease.key().digest();
        let shard = self.shards.records(digest);
        let now = self.clock.now();
        let Some(mut entry) = shard.live(digest, Ticks::of(now)) else { return Ok(Hold::Lost) };
        let transition = entry.record().renew(lease, duration, now);
        if transition.write.is_some() {
            entry.renew(Ticks::after(now, duration));
        }
        Ok(transition.answer)
    }

    async fn complete(
        &self,
        lease: &Lease,
        outcome: &Outcome,
        retention: Duration,
    ) -> Result<Hold, StoreError> {
        // Copied before the lock is taken, and at its exact size: the caller's bytes may be a slice of a larger buffer.
        let copy = Arc::from(outcome.as_bytes().as_ref());
        Ok(self.complete_now(lease, outcome, copy, retention))
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        let digest = lease.key().digest();
        let shard = self.shards.records(digest);
        let now = self.clock.now();
        let Some(mut entry) = shard.live(digest, Ticks::of(now)) else { return Ok(Hold::Lost) };
        let transition = entry.record().release(lease);
        if transition.write.is_some() {
            entry.release();
            drop(entry);
            wake(shard, digest);
        }
        Ok(transition.answer)
    }

    async fn settled(&self, key: &ScopedKey, timeout: Duration) -> Result<(), StoreError> {
        let registered = Waiter::register(&self.shards, key.digest(), &*self.clock);
        if let Some((_waiter, notified, lease_left)) = registered {
            // Whether it was woken or the time ran out is one to the caller, who claims again.
            let _ = tokio::time::timeout(timeout.min(lease_left), notified).await;
        }
        Ok(())
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        let shard = self.shards.records(key.digest());
        let now = self.clock.now();
        let view = shard
            .live(key.digest(), Ticks::of(now))
            .map(|entry| RecordView::new(&entry.record(), now, entry.expires().left(now)));
        Ok(view)
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        let mut shard = self.shards.records(key.digest());
        let now = self.clock.now();
        let was_live = shard.live(key.digest(), Ticks::of(now)).is_some();
        shard.remove(key.digest(), &self.shards.totals);
        wake(shard, key.digest());
        Ok(was_live)
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        Ok(self.resolve_now(key, resolution))
    }
}
