//! The protocol with mistakes: one mistake in each type.

use std::time::Duration;

use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Grant, Hold, Lease, Owner, Record, Release, Resolution, State,
    Transition,
};
use idempotency_core::{Fence, Version};

use crate::protocol::Protocol;

/// Releases a lease without comparing the owner.
#[derive(Debug)]
pub(crate) struct ReleaseByAnybody;

impl Protocol for ReleaseByAnybody {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        record.release(&forged(lease, record.owner, record.fence), release, now)
    }
}

/// Compares the owner alone. Only a late copy of a claim that is granted again reveals it.
#[derive(Debug)]
pub(crate) struct CompleteUnfenced;

impl Protocol for CompleteUnfenced {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        complete_as(record, completion, completion.lease.owner(), record.fence)
    }
}

/// Resets the fence with every takeover.
#[derive(Debug)]
pub(crate) struct FenceReset;

impl Protocol for FenceReset {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let mut transition = Record::claim(record, mark, claim, now, micros);
        if let (Some(write), Claimed::Granted(grant)) = (&mut transition.write, &mut transition.answer) {
            grant.fence = Fence::new(1);
            write.fence = grant.fence;
        }
        transition
    }
}

/// Renews a completed or released record.
#[derive(Debug)]
pub(crate) struct RenewResurrects;

impl Protocol for RenewResurrects {
    fn renew(&self, record: &Record, lease: &Lease, duration: Duration, now: Duration) -> Transition<Hold> {
        in_flight(record, now).renew(lease, duration, now)
    }
}

/// Reads in one step and writes in another.
#[derive(Debug)]
pub(crate) struct LookThenSet;

impl Protocol for LookThenSet {
    fn claims_in_one_step(&self) -> bool {
        false
    }
}

/// Answers in flight to an owner that repeats its claim.
#[derive(Debug)]
pub(crate) struct ClaimOnce;

impl Protocol for ClaimOnce {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let mut rival = claim.clone();
        rival.owner = Owner::from_bytes([0; 16]);
        let mut transition = Record::claim(record, mark, &rival, now, micros);
        if let Some(write) = &mut transition.write {
            write.owner = claim.owner;
        }
        transition
    }
}

/// Completes a completed record again.
#[derive(Debug)]
pub(crate) struct Overwrite;

impl Protocol for Overwrite {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        if !matches!(record.state, State::Completed { .. }) {
            return record.complete(completion, Duration::ZERO);
        }
        complete_as(&in_flight(record, Duration::ZERO), completion, record.owner, record.fence)
    }
}

/// Ignores the deadline.
#[derive(Debug)]
pub(crate) struct TakeoverOfLive;

impl Protocol for TakeoverOfLive {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let record = record.map(|record| with_deadline(record, now));
        Record::claim(record.as_ref(), mark, claim, now, micros)
    }
}

/// Sets the mark to the last completion's version, even if that is older.
#[derive(Debug)]
pub(crate) struct MarkLowered;

impl Protocol for MarkLowered {
    fn raise(&self, _: Option<Version>, completed: Version) -> Version {
        completed
    }
}

/// Deletes the holder's record when a waiter times out.
#[derive(Debug)]
pub(crate) struct WaiterDeletes;

impl Protocol for WaiterDeletes {
    fn waiter_deletes(&self) -> bool {
        true
    }
}

/// Never lets a lease run out.
#[derive(Debug)]
pub(crate) struct LeaseWithoutEnd;

impl Protocol for LeaseWithoutEnd {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let record = record.map(|record| with_deadline(record, now + claim.lease));
        Record::claim(record.as_ref(), mark, claim, now, micros)
    }
}

/// Treats an unreadable record as free.
#[derive(Debug)]
pub(crate) struct UnreadableIsFree;

impl Protocol for UnreadableIsFree {
    fn unreadable_is_free(&self) -> bool {
        true
    }
}

/// Replaces the fingerprint with that of the last claim, even if it has none.
#[derive(Debug)]
pub(crate) struct FingerprintLost;

impl Protocol for FingerprintLost {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let mut transition = Record::claim(record, mark, claim, now, micros);
        if let Some(write) = &mut transition.write {
            write.fingerprint = claim.fingerprint;
        }
        transition
    }
}

