//! Shards: the records and their waiters, divided to make lock contention rare.

use std::borrow::Borrow;
use std::cell::{RefCell, RefMut};
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError};

use super::entry::{Entry, Ticks};
use super::mark::Marks;
use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Mutex, MutexGuard};
use super::totals::{Limits, Totals, next_sweep};
use super::waiting::Waiting;
use crate::KeyDigest;
use crate::store::{Parts, ResourceDigest};

const SHARDS: usize = 64;

/// The minimum time between two sweeps of a full store, so that a flood of claims does not cause a flood of sweeps.
const NANOS_BETWEEN_SWEEPS: u64 = 1_000_000_000;

/// All shards. Lock order: the records of one shard, then the marks of one shard. Never lock two of a kind at once.
pub(super) struct Shards {
    records: [Mutex<Shard>; SHARDS],
    marks: [Mutex<Marks>; SHARDS],
    pub(super) totals: Totals,
    next_sweep: AtomicU64,
}

impl Shards {
    /// Locks the shards of records one after the other, starting at this index.
    pub(super) fn from(&self, index: usize) -> impl Iterator<Item = MutexGuard<'_, Shard>> {
        self.records[index..].iter().map(lock)
    }

    /// The index of the shard that keeps a key's record.
    pub(super) fn index_of(digest: KeyDigest) -> usize {
        usize::from(digest.as_bytes()[0]) % SHARDS
    }

    pub(super) fn records(&self, digest: KeyDigest) -> MutexGuard<'_, Shard> {
        lock(&self.records[Self::index_of(digest)])
    }

    pub(super) fn marks(&self, resource: ResourceDigest) -> MutexGuard<'_, Marks> {
        lock(&self.marks[usize::from(resource.as_bytes()[0]) % SHARDS])
    }

    /// Drops all expired records and marks, unless the last sweep was a moment ago.
    pub(super) fn sweep(&self, now: Ticks) {
        let due = |next: u64| (next <= now.nanos()).then(|| now.nanos().saturating_add(NANOS_BETWEEN_SWEEPS));
        if self.next_sweep.fetch_update(Ordering::Relaxed, Ordering::Relaxed, due).is_ok() {
            for shard in &self.records {
                lock(shard).sweep(now, &self.totals);
            }
            for marks in &self.marks {
                lock(marks).sweep(now);
            }
        }
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self {
            records: std::array::from_fn(|_| Mutex::default()),
            marks: std::array::from_fn(|_| Mutex::default()),
            totals: Totals::default(),
            next_sweep: AtomicU64::new(0),
        }
    }
}

/// Locks even a poisoned mutex: no code between the first and last write under a lock can panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The records of one shard, and their waiters.
#[derive(Default)]
pub(super) struct Shard {
    slots: HashSet<Slot>,
    /// The names of endpoints, which records share.
    endpoints: HashSet<Arc<str>>,
    pub(super) waiting: HashMap<KeyDigest, Waiting>,
    sweep_at: usize,
}

impl Shard {
    /// The slot of a key, if it has one.
    pub(super) fn slot(&self, digest: KeyDigest) -> Option<&Slot> {
        self.slots.get(&digest)
    }

    /// The record of a key, unless it has expired.
    pub(super) fn live(&self, digest: KeyDigest, now: Ticks) -> Option<RefMut<'_, Entry>> {
        self.slot(digest)?.live(now)
    }

    /// Replaces the endpoint in these parts with the shared text.
    pub(super) fn interned(&mut self, parts: Parts) -> Parts {
        let Some(endpoint) = &parts.label().endpoint else { return parts };
        match self.endpoints.get(endpoint) {
            Some(shared) => parts.clone().with_endpoint(Arc::clone(shared)),
            None => {
                self.endpoints.insert(Arc::clone(endpoint));
                parts
            }
        }
    }

    /// The views of at most `limit` records after the digest `after` for which `view` returns one, in the order of
    /// their digests; and whether there are more.
    pub(super) fn list<T>(
        &self,
        after: Option<KeyDigest>,
        limit: usize,
        view: impl Fn(KeyDigest, &Entry) -> Option<T>,
    ) -> (Vec<(KeyDigest, T)>, bool) {
        let mut views: Vec<_> = self
            .slots
            .iter()
            .filter(|slot| after.is_none_or(|after| slot.0.digest > after))
            .filter_map(|slot| Some((slot.0.digest, view(slot.0.digest, &slot.entry())?)))
            .collect();
        views.sort_unstable_by_key(|(digest, _)| *digest);
        let has_more = views.len() > limit;
        views.truncate(limit);
        (views, has_more)
    }

    /// Inserts the record of a new key. Returns whether there was room.
    pub(super) fn insert(
        &mut self,
        digest: KeyDigest,
        entry: Entry,
        now: Ticks,
        totals: &Totals,
        limits: &Limits,
    ) -> bool {
        if self.slots.len() >= self.sweep_at {
            self.sweep(now, totals);
        }
        let has_room = totals.add_record(entry.bytes(), limits);
        if has_room {
            self.slots.insert(Slot::new(digest, entry));
        }
        has_room
    }

    pub(super) fn remove(&mut self, digest: KeyDigest, totals: &Totals) {
        if let Some(slot) = self.slots.take(&digest) {
            totals.remove_record(slot.entry().bytes());
        }
    }

    /// Removes the waiters of a key, to be notified after the lock is dropped.
    pub(super) fn take_waiting(&mut self, digest: KeyDigest) -> Option<Waiting> {
        if self.waiting.is_empty() { None } else { self.waiting.remove(&digest) }
    }

    fn sweep(&mut self, now: Ticks, totals: &Totals) {
        self.slots.retain(|slot| {
            let entry = slot.entry();
            let keep = entry.expires() > now;
            if !keep {
                totals.remove_record(entry.bytes());
            }
            keep
        });
        if self.slots.len() < self.slots.capacity() / 4 {
            self.slots.shrink_to(2 * self.slots.len());
        }
        self.endpoints.retain(|endpoint| Arc::strong_count(endpoint) > 1);
        self.sweep_at = next_sweep(self.slots.len());
    }
}

/// A key's digest with its record. A set of these takes 9 bytes per bucket. A map from digest to entry would take 97,
/// and hash tables are half empty.
pub(super) struct Slot(Box<Node>);

struct Node {
    digest: KeyDigest,
    /// Not part of the hash or of equality. Borrowed only briefly, under the shard's lock.
    entry: RefCell<Entry>,
}

impl Slot {
    fn new(digest: KeyDigest, entry: Entry) -> Self {
        Self(Box::new(Node { digest, entry: RefCell::new(entry) }))
    }

    /// The record, unless it has expired.
    pub(super) fn live(&self, now: Ticks) -> Option<RefMut<'_, Entry>> {
        Some(self.entry()).filter(|entry| entry.expires() > now)
    }

    /// Replaces the record.
    pub(super) fn replace(&self, entry: Entry, totals: &Totals) {
        totals.add_bytes(entry.bytes());
        totals.remove_bytes(self.0.entry.replace(entry).bytes());
    }

    fn entry(&self) -> RefMut<'_, Entry> {
        self.0.entry.borrow_mut()
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.digest.hash(state);
    }
}

impl PartialEq for Slot {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Eq for Slot {}

impl Borrow<KeyDigest> for Slot {
    fn borrow(&self) -> &KeyDigest {
        &self.0.digest
    }
}
