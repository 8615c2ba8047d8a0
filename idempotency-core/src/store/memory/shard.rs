//! Shards: the records and their waiters, divided to make lock contention rare.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::mem;
use std::sync::PoisonError;
use std::time::Duration;

use hashbrown::HashTable;

use super::endpoint::Endpoints;
use super::entry::{Entry, SharedLabel, Ticks};
use super::mark::Marks;
use super::sync::atomic::{AtomicU64, Ordering};
use super::sync::{Mutex, MutexGuard};
use super::totals::{Limits, Totals, next_sweep};
use super::waiting::Waiting;
use crate::KeyDigest;
use crate::store::{Label, Record, ResourceDigest};

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
    /// Takes 9 bytes per bucket. A map from digest to entry would take 121, and hash tables are half empty.
    records: HashTable<Box<Node>>,
    hasher: RandomState,
    pub(super) endpoints: Endpoints,
    pub(super) waiting: HashMap<KeyDigest, Waiting>,
    sweep_at: usize,
}

/// A key's digest with its record.
pub(super) struct Node {
    digest: KeyDigest,
    entry: Entry,
}

impl Shard {
    /// The record of a key, unless it has expired.
    pub(super) fn live(&self, digest: KeyDigest, now: Ticks) -> Option<&Entry> {
        let node = self.records.find(hash(&self.hasher, digest), |node| node.digest == digest)?;
        Some(&node.entry).filter(|entry| entry.expires() > now)
    }

    /// The record of a key, unless it has expired. A caller that changes its size must update the totals.
    pub(super) fn live_mut(&mut self, digest: KeyDigest, now: Ticks) -> Option<&mut Entry> {
        let node = self.records.find_mut(hash(&self.hasher, digest), |node| node.digest == digest)?;
        Some(&mut node.entry).filter(|entry| entry.expires() > now)
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
            .records
            .iter()
            .filter(|node| after.is_none_or(|after| node.digest > after))
            .filter_map(|node| Some((node.digest, view(node.digest, &node.entry)?)))
            .collect();
        views.sort_unstable_by_key(|(digest, _)| *digest);
        let has_more = views.len() > limit;
        views.truncate(limit);
        (views, has_more)
    }

    /// Writes the record of a granted claim. Returns whether there was room. A key that has a record needs none, even if it
    /// has expired.
    pub(super) fn grant(
        &mut self,
        digest: KeyDigest,
        record: Record,
        retention: Duration,
        now: Duration,
        totals: &Totals,
        limits: &Limits,
    ) -> bool {
        if let Some(node) = self.records.find_mut(hash(&self.hasher, digest), |node| node.digest == digest) {
            if node.entry.expires() > Ticks::of(now) {
                // It has no outcome, and keeps its label, so its bytes do not change.
                node.entry.update(record, retention, now);
            } else {
                let label = share(&mut self.endpoints, record.parts.label());
                let expired = mem::replace(&mut node.entry, Entry::new(record, retention, now, label));
                totals.add_bytes(node.entry.bytes());
                totals.remove_bytes(expired.bytes());
            }
            return true;
        }
        if self.records.len() >= self.sweep_at {
            self.sweep(Ticks::of(now), totals);
        }
        let label = share(&mut self.endpoints, record.parts.label());
        let entry = Entry::new(record, retention, now, label);
        let has_room = totals.add_record(entry.bytes(), limits);
        if has_room {
            let hash_of = |digest| hash(&self.hasher, digest);
            self.records.insert_unique(hash_of(digest), Box::new(Node { digest, entry }), |node| {
                hash_of(node.digest)
            });
        }
        has_room
    }

    pub(super) fn remove(&mut self, digest: KeyDigest, totals: &Totals) {
        let found = self.records.find_entry(hash(&self.hasher, digest), |node| node.digest == digest);
        if let Ok(found) = found {
            let (node, _) = found.remove();
            totals.remove_record(node.entry.bytes());
        }
    }

    /// Removes the waiters of a key, to be notified after the lock is dropped.
    pub(super) fn take_waiting(&mut self, digest: KeyDigest) -> Option<Waiting> {
        if self.waiting.is_empty() { None } else { self.waiting.remove(&digest) }
    }

    fn sweep(&mut self, now: Ticks, totals: &Totals) {
        self.records.retain(|node| {
            let keep = node.entry.expires() > now;
            if !keep {
                totals.remove_record(node.entry.bytes());
            }
            keep
        });
        if self.records.len() < self.records.capacity() / 4 {
            self.records.shrink_to(2 * self.records.len(), |node| hash(&self.hasher, node.digest));
        }
        self.endpoints.sweep();
        self.sweep_at = next_sweep(self.records.len());
    }
}

/// Hashes a part of a digest. The hash has a secret key: a sender can search for keys whose digests share a few bits, and
/// could otherwise overfill one part of the table.
fn hash(hasher: &RandomState, digest: KeyDigest) -> u64 {
    let part = digest.as_bytes().last_chunk().expect("a digest has 32 bytes");
    hasher.hash_one(u64::from_ne_bytes(*part))
}

/// The label with the endpoint that records share.
fn share(endpoints: &mut Endpoints, label: &Label) -> SharedLabel {
    let endpoint = label.endpoint.as_ref().map(|name| endpoints.share(name));
    SharedLabel { endpoint, key: label.key.clone() }
}
