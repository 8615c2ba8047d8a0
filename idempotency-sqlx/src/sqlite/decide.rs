//! Decisions: what each operation answers and writes, given the row and the mark. Nothing here waits.

use std::time::Duration;

use idempotency_core::KeyDigest;
use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, Record, Release, Resolution, ResourceDigest,
    State, Transition,
};

use super::found::{Current, Found};
use crate::row::{IN_FLIGHT, Row, duration};

/// The answer to an operation, and the row to write if the record changes.
pub(super) struct Decision<A> {
    pub(super) answer: A,
    pub(super) write: Option<Write>,
}

/// A new row, and the record that it holds.
pub(super) struct Write {
    pub(super) record: Record,
    pub(super) row: Row,
}

/// An operation on the record of one key.
pub(super) trait Operation: Sync {
    type Answer: Send;

    fn digest(&self) -> KeyDigest;

    /// The resource whose mark decides as well.
    fn resource(&self) -> Option<ResourceDigest> {
        None
    }

    /// Decides at `now`, microseconds since 1970.
    fn decide(&self, found: &Found, now: i64) -> Decision<Self::Answer>;
}

impl<A> Decision<A> {
    fn keep(answer: A) -> Self {
        Self { answer, write: None }
    }

    fn new(transition: Transition<A>, retention: Duration, now: i64) -> Self {
        let write = transition.write.map(|record| Write { row: Row::new(&record, retention, now), record });
        Self { answer: transition.answer, write }
    }
}

/// Changes a record that exists and can be read. Otherwise answers `absent`. `change` gets the record, how long it is
/// kept, and the time.
fn change<A>(
    found: &Found,
    now: i64,
    absent: A,
    change: impl FnOnce(&Record, Duration, Duration) -> (Transition<A>, Duration),
) -> Decision<A> {
    let (Current::Readable(record), Some(row)) = (found.current(now), found.live(now)) else {
        return Decision::keep(absent);
    };
    let kept = match row.state {
        IN_FLIGHT => row.retention,
        _ => row.expires_at.saturating_sub(now),
    };
    let (transition, retention) = change(&record, duration(kept), duration(now));
    Decision::new(transition, retention, now)
}

fn micros(now: i64) -> u64 {
    u64::try_from(now).unwrap_or(0)
}

impl Operation for &Claim {
    type Answer = Claimed;

    fn digest(&self) -> KeyDigest {
        self.key.digest()
    }

    fn resource(&self) -> Option<ResourceDigest> {
        self.order.map(|order| order.resource)
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<Claimed> {
        let record = match found.current(now) {
            Current::Unreadable => return Decision::keep(Claimed::InDoubt),
            Current::Readable(record) => Some(record),
            Current::Absent => None,
        };
        // An expired record counts as absent, but its fence is known. The clock may have been set back since.
        let micros = micros(now.max(found.fence().saturating_add(1)));
        let mark = found.newest(now);
        let newest = mark.as_ref().ok().copied().flatten();
        let transition = Record::claim(record.as_deref(), newest, self, duration(now), micros);
        // A mark that cannot be read allows no grant.
        if mark.is_err() && transition.write.is_some() {
            return Decision::keep(Claimed::InDoubt);
        }
        Decision::new(transition, self.retention, now)
    }
}

/// A renewal of a lease.
pub(super) struct Renewal<'a> {
    pub(super) lease: &'a Lease,
    pub(super) duration: Duration,
}

impl Operation for Renewal<'_> {
    type Answer = Hold;

    fn digest(&self) -> KeyDigest {
        self.lease.key().digest()
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<Hold> {
        change(found, now, Hold::Lost, |record, kept, now| {
            (record.renew(self.lease, self.duration, now), kept)
        })
    }
}

impl Operation for &Completion {
    type Answer = Hold;

    fn digest(&self) -> KeyDigest {
        self.lease.key().digest()
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<Hold> {
        change(found, now, Hold::Lost, |record, _, now| (record.complete(self, now), self.retention))
    }
}

/// The end of a lease without an outcome.
pub(super) struct GivingUp<'a> {
    pub(super) lease: &'a Lease,
    pub(super) release: Release,
}

impl Operation for GivingUp<'_> {
    type Answer = Hold;

    fn digest(&self) -> KeyDigest {
        self.lease.key().digest()
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<Hold> {
        change(found, now, Hold::Lost, |record, kept, now| {
            let transition = record.release(self.lease, self.release, now);
            let kept = match &transition.write {
                Some(released) if released.state == State::Released => released.kept_after_release(kept),
                _ => kept,
            };
            (transition, kept)
        })
    }
}

/// The passing of a lease to a new owner.
pub(super) struct Adoption<'a> {
    pub(super) lease: &'a Lease,
    pub(super) owner: Owner,
    pub(super) duration: Duration,
}

impl Operation for Adoption<'_> {
    type Answer = Adopted;

    fn digest(&self) -> KeyDigest {
        self.lease.key().digest()
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<Adopted> {
        let micros = micros(now);
        change(found, now, Adopted::Lost, |record, kept, now| {
            (record.adopt(self.lease, self.owner, self.duration, now, micros), kept)
        })
    }
}

/// An operator's settlement of an abandoned key.
pub(super) struct Settlement<'a> {
    pub(super) digest: KeyDigest,
    pub(super) resolution: &'a Resolution,
}

impl Operation for Settlement<'_> {
    type Answer = bool;

    fn digest(&self) -> KeyDigest {
        self.digest
    }

    fn decide(&self, found: &Found, now: i64) -> Decision<bool> {
        change(found, now, false, |record, kept, now| (record.resolve(self.resolution, now, now, kept), kept))
    }
}