/// Completes the record, then raises the mark.
#[derive(Debug)]
pub(crate) struct RaisedAfter;

impl Protocol for RaisedAfter {
    fn raises_before_completion(&self) -> bool {
        false
    }
}

/// Reads the mark before the grant and not after it.
#[derive(Debug)]
pub(crate) struct NoSecondLook;

impl Protocol for NoSecondLook {
    fn looks_after_grant(&self) -> bool {
        false
    }
}

/// Raises the mark for a handler that never ran because its lease was lost.
#[derive(Debug)]
pub(crate) struct LoserRaises;

impl Protocol for LoserRaises {
    fn loser_raises(&self) -> bool {
        true
    }
}

/// Adopts a lease without comparing the owner.
#[derive(Debug)]
pub(crate) struct AdoptedTwice;

impl Protocol for AdoptedTwice {
    fn adopt(
        &self,
        record: &Record,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
        now: Duration,
        micros: u64,
    ) -> Transition<Adopted> {
        if record.owner == owner {
            return record.adopt(lease, owner, duration, now, micros);
        }
        record.adopt(&forged(lease, record.owner, record.fence), owner, duration, now, micros)
    }
}

/// Keeps the fence on adoption.
#[derive(Debug)]
pub(crate) struct AdoptKeepsFence;

impl Protocol for AdoptKeepsFence {
    fn adopt(
        &self,
        record: &Record,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
        now: Duration,
        micros: u64,
    ) -> Transition<Adopted> {
        let mut transition = record.adopt(lease, owner, duration, now, micros);
        if let Some(write) = &mut transition.write {
            write.fence = record.fence;
            transition.answer = Adopted::Granted(Grant::new(write.fence, write.attempts));
        }
        transition
    }
}

/// Lets the former holder complete with its older fence.
#[derive(Debug)]
pub(crate) struct AdoptedCompletes;

impl Protocol for AdoptedCompletes {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        complete_as(record, completion, record.owner, record.fence)
    }
}

/// Counts an attempt whose handler never started.
#[derive(Debug)]
pub(crate) struct UnstartedCounts;

impl Protocol for UnstartedCounts {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        let release = if release == Release::Unstarted { Release::Failed } else { release };
        record.release(lease, release, now)
    }
}

/// Frees a key that its holder left in doubt.
#[derive(Debug)]
pub(crate) struct AbandonedIsFree;

impl Protocol for AbandonedIsFree {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        let release = if release == Release::Abandoned { Release::Failed } else { release };
        record.release(lease, release, now)
    }
}

/// Drops a record in flight when its lease ends.
#[derive(Debug)]
pub(crate) struct GoneWithLease;

impl Protocol for GoneWithLease {
    fn kept_in_flight(&self, deadline: Duration, _: Duration) -> Duration {
        deadline
    }
}

/// Resolves a record without revoking the holder's lease.
#[derive(Debug)]
pub(crate) struct ResolveKeepsFence;

impl Protocol for ResolveKeepsFence {
    fn resolve(&self, record: &Record, resolution: &Resolution, now: Duration) -> Transition<bool> {
        let mut transition = record.resolve(resolution, now, Duration::ZERO, Duration::ZERO);
        if let Some(write) = &mut transition.write {
            write.fence = record.fence;
        }
        transition
    }
}

fn forged(lease: &Lease, owner: Owner, fence: Fence) -> Lease {
    Lease::new(lease.key().clone(), lease.order(), owner, fence)
}

fn complete_as(record: &Record, completion: &Completion, owner: Owner, fence: Fence) -> Transition<Hold> {
    let mut completion = completion.clone();
    completion.lease = forged(&completion.lease, owner, fence);
    record.complete(&completion, Duration::ZERO)
}

fn in_flight(record: &Record, deadline: Duration) -> Record {
    let mut record = record.clone();
    record.state = State::InFlight { deadline };
    record
}

/// The record with another deadline, if it has one.
fn with_deadline(record: &Record, deadline: Duration) -> Record {
    match record.state {
        State::InFlight { .. } => in_flight(record, deadline),
        State::Released | State::Completed { .. } => record.clone(),
    }
}
