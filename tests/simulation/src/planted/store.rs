//! `PlantedStore`: the protocol's table over two maps, with one bug.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::clock::Clock as _;
use idempotency_core::{
    Claim, Claimed, Fence, Hold, KeyDigest, Lease, OnExpired, Outcome, Owner, Record, RecordView, Resolution,
    ScopedKey, State, Store, StoreError, Transition, Version,
};

use super::Bug;
use crate::history::micros;
use crate::rng::Rng;
use crate::world::StoreClock;

/// How long a claim takes that reads, then writes.
const BETWEEN_READ_AND_WRITE: Duration = Duration::from_millis(2);

/// A store with one bug, or with none.
#[derive(Debug)]
pub struct PlantedStore {
    bug: Option<Bug>,
    clock: StoreClock,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    records: HashMap<KeyDigest, Record>,
    marks: HashMap<[u8; 32], Version>,
    /// What each key's record was before its latest change, and when that was.
    before: HashMap<KeyDigest, (Duration, Option<Record>)>,
    rng: Rng,
}

impl PlantedStore {
    /// A store with this bug.
    #[must_use]
    pub fn new(bug: Option<Bug>, seed: u64, clock: StoreClock) -> Self {
        let kept = Kept {
            records: HashMap::new(),
            marks: HashMap::new(),
            before: HashMap::new(),
            rng: Rng::new(seed, 7),
        };
        Self { bug, clock, kept: Mutex::new(kept) }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has(Bug::LostOnFailover) && kept.rng.chance(3) {
            let lost: Vec<_> = kept.before.drain().collect();
            for (key, (_, record)) in lost {
                kept.restore(key, record);
            }
        }
        kept
    }

    /// What a worker's clock shows: half a second before or after the store's.
    fn now_of(&self, owner: Owner) -> Duration {
        let now = self.clock.now();
        match owner.as_bytes()[15] % 3 {
            _ if !self.has(Bug::SkewedDeadlines) => now,
            0 => now + Duration::from_millis(500),
            1 => now - Duration::from_millis(500),
            _ => now,
        }
    }

    fn current(&self, kept: &Kept, claim: &Claim) -> Option<Record> {
        let digest = claim.key.digest();
        let mut current = kept.records.get(&digest).cloned();
        if self.has(Bug::ReadThenWrite)
            && let Some((changed, before)) = kept.before.get(&digest)
            && self.clock.now().saturating_sub(*changed) < BETWEEN_READ_AND_WRITE
        {
            current.clone_from(before);
        }
        let record = current.as_mut()?;
        let is_holder = record.owner == claim.owner;
        match (&record.state, self.bug) {
            (State::InFlight { .. }, Some(Bug::ClaimNotRepeatable)) if is_holder => {
                record.owner = Owner::from_bytes([0; 16]);
            }
            (State::InFlight { .. }, Some(Bug::LeaseNeverEnds)) => {
                record.state = State::InFlight { deadline: Duration::MAX };
            }
            (State::Released, Some(Bug::FenceReset)) => record.fence = Fence::NONE,
            (State::Released, Some(Bug::LateClaimRevives)) if is_holder => {
                record.state = State::InFlight { deadline: self.clock.now() + claim.lease };
            }
            _ => {}
        }
        if self.has(Bug::MismatchIsFree) && record.fingerprint != claim.fingerprint {
            return None;
        }
        current
    }
}

impl Kept {
    fn restore(&mut self, key: KeyDigest, record: Option<Record>) {
        match record {
            Some(record) => drop(self.records.insert(key, record)),
            None => drop(self.records.remove(&key)),
        }
    }

