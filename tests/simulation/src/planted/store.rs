//! `PlantedStore`: the protocol's table over two maps, with one bug.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use idempotency_core::clock::Clock as _;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Filter, Grant, Hold, Lease, Listing, Owner, Page, Record,
    RecordView, Release, Resolution, ResourceDigest, ScopedOrder, State, Store, Transition,
};
use idempotency_core::{Fence, KeyDigest, Namespace, OnExpired, StoreError, Version};

use super::Bug;
use crate::history::micros;
use crate::rng::Rng;
use crate::split::{Server, Split};
use crate::world::StoreClock;

/// The time between the read and the write of a claim with that bug.
const BETWEEN_READ_AND_WRITE: Duration = Duration::from_millis(2);

/// A store with one bug, or with none.
#[derive(Debug)]
pub struct PlantedStore {
    bug: Option<Bug>,
    /// Whether the client changes record and mark in two steps.
    is_split: bool,
    namespace: Namespace,
    clock: StoreClock,
    kept: Mutex<Kept>,
}

#[derive(Debug)]
struct Kept {
    records: HashMap<KeyDigest, Record>,
    marks: HashMap<ResourceDigest, Version>,
    /// The holder of each key before its last adoption.
    former: HashMap<KeyDigest, (Owner, Fence)>,
    /// Each key's record before its latest change, and the time of that change.
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
            former: HashMap::new(),
            before: HashMap::new(),
            rng: Rng::new(seed, 7),
        };
        let namespace = Namespace::default();
        Self { bug, is_split: false, namespace, clock, kept: Mutex::new(kept) }
    }

    /// Leaves the marks to the client: claims and completions use the record alone.
    #[must_use]
    pub fn split_up(mut self) -> Self {
        self.is_split = true;
        self
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

    /// A worker's clock: half a second behind or ahead of the store's.
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
            (State::InFlight { deadline }, Some(Bug::GoneWithLease)) if *deadline <= self.clock.now() => {
                return None;
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

impl Server for PlantedStore {
    fn split(&self) -> Option<Split> {
        self.is_split.then_some(Split { bug: self.bug })
    }

    fn raise(&self, order: ScopedOrder) {
        self.kept().raise(order);
    }
}

impl Kept {
    fn raise(&mut self, order: ScopedOrder) {
        let mark = self.marks.entry(order.resource).or_insert(order.version);
        *mark = order.version.max(*mark);
    }

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
impl Store for PlantedStore {
    fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, StoreError> {
        let mut kept = self.kept();
        let (digest, now) = (claim.key.digest(), self.now_of(claim.owner));
        let current = self.current(&kept, claim);
        let mut mark = claim.order.and_then(|order| kept.marks.get(&order.resource).copied());
        let is_takeover = matches!(&current, Some(Record { state: State::InFlight { .. }, .. }));
        if self.is_split || self.has(Bug::StaleUnchecked) && is_takeover {
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
            && let (Some(record), Claimed::Granted(grant)) = (current, &transition.answer)
            && record.fence == grant.fence
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

    async fn complete(&self, completion: &Completion) -> Result<Hold, StoreError> {
        let mut kept = self.kept();
        let lease = &completion.lease;
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
            (State::InFlight { .. }, Some(Bug::AdoptedStillCompletes))
                if kept.former.get(&digest) == Some(&(lease.owner(), lease.fence())) =>
            {
                (record.owner, record.fence) = (lease.owner(), lease.fence());
            }
            (State::Completed { .. }, Some(Bug::CompleteOverwrites)) => {
                (record.owner, record.fence) = (lease.owner(), lease.fence());
                record.state = State::InFlight { deadline: Duration::ZERO };
            }
            (State::Completed { .. }, Some(Bug::RepeatedCompletionReplaces)) if is_owner => {
                record.state = State::InFlight { deadline: Duration::ZERO };
            }
            _ => {}
        }
        let transition = record.complete(completion, self.clock.unix_time());
        if let (Some(order), true, false) = (lease.order(), transition.write.is_some(), self.is_split) {
            if self.has(Bug::MarkLowered) {
                kept.marks.remove(&order.resource);
            }
            kept.raise(order);
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn release(&self, lease: &Lease, release: Release) -> Result<Hold, StoreError> {
        let mut kept = self.kept();
        let digest = lease.key().digest();
        let Some(mut record) = kept.records.get(&digest).cloned() else { return Ok(Hold::Lost) };
        if self.has(Bug::ReleaseWithoutOwner) {
            (record.owner, record.fence) = (lease.owner(), lease.fence());
        }
        let release = match (release, self.bug) {
            (Release::Unstarted, Some(Bug::UnstartedCounts)) => Release::Failed,
            (Release::Abandoned, Some(Bug::AbandonedIsFree)) => Release::Failed,
            _ => release,
        };
        let transition = record.release(lease, release, self.now_of(lease.owner()));
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn adopt(&self, lease: &Lease, owner: Owner, duration: Duration) -> Result<Adopted, StoreError> {
        let mut kept = self.kept();
        let digest = lease.key().digest();
        let Some(mut record) = kept.records.get(&digest).cloned() else { return Ok(Adopted::Lost) };
        let held = (lease.owner(), lease.fence());
        let fence = record.fence;
        if self.has(Bug::AdoptedTwice) && kept.former.get(&digest) == Some(&held) {
            (record.owner, record.fence) = held;
        }
        let mut transition =
            record.adopt(lease, owner, duration, self.now_of(owner), micros(self.clock.unix_time()));
        if let Some(adopted) = &mut transition.write {
            adopted.fence =
                if self.has(Bug::AdoptKeepsFence) { fence } else { adopted.fence.max(fence.next(0)) };
            transition.answer = Adopted::Granted(Grant::new(adopted.fence, adopted.attempts));
            kept.former.insert(digest, held);
        }
        Ok(kept.write(digest, self.clock.now(), transition))
    }

    async fn newest(&self, resource: ResourceDigest) -> Result<Option<Version>, StoreError> {
        Ok(self.kept().marks.get(&resource).copied())
    }

    async fn wait_for_change(&self, _: KeyDigest, _: Duration) -> Result<(), StoreError> {
        Ok(())
    }

    async fn load(&self, key: KeyDigest) -> Result<Option<RecordView>, StoreError> {
        let view = |record| RecordView::new(key, record, self.clock.now(), Duration::MAX);
        Ok(self.kept().records.get(&key).map(view))
    }

    async fn forget(&self, key: KeyDigest) -> Result<bool, StoreError> {
        Ok(self.kept().records.remove(&key).is_some())
    }

    async fn resolve(&self, key: KeyDigest, resolution: &Resolution) -> Result<bool, StoreError> {
        let mut kept = self.kept();
        let Some(record) = kept.records.get(&key) else { return Ok(false) };
        let transition = record.resolve(resolution, self.clock.now(), self.clock.unix_time(), Duration::MAX);
        if let Some(record) = &transition.write
            && let (State::Completed { .. }, Some(order), false) =
                (&record.state, record.order, self.is_split)
        {
            kept.raise(order);
        }
        Ok(kept.write(key, self.clock.now(), transition))
    }

    async fn list(&self, _: &Filter, _: &Page) -> Result<Listing, StoreError> {
        Ok(Listing::new(Vec::new(), None))
    }
}
