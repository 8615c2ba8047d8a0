//! The mutants: the protocol with one mistake each, and the rule by which it is found.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::{
    Adopted, Claim, Claimed, Completion, Fence, Grant, Hold, Lease, Owner, Record, Release, Resolution,
    State, Transition, Version,
};

use crate::bounds::{Arrival, Bounds};
use crate::model::ClaimModel;
use crate::protocol::Protocol;
use crate::rule::Rule;
use crate::run::{Run, Search};

/// The protocol with one mistake.
#[derive(Debug)]
#[non_exhaustive]
pub struct Mutant {
    /// What is wrong with it.
    pub name: &'static str,
    /// The rule that it breaks.
    pub breaks: Rule,
    bounds: Bounds,
    protocol: Arc<dyn Protocol>,
}

impl Mutant {
    /// The shortest way to break the rule, within bounds that let the mistake be seen; `None` if there is none.
    #[must_use]
    pub fn shortest_counterexample(&self, limit: Duration) -> Option<Run> {
        let mut depth = 0;
        loop {
            depth += 1;
            let model = ClaimModel::new(self.bounds.clone(), Arc::clone(&self.protocol));
            let run = Search { rule: Some(self.breaks), depth: Some(depth), limit }.check(model);
            if run.counterexamples.contains_key(self.breaks.name()) {
                return Some(run);
            }
            if run.depth < depth {
                return None;
            }
        }
    }
}

/// All mutants.
#[must_use]
pub fn mutants() -> Vec<Mutant> {
    let one_key = |name| Bounds::new(name, 3, 4, 4, &[Arrival::of(0)]);
    let other = Arrival::of(0).with_fingerprint(1);
    let bodies = [Arrival::of(0), other, other.with_fingerprint(2)];
    let ordered = [Arrival::of(0).with_version(1), Arrival::of(1).with_version(2)];
    let split = |name| Bounds::new(name, 3, 3, 2, &ordered).split();
    let adopted = |name| Bounds::new(name, 3, 4, 2, &[Arrival::of(0)]).with_adoptions(2);
    let doubtful = [Arrival::of(0).in_doubt()];
    let released = |name| Bounds::new(name, 2, 3, 2, &doubtful).with_all_releases();
    let mutant = |bounds: Bounds, breaks, protocol: Arc<dyn Protocol>| Mutant {
        name: bounds.name,
        breaks,
        bounds,
        protocol,
    };
    vec![
        mutant(one_key("release without owner check"), Rule::I4, Arc::new(ReleaseByAnybody)),
        mutant(one_key("complete without fence check"), Rule::I4, Arc::new(CompleteUnfenced)),
        mutant(one_key("fence reset on takeover"), Rule::I1, Arc::new(FenceReset)),
        mutant(one_key("renew that resurrects"), Rule::I3, Arc::new(RenewResurrects)),
        mutant(one_key("claim that looks, then sets"), Rule::I1, Arc::new(LookThenSet)),
        mutant(one_key("claim not repeatable"), Rule::I5, Arc::new(ClaimOnce)),
        mutant(one_key("completed overwritten"), Rule::I2, Arc::new(Overwrite)),
        mutant(one_key("takeover of a live lease"), Rule::I1, Arc::new(TakeoverOfLive)),
        mutant(Bounds::new("mark lowered", 3, 3, 2, &ordered), Rule::I8, Arc::new(MarkLowered)),
        mutant(one_key("waiter that deletes"), Rule::I1, Arc::new(WaiterDeletes)),
        mutant(one_key("lease that never ends"), Rule::I6, Arc::new(LeaseWithoutEnd)),
        mutant(one_key("unreadable is free").with_corruptions(1), Rule::I7, Arc::new(UnreadableIsFree)),
        mutant(
            Bounds::new("takeover that loses the fingerprint", 3, 3, 2, &bodies),
            Rule::Mismatch,
            Arc::new(FingerprintLost),
        ),
        mutant(one_key("resolve keeps the fence").with_resolutions(1), Rule::I2, Arc::new(ResolveKeepsFence)),
        mutant(split("mark raised after the completion"), Rule::I8, Arc::new(RaisedAfter)),
        mutant(split("grant without a second look"), Rule::I8, Arc::new(NoSecondLook)),
        mutant(split("mark raised by a loser that never ran"), Rule::I8, Arc::new(LoserRaises)),
        mutant(adopted("second adoption granted"), Rule::I4, Arc::new(AdoptedTwice)),
        mutant(adopted("adoption keeps the fence"), Rule::I1, Arc::new(AdoptKeepsFence)),
        mutant(adopted("adopted holder still completes"), Rule::I4, Arc::new(AdoptedCompletes)),
        mutant(released("unstarted attempt counts"), Rule::Attempt, Arc::new(UnstartedCounts)),
        mutant(released("abandoned is free"), Rule::Doubt, Arc::new(AbandonedIsFree)),
        mutant(one_key("gone with its lease").with_retention(2), Rule::Attempt, Arc::new(GoneWithLease)),
    ]
}

