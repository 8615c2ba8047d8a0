//! The answers of completed records, bounded in bytes, and the removals that an answer under way must not undo.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::clock::ClockReading;
use crate::store::{Record, State};
use crate::{Claim, Claimed, Completed, KeyDigest, Outcome, Owner};

/// The bytes that an answer counts besides its outcome: the record, the digest, and their places in the cache.
pub(super) const OVERHEAD: usize = 512;
/// The parts of the cache. Each holds an equal share of the bytes under a lock of its own.
const SHARDS: usize = 16;
/// The counters of removals. Keys that share one only lose fills to each other.
const GENERATIONS: usize = 1024;

/// A completed record, as the inner store showed it.
pub(super) struct Answer {
    record: Record,
    kept_until: Duration,
    /// The time before the call that showed the record.
    asked_at: ClockReading,
}

impl Answer {
    pub(super) fn new(completed: &Completed, asked_at: ClockReading) -> Self {
        // A copy, since the outcome may be a small slice of a large buffer.
        let outcome = Outcome::new(Bytes::copy_from_slice(completed.outcome.as_bytes()));
        let (at, until) = (completed.completed_at, completed.kept_until);
        // No answer to a claim of a completed record depends on the owner.
        let owner = Owner::from_bytes([0; 16]);
        let mut record = Record::new(State::Completed { outcome, at, until }, owner, completed.fence);
        record.attempts = completed.attempt;
        record.fingerprint = completed.fingerprint;
        Self { record, kept_until: until, asked_at }
    }

    /// Whether the answer is younger than `max_age` and its record is still kept.
    pub(super) fn is_fresh(&self, now: ClockReading, max_age: Duration) -> bool {
        self.asked_at.elapsed(now) < max_age && now.unix < self.kept_until
    }

    /// The protocol's answer to this claim. `None` if only the inner store knows it: the claim has a fingerprint, and the
    /// answer has none, perhaps because a store of the user's own leaves it out.
    pub(super) fn to_claim(&self, claim: &Claim, now: ClockReading) -> Option<Claimed> {
        if claim.fingerprint.is_some() && self.record.fingerprint.is_none() {
            return None;
        }
        // A completed record decides before the mark is looked at, and grants nothing, so no fence is needed.
        Some(Record::claim(Some(&self.record), None, claim, now.unix, 0).answer)
    }

    fn bytes(&self) -> usize {
        let outcome = match &self.record.state {
            State::Completed { outcome, .. } => outcome.as_bytes().len(),
            State::InFlight { .. } | State::Released => 0,
        };
        OVERHEAD + outcome
    }
}

#[derive(Clone)]
struct ByBytes;

impl Weighter<KeyDigest, Arc<Answer>> for ByBytes {
    fn weight(&self, _: &KeyDigest, answer: &Arc<Answer>) -> u64 {
        answer.bytes() as u64
    }
}

/// The cached answers.
///
/// A removal and an insertion of one key hold the lock of the key's generation. An insertion names the generation that
/// was current before its call to the inner store, so a removal since then wins.
pub(super) struct Answers {
    cache: Cache<KeyDigest, Arc<Answer>, ByBytes>,
    generations: Box<[Mutex<u64>]>,
}

impl Answers {
    pub(super) fn new(max_bytes: usize) -> Self {
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(max_bytes / (2 * OVERHEAD))
            .weight_capacity(max_bytes as u64)
            .build()
            .expect("both capacities are set");
        let hasher = DefaultHashBuilder::default();
        let cache = Cache::with_options(options, ByBytes, hasher, DefaultLifecycle::default());
        Self { cache, generations: (0..GENERATIONS).map(|_| Mutex::default()).collect() }
    }

    pub(super) fn get(&self, key: KeyDigest) -> Option<Arc<Answer>> {
        self.cache.get(&key)
    }

    /// The number of removals so far, of this key and of those that share its counter.
    pub(super) fn generation(&self, key: KeyDigest) -> u64 {
        *self.lock(key)
    }

    /// Inserts an answer, unless its key was removed since `generation`.
    pub(super) fn insert(&self, key: KeyDigest, answer: Answer, generation: u64) {
        let current = self.lock(key);
        if *current == generation {
            self.cache.insert(key, Arc::new(answer));
        }
    }

    /// Removes the answer of a key, and forbids the insertions under way.
    pub(super) fn remove(&self, key: KeyDigest) {
        let mut current = self.lock(key);
        *current += 1;
        self.cache.remove(&key);
    }

    pub(super) fn records(&self) -> usize {
        self.cache.len()
    }

    pub(super) fn bytes(&self) -> usize {
        usize::try_from(self.cache.weight()).unwrap_or(usize::MAX)
    }

    fn lock(&self, key: KeyDigest) -> MutexGuard<'_, u64> {
        let &[first, second, ..] = key.as_bytes();
        let index = usize::from(u16::from_be_bytes([first, second])) % GENERATIONS;
        self.generations[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const _: () = assert!(size_of::<Answer>() + size_of::<KeyDigest>() + 128 <= OVERHEAD);
