//! The witness: sees all answers of the store, and notes those that break its contract.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::runtime::CrashClock;
use crate::clock::Clock as _;
use crate::store::{Adopted, Claim, Claimed, Completion, Hold, Lease, Owner};
use crate::{Fence, KeyDigest, Outcome, StoreError};

#[derive(Debug)]
pub(super) struct Witness {
    clock: CrashClock,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    keys: HashMap<KeyDigest, Seen>,
    /// The outcome of each completed key. If a recorder wrote it, it is first seen when it is replayed.
    outcomes: HashMap<KeyDigest, Outcome>,
    grants: usize,
    is_in_doubt: bool,
    broken: Vec<&'static str>,
}

/// The last grant of a key.
#[derive(Debug)]
struct Seen {
    lease: Lease,
    state: SeenState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum SeenState {
    Held { until: Duration },
    Free,
    Completed,
}

impl Witness {
    pub(super) fn new(clock: CrashClock) -> Self {
        Self { clock, notes: Mutex::default() }
    }

    /// The number of claims that were granted, without repeats by the same owner.
    pub(super) fn grants(&self) -> usize {
        self.notes().grants
    }

    /// Whether the last claim was answered "in doubt".
    pub(super) fn is_in_doubt(&self) -> bool {
        self.notes().is_in_doubt
    }

    /// The rules that the store broke.
    pub(super) fn broken(&self) -> Vec<&'static str> {
        self.notes().broken.clone()
    }

    /// Counts all leases as run out, and returns them.
    pub(super) fn expire(&self) -> Vec<Lease> {
        let mut notes = self.notes();
        let held = |seen: &&mut Seen| matches!(seen.state, SeenState::Held { .. });
        let expired = notes.keys.values_mut().filter(held).map(|seen| {
            seen.state = SeenState::Free;
            seen.lease.clone()
        });
        expired.collect()
    }

    pub(super) fn claimed(&self, claim: &Claim, answer: &Result<Claimed, StoreError>) {
        let (mut notes, now) = (self.notes(), self.clock.now());
        notes.is_in_doubt = matches!(answer, Ok(Claimed::InDoubt));
        if let Ok(Claimed::Completed(completed)) = answer {
            notes.answered(claim.key.digest(), &completed.outcome);
        }
        let Ok(Claimed::Granted(grant)) = answer else { return };
        let lease = claim.granted(grant.fence);
        if notes.keys.get(&claim.key.digest()).is_some_and(|seen| seen.lease == lease) {
            return;
        }
        notes.grants += 1;
        notes.granted(lease, now, claim.lease);
    }

    pub(super) fn renewed(&self, lease: &Lease, duration: Duration, answer: &Result<Hold, StoreError>) {
        let until = self.clock.now() + duration;
        self.changed(lease, answer, SeenState::Held { until });
    }

    pub(super) fn completed(&self, completion: &Completion, answer: &Result<Hold, StoreError>) {
        let lease = &completion.lease;
        self.changed(lease, answer, SeenState::Completed);
        if matches!(answer, Ok(Hold::Held)) {
            self.notes().answered(lease.key().digest(), &completion.outcome);
        }
    }

    pub(super) fn released(&self, lease: &Lease, answer: &Result<Hold, StoreError>) {
        self.changed(lease, answer, SeenState::Free);
    }

    pub(super) fn adopted(
        &self,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
        answer: &Result<Adopted, StoreError>,
    ) {
        let Ok(Adopted::Granted(grant)) = answer else { return };
        let adopted = Lease::new(lease.key().clone(), lease.order(), owner, grant.fence);
        let (mut notes, now) = (self.notes(), self.clock.now());
        match notes.keys.get_mut(&lease.key().digest()) {
            Some(seen) if seen.lease == adopted => return,
            Some(seen) if seen.lease == *lease => seen.state = SeenState::Free,
            _ => {}
        }
        notes.granted(adopted, now, duration);
    }

    /// An operator deleted or settled the record.
    pub(super) fn forgotten(&self, key: KeyDigest) {
        let mut notes = self.notes();
        notes.keys.remove(&key);
        notes.outcomes.remove(&key);
    }

    fn changed(&self, lease: &Lease, answer: &Result<Hold, StoreError>, state: SeenState) {
        if !matches!(answer, Ok(Hold::Held)) {
            return;
        }
        let mut notes = self.notes();
        match notes.keys.get_mut(&lease.key().digest()) {
            Some(seen) if seen.lease == *lease => seen.state = state,
            Some(_) => notes.broken.push("the store changed a record for a lease that was taken over"),
            None => {}
        }
    }

    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Notes {
    fn answered(&mut self, key: KeyDigest, outcome: &Outcome) {
        if self.outcomes.entry(key).or_insert_with(|| outcome.clone()) != outcome {
            self.broken.push("the store answered with two outcomes for one key");
        }
    }

    fn granted(&mut self, lease: Lease, now: Duration, duration: Duration) {
        let key = lease.key().digest();
        let last = self.keys.get(&key);
        let (state, fence) =
            last.map_or((SeenState::Free, Fence::NONE), |seen| (seen.state, seen.lease.fence()));
        match state {
            SeenState::Held { until } if until > now => {
                self.broken.push("the store granted a key that was held");
            }
            SeenState::Completed => self.broken.push("the store granted a key that was completed"),
            SeenState::Held { .. } | SeenState::Free => {}
        }
        if lease.fence() <= fence {
            self.broken.push("the store granted a fence that had not grown");
        }
        self.keys.insert(key, Seen { lease, state: SeenState::Held { until: now + duration } });
    }
}