/// Releases whoever's lease it is.
#[derive(Debug)]
struct ReleaseByAnybody;

impl Protocol for ReleaseByAnybody {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        record.release(&forged(lease, record.owner, record.fence), release, now)
    }
}

/// Checks the owner alone. It takes a late copy of a claim, granted anew, to be found out.
#[derive(Debug)]
struct CompleteUnfenced;

impl Protocol for CompleteUnfenced {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        complete_as(record, completion, completion.lease.owner(), record.fence)
    }
}

/// Starts anew with every takeover.
#[derive(Debug)]
struct FenceReset;

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

/// Renews what was completed or released.
#[derive(Debug)]
struct RenewResurrects;

impl Protocol for RenewResurrects {
    fn renew(&self, record: &Record, lease: &Lease, duration: Duration, now: Duration) -> Transition<Hold> {
        in_flight(record, now).renew(lease, duration, now)
    }
}

/// Reads in one step and writes in another.
#[derive(Debug)]
struct LookThenSet;

impl Protocol for LookThenSet {
    fn claims_in_one_step(&self) -> bool {
        false
    }
}

/// Tells an owner that repeats its claim that somebody holds the key.
#[derive(Debug)]
struct ClaimOnce;

impl Protocol for ClaimOnce {
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        let mut stranger = claim.clone();
        stranger.owner = Owner::from_bytes([0; 16]);
        let mut transition = Record::claim(record, mark, &stranger, now, micros);
        if let Some(write) = &mut transition.write {
            write.owner = claim.owner;
        }
        transition
    }
}

/// Completes what is completed already.
#[derive(Debug)]
struct Overwrite;

impl Protocol for Overwrite {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        if !matches!(record.state, State::Completed { .. }) {
            return record.complete(completion, Duration::ZERO);
        }
        complete_as(&in_flight(record, Duration::ZERO), completion, record.owner, record.fence)
    }
}

/// Does not look at the deadline.
#[derive(Debug)]
struct TakeoverOfLive;

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

/// Takes the last completion's version for the newest.
#[derive(Debug)]
struct MarkLowered;

impl Protocol for MarkLowered {
    fn raise(&self, _: Option<Version>, completed: Version) -> Version {
        completed
    }
}

/// Takes a key away from its holder when waiting has lasted too long.
#[derive(Debug)]
struct WaiterDeletes;

impl Protocol for WaiterDeletes {
    fn waiter_deletes(&self) -> bool {
        true
    }
}

/// Never lets a lease run out.
#[derive(Debug)]
struct LeaseWithoutEnd;

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

/// Takes what it cannot read for nothing.
#[derive(Debug)]
struct UnreadableIsFree;

impl Protocol for UnreadableIsFree {
    fn unreadable_is_free(&self) -> bool {
        true
    }
}

/// Keeps of the fingerprint only what the last claim said of it.
#[derive(Debug)]
struct FingerprintLost;

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
struct RaisedAfter;

impl Protocol for RaisedAfter {
    fn raises_before_completion(&self) -> bool {
        false
    }
}

/// Looks at the mark, then is granted, and does not look again.
#[derive(Debug)]
struct NoSecondLook;

impl Protocol for NoSecondLook {
    fn looks_after_grant(&self) -> bool {
        false
    }
}

/// Raises the mark for a handler that never ran, since the lease was lost before.
#[derive(Debug)]
struct LoserRaises;

impl Protocol for LoserRaises {
    fn loser_raises(&self) -> bool {
        true
    }
}

/// Adopts whoever's lease it is.
#[derive(Debug)]
struct AdoptedTwice;

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

/// Leaves the fence as it is.
#[derive(Debug)]
struct AdoptKeepsFence;

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

/// Lets an older fence complete.
#[derive(Debug)]
struct AdoptedCompletes;

impl Protocol for AdoptedCompletes {
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        complete_as(record, completion, record.owner, record.fence)
    }
}

/// Counts an attempt whose handler never started.
#[derive(Debug)]
struct UnstartedCounts;

impl Protocol for UnstartedCounts {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        let release = if release == Release::Unstarted { Release::Failed } else { release };
        record.release(lease, release, now)
    }
}

/// Frees a key that its holder left in doubt.
#[derive(Debug)]
struct AbandonedIsFree;

impl Protocol for AbandonedIsFree {
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        let release = if release == Release::Abandoned { Release::Failed } else { release };
        record.release(lease, release, now)
    }
}

/// Keeps a record in flight no longer than its lease.
#[derive(Debug)]
struct GoneWithLease;

impl Protocol for GoneWithLease {
    fn kept_in_flight(&self, deadline: Duration, _: Duration) -> Duration {
        deadline
    }
}

/// Leaves the holder that abandoned the key its lease.
#[derive(Debug)]
struct ResolveKeepsFence;

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

/// The record with another deadline, where it has one.
fn with_deadline(record: &Record, deadline: Duration) -> Record {
    match record.state {
        State::InFlight { .. } => in_flight(record, deadline),
        State::Released | State::Completed { .. } => record.clone(),
    }
}