    fn write<A>(&mut self, key: KeyDigest, now: Duration, transition: Transition<A>) -> A {
        if let Some(record) = transition.write {
            let before = self.records.insert(key, record);
            self.before.insert(key, (now, before));
        }
        transition.answer
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for PlantedStore {
    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut kept = self.kept();
        let (digest, now) = (claim.key.digest(), self.now_of(claim.owner));
        let current = self.current(&kept, claim);
        let mut mark =
            claim.order.as_ref().and_then(|order| kept.marks.get(order.resource().digest()).copied());
        let is_takeover = matches!(&current, Some(Record { state: State::InFlight { .. }, .. }));
        if self.has(Bug::StaleUnchecked) && is_takeover {
            mark = None;
        }
        let mut claim = claim.clone();
        if self.has(Bug::InDoubtReruns) {
            claim.on_expired = OnExpired::Rerun;
        }
        let seconds = match self.bug {
            Some(Bug::FenceReset) => 0,
            _ => micros(self.clock.unix_time()),
        };
        let transition = Record::claim(current.as_ref(), mark, &claim, now, seconds);
        if self.has(Bug::LateClaimRevives)
            && let (Some(record), Claimed::Granted { fence, .. }) = (current, &transition.answer)
            && record.fence == *fence
        {
            kept.records.insert(digest, record);
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn renew(&self, lease: &Lease, duration: Duration) -> Result<Hold, StoreError> {
        let mut kept = self.kept();
        let digest = lease.key().digest();
        let Some(record) = kept.records.get_mut(&digest) else { return Ok(Hold::Lost) };
        if self.has(Bug::RenewResurrects) && record.owner == lease.owner() && record.state == State::Released
        {
            record.state = State::InFlight { deadline: Duration::ZERO };
        }
        let mut transition = record.renew(lease, duration, self.now_of(lease.owner()));
        if self.has(Bug::RenewalForgotten) {
            transition.write = None;
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn complete(&self, lease: &Lease, outcome: &Outcome, _: Duration) -> Result<Hold, StoreError> {
        let mut kept = self.kept();
        let digest = lease.key().digest();
        let Some(mut record) = kept.records.get(&digest).cloned() else { return Ok(Hold::Lost) };
        let is_owner = record.owner == lease.owner();
        match (&record.state, self.bug) {
            (State::Released, Some(Bug::CompleteAfterRelease)) if is_owner => {
                record.state = State::InFlight { deadline: Duration::ZERO };
            }
            (State::InFlight { .. }, Some(Bug::CompleteWithoutFence)) => {
                (record.owner, record.fence) = (lease.owner(), lease.fence());
            }
            (State::Completed(_), Some(Bug::CompleteOverwrites)) => {
                (record.owner, record.fence) = (lease.owner(), lease.fence());
                record.state = State::InFlight { deadline: Duration::ZERO };
            }
            (State::Completed(_), Some(Bug::RepeatedCompletionReplaces)) if is_owner => {
                record.state = State::InFlight { deadline: Duration::ZERO };
            }
            _ => {}
        }
        let transition = record.complete(lease, outcome);
        if let (Some(order), true) = (lease.order(), transition.write.is_some()) {
            let mark = kept.marks.entry(*order.resource().digest()).or_insert_with(|| order.version());
            *mark = if self.has(Bug::MarkLowered) { order.version() } else { order.version().max(*mark) };
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn release(&self, lease: &Lease) -> Result<Hold, StoreError> {
        let mut kept = self.kept();
        let digest = lease.key().digest();
        let Some(mut record) = kept.records.get(&digest).cloned() else { return Ok(Hold::Lost) };
        if self.has(Bug::ReleaseWithoutOwner) {
            (record.owner, record.fence) = (lease.owner(), lease.fence());
        }
        let transition = record.release(lease);
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn settled(&self, _: &ScopedKey, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, key: &ScopedKey) -> Result<Option<RecordView>, StoreError> {
        let view = |record| RecordView::new(record, self.clock.now(), Duration::MAX);
        Ok(self.kept().records.get(&key.digest()).map(view))
    }

    async fn forget(&self, key: &ScopedKey) -> Result<bool, StoreError> {
        Ok(self.kept().records.remove(&key.digest()).is_some())
    }

    async fn resolve(&self, key: &ScopedKey, resolution: &Resolution) -> Result<bool, StoreError> {
        let (mut kept, digest) = (self.kept(), key.digest());
        let Some(record) = kept.records.get(&digest) else { return Ok(false) };
        let transition = record.resolve(resolution, self.clock.now());
        if let (Some(record), Some(resource)) = (&transition.write, key.resource_digest())
            && let (State::Completed(_), Some(version)) = (&record.state, record.version)
        {
            let mark = kept.marks.entry(*resource).or_insert(version);
            *mark = version.max(*mark);
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }
}
