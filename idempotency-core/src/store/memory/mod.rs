//! `MemoryStore`, which keeps records in this process's memory.

mod endpoint;
mod entry;
mod mark;
mod shard;
#[cfg(test)]
mod tests;
mod totals;
mod wait;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::sync::{self, MutexGuard};
use super::{Cursor, Filter, Listing, Page};
use crate::clock::{Clock, TokioClock};
use crate::store::{Parts, Record, ResourceDigest, State, Transition};
use crate::{
    Adopted, Claim, Claimed, Completion, Hold, KeyDigest, Lease, Namespace, Outcome, Owner, RecordView,
    Release, Resolution, Store, StoreError, StoreErrorKind, Version,
};
use entry::{Entry, Ticks};
use shard::{Shard, Shards};
use totals::Limits;
use wait::Waiter;

/// Keeps records in this process's memory: for one process, and for tests.
///
/// The store is bounded, and never evicts a record within its retention, in flight or completed. If it is full even
/// after dropping all expired records, it refuses claims of *new* keys with [`StoreErrorKind::Full`]. Keys that have a
/// record are not affected. All records are lost when the process ends.
///
/// Clones share the records.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::store::memory::MemoryStore;
/// use idempotency_core::store::{Claim, Claimed, Owner, Store as _};
/// use idempotency_core::{Key, Scope, ScopedKey};
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let store = MemoryStore::new();
/// let key = ScopedKey::new(store.namespace(), Scope::endpoint("jobs"), Key::new("job-1")?);
/// let (lease, retention) = (Duration::from_secs(30), Duration::from_secs(86_400));
/// let claim = Claim::new(key, Owner::from_bytes([7; 16]), lease, retention);
/// assert!(matches!(store.claim(&claim).await?, Claimed::Granted(grant) if grant.attempt == 1));
/// assert_eq!(store.records(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct MemoryStore {
    namespace: Namespace,
    shards: Arc<Shards>,
    /// Read under the lock of a record, so that the times of its operations are in order.
    clock: Arc<dyn Clock>,
    limits: Limits,
}

