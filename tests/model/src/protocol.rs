//! The protocol as the model drives it: the functions of the record. A mutant replaces one of them.

use std::fmt::Debug;
use std::time::Duration;

use idempotency_core::Version;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, Record, Release, Resolution, Transition,
};

/// The atomic steps of a store.
pub trait Protocol: Debug + Send + Sync + 'static {
    /// A claim on a readable record, or on none.
    fn claim(
        &self,
        record: Option<&Record>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        Record::claim(record, mark, claim, now, micros)
    }

    /// A renewal.
    fn renew(&self, record: &Record, lease: &Lease, duration: Duration, now: Duration) -> Transition<Hold> {
        record.renew(lease, duration, now)
    }

    /// A completion.
    fn complete(&self, record: &Record, completion: &Completion) -> Transition<Hold> {
        record.complete(completion, Duration::ZERO)
    }

    /// A release.
    fn release(&self, record: &Record, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        record.release(lease, release, now)
    }

    /// An adoption.
    fn adopt(
        &self,
        record: &Record,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
        now: Duration,
        micros: u64,
    ) -> Transition<Adopted> {
        record.adopt(lease, owner, duration, now, micros)
    }

    /// A resolution by an operator.
    fn resolve(&self, record: &Record, resolution: &Resolution, now: Duration) -> Transition<bool> {
        record.resolve(resolution, now, Duration::ZERO, Duration::ZERO)
    }

    /// The time until which a record in flight is kept. Each store sets this apart from the record's transition.
    fn kept_in_flight(&self, deadline: Duration, retention: Duration) -> Duration {
        deadline + retention
    }

    /// The resource's mark after a completion. Each store sets this apart from the record's transition.
    fn raise(&self, mark: Option<Version>, completed: Version) -> Version {
        mark.map_or(completed, |mark| mark.max(completed))
    }

    /// Where record and mark change in two steps: whether a claim reads the mark after the grant rather than before.
    fn looks_after_grant(&self) -> bool {
        true
    }

    /// Where record and mark change in two steps: whether a completion raises the mark before it completes the record.
    fn raises_before_completion(&self) -> bool {
        true
    }

    /// Where record and mark change in two steps: whether a holder that lost its lease before its handler ran still
    /// raises the mark.
    fn loser_raises(&self) -> bool {
        false
    }

    /// Whether a claim reads and writes in one step.
    fn claims_in_one_step(&self) -> bool {
        true
    }

    /// Whether a waiter that times out deletes the record.
    fn waiter_deletes(&self) -> bool {
        false
    }

    /// Whether an unreadable record counts as free.
    fn unreadable_is_free(&self) -> bool {
        false
    }
}

/// The protocol without a mistake.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "it holds nothing")]
pub struct Faithful;

impl Protocol for Faithful {}