impl MemoryStore {
    /// Creates an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self {
            namespace: Namespace::default(),
            shards: Arc::default(),
            clock: Arc::new(TokioClock::new()),
            limits: Limits { records: 1_000_000, bytes: 256 << 20 },
        }
    }

    /// Sets the namespace of the keys. Default: `default`, because no other service shares this process's memory. Set
    /// it if a [derived key](crate::IdempotencyContext::derive_key) must equal the one that a service with another
    /// store derives.
    #[must_use]
    pub fn with_namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = namespace;
        self
    }

    /// Sets the maximum number of records. Earlier clones keep their own limit.
    ///
    /// Default: 1,000,000, which takes about 150 MB without outcomes, and suffices for a day's retention at 11
    /// deliveries a second.
    #[must_use]
    pub fn with_capacity(mut self, max_records: usize) -> Self {
        self.limits.records = max_records;
        self
    }

    /// Sets the maximum number of bytes for outcomes and [labels](crate::store::Label). Earlier clones keep their own limit.
    ///
    /// When they are used up, the store refuses claims of new keys with [`StoreErrorKind::Full`]. Keys in flight may
    /// still exceed the limit: an outcome is never refused, because its effect has happened. An endpoint counts for
    /// each record that names it, although the records share the text.
    ///
    /// Default: 256 MiB, which is 268 bytes for each of a million records. An acknowledgement and a label are smaller
    /// than that, and a full store stays below half a GiB, the memory of the smallest usual container.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.bytes = bytes;
        self
    }

    /// Sets the clock. Set it before the first claim, because records keep the clock's times.
    ///
    /// Default: [`TokioClock`], which follows tokio's time, and so stands still while a test pauses it.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Returns the number of records, including expired ones that have not been dropped yet.
    #[must_use]
    pub fn records(&self) -> usize {
        self.shards.totals.records()
    }

    /// Returns the number of bytes that the outcomes and labels of these records take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.shards.totals.bytes()
    }

    /// Claims a key in one critical section. `None` if there is no room for a new key.
    fn try_claim(&self, claim: &Claim) -> Option<Claimed> {
        let digest = claim.key.digest();
        let mut shard = self.shards.records(digest);
        // Keep the mark locked until the grant is written, so that no newer version completes in between.
        let marks = claim.order.map(|order| (self.shards.marks(order.resource), order.resource));
        let now = self.clock.now();
        let mark = marks.as_ref().and_then(|(marks, resource)| marks.newest(*resource, Ticks::of(now)));
        let record = shard.live(digest, Ticks::of(now)).map(Entry::record);
        let transition = Record::claim(record.as_ref(), mark, claim, now, self.micros());
        let Some(record) = transition.write else { return Some(transition.answer) };
        let has_room = shard.grant(digest, record, claim.retention, now, &self.shards.totals, &self.limits);
        has_room.then_some(transition.answer)
    }

    /// Changes the record of a key in one critical section, and wakes its waiters unless it is still in flight.
    /// `change` returns the transition and the retention, which counts from the end of the lease for a record in
    /// flight. `absent` is the answer if there is no record. A completion passes its outcome as `outcome` and not in the
    /// record, so that its bytes are copied into the entry without being shared first, which may take an allocation.
    fn change<A>(
        &self,
        digest: KeyDigest,
        absent: A,
        outcome: Option<&Outcome>,
        change: impl FnOnce(&Record, Duration, Duration) -> (Transition<A>, Duration),
    ) -> A {
        let mut shard = self.shards.records(digest);
        let now = self.clock.now();
        let Some(entry) = shard.live_mut(digest, Ticks::of(now)) else { return absent };
        let (transition, kept) = change(&entry.record(), entry.retention(now), now);
        let Some(record) = transition.write else { return transition.answer };
        let is_in_flight = matches!(record.state, State::InFlight { deadline } if deadline > now);
        let completed = matches!(record.state, State::Completed { .. }).then_some(record.order).flatten();
        let before = entry.bytes();
        entry.update(record, kept, now);
        if let Some(outcome) = outcome {
            entry.set_outcome(outcome);
        }
        let expires = entry.expires();
        // Never refuse an outcome for lack of room: its effect has happened, and without the outcome it would happen
        // again.
        self.shards.totals.add_bytes(entry.bytes());
        self.shards.totals.remove_bytes(before);
        if let Some(order) = completed {
            self.shards.marks(order.resource).raise(order, expires, Ticks::of(now));
        }
        if !is_in_flight {
            wake(shard, digest);
        }
        transition.answer
    }

    /// Microseconds since 1970, for fences.
    fn micros(&self) -> u64 {
        u64::try_from(self.clock.unix_time().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Wakes the waiters of a key after dropping the lock.
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
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        if let Some(answer) = self.try_claim(claim) {
            return Ok(answer);
        }
        // Try again after dropping expired records.
        self.shards.sweep(Ticks::of(self.clock.now()));
        self.try_claim(claim).ok_or_else(|| StoreError::new("memory", StoreErrorKind::Full))
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        Ok(self.change(lease.key().digest(), Hold::Lost, None, |record, retention, now| {
            (record.renew(lease, duration, now), retention)
        }))
    }

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let Completion { lease, outcome, retention, .. } = completion;
        let without_outcome = Completion::new(lease.clone(), Outcome::default(), *retention);
        Ok(self.change(lease.key().digest(), Hold::Lost, Some(outcome), |record, _, _| {
            (record.complete(&without_outcome, self.clock.unix_time()), *retention)
        }))
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        Ok(self.change(lease.key().digest(), Hold::Lost, None, |record, retention, now| {
            let transition = record.release(lease, release, now);
            let kept = match &transition.write {
                Some(released) if released.state == State::Released => released.kept_after_release(retention),
                _ => retention,
            };
            (transition, kept)
        }))
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        Ok(self.change(lease.key().digest(), Adopted::Lost, None, |record, retention, now| {
            (record.adopt(lease, owner, duration, now, self.micros()), retention)
        }))
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        Ok(self.shards.marks(resource).newest(resource, Ticks::of(self.clock.now())))
    }

    async fn wait_for_change(&self, key: KeyDigest, timeout: Duration) -> Result<(), StoreError> {
        let registered = Waiter::register(&self.shards, key, &*self.clock);
        if let Some((_waiter, notified, lease_left)) = registered {
            // A wake-up and a timeout are the same to the caller, who claims again.
            let _ = tokio::time::timeout(timeout.min(lease_left), notified).await;
        }
        Ok(())
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let shard = self.shards.records(key);
        let now = self.clock.now();
        Ok(shard.live(key, Ticks::of(now)).map(|entry| view(key, entry, now)))
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        let mut shard = self.shards.records(key);
        let now = self.clock.now();
        let was_live = shard.live(key, Ticks::of(now)).is_some();
        shard.remove(key, &self.shards.totals);
        wake(shard, key);
        Ok(was_live)
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        Ok(self.change(key, false, None, |record, retention, now| {
            (record.resolve(resolution, now, self.clock.unix_time(), retention), retention)
        }))
    }

    async fn list(&self, filter: &Filter, page: &Page) -> Result<Listing, StoreError> {
        let after = page.after.as_ref().map(|cursor| cursor.as_str().parse::<KeyDigest>());
        let mut after = after
            .transpose()
            .map_err(|cause| StoreError::new("memory", StoreErrorKind::Refused).with_source(cause))?;
        let (now, unix_now) = (self.clock.now(), self.clock.unix_time());
        let mut records = Vec::new();
        // Records are ordered by shard, and then by digest.
        for shard in self.shards.from(after.map_or(0, Shards::index_of)) {
            let (views, has_more) = shard.list(after.take(), page.limit - records.len(), |digest, entry| {
                Some(entry)
                    .filter(|entry| entry.expires() > Ticks::of(now))
                    .map(|entry| view(digest, entry, now))
                    .filter(|view| filter.includes(view, unix_now))
            });
            let last = views.last().map(|(digest, _)| Cursor::new(digest.to_string()));
            records.extend(views.into_iter().map(|(_, view)| view));
            if has_more || records.len() == page.limit {
                return Ok(Listing::new(records, last));
            }
        }
        Ok(Listing::new(records, None))
    }
}

fn view(digest: KeyDigest, entry: &Entry, now: Duration) -> RecordView {
    let mut record = entry.record();
    record.parts = Parts::of(entry.label());
    RecordView::new(digest, &record, now, entry.expires().left(now))
}
