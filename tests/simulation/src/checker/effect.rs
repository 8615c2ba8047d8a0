//! The effects: what is known about a record after an operation on it.

use idempotency_core::store::Release;

use super::spec::{At, Broken, Record, Spec, State};
use crate::history::{GivenBack, Micros};

impl Spec {
    pub(super) fn granted(
        &self,
        key: usize,
        owner: u64,
        fingerprint: Option<u64>,
        lease: Micros,
        fence: Option<u64>,
        at: At,
    ) -> Self {
        let before = &self.records[key];
        // A takeover cannot happen before the former lease can have run out.
        let floor = match before.state {
            State::Held { from, .. } => at.clock_floor.max(from),
            _ => at.clock_floor,
        };
        let record = Record {
            state: held(floor, lease, at),
            owner,
            fence: fence.unwrap_or(before.fence + 1),
            fence_is_known: fence.is_some(),
            attempts: before.attempts.saturating_add(1),
            took_over: matches!(before.state, State::Held { .. }),
            fingerprint: fingerprint.or(before.fingerprint),
        };
        self.with(key, record)
    }

    pub(super) fn renewed(&self, key: usize, fence: u64, lease: Micros, at: At) -> Self {
        self.with(
            key,
            Record { state: held(at.clock_floor, lease, at), ..self.records[key].with_fence(fence) },
        )
    }

    /// The mark rises in the same step, or has risen before where record and mark change in two steps.
    pub(super) fn completed(&self, key: usize, fence: u64, outcome: u64, at: At) -> Self {
        let record = Record { state: State::Completed { outcome }, ..self.records[key].with_fence(fence) };
        self.with(key, record).raised(at)
    }

    /// Whether a completion may come now: its mark must have been raised.
    pub(super) fn may_complete(&self, at: At) -> bool {
        !at.is_split || at.version <= self.mark
    }

    pub(super) fn raised(&self, at: At) -> Self {
        Self { mark: self.mark.max(at.version), ..*self }
    }

    pub(super) fn released(&self, key: usize, fence: u64, how: Release, at: At) -> Self {
        let record = self.records[key].with_fence(fence);
        let record = match (how, record.state) {
            (Release::Unstarted, _) => {
                Record { state: State::Released, attempts: record.attempts.saturating_sub(1), ..record }
            }
            // The lease ends now, unless it has ended already.
            (Release::Abandoned, State::Held { from, to }) => Record {
                state: State::Held {
                    from: from.min(at.clock_floor.saturating_sub(at.resolution)),
                    to: to.min(at.ceil.saturating_add(at.resolution)),
                },
                ..record
            },
            _ => Record { state: State::Released, ..record },
        };
        self.with(key, record)
    }

    /// The store itself undoes the grant. It reports no fence.
    pub(super) fn given_back(&self, key: usize, why: GivenBack, at: At) -> Self {
        let before = self.records[key];
        let how = if why == GivenBack::StaleTakeover { Release::Abandoned } else { Release::Unstarted };
        let mut record = self.released(key, before.fence, how, at).records[key];
        record.fence_is_known = before.fence_is_known;
        if why == GivenBack::StaleTakeover {
            (record.owner, record.attempts) = (Record::FREE.owner, before.attempts - 1);
        }
        self.with(key, record)
    }

    /// The lease passes to another owner within the same attempt.
    pub(super) fn adopted(&self, key: usize, owner: u64, fence: Option<u64>, lease: Micros, at: At) -> Self {
        let before = &self.records[key];
        let record = Record {
            state: held(at.clock_floor, lease, at),
            owner,
            fence: fence.unwrap_or(before.fence + 1),
            fence_is_known: fence.is_some(),
            ..*before
        };
        self.with(key, record)
    }

    pub(super) fn resolved(&self, key: usize, outcome: Option<u64>, at: At) -> Self {
        let state = outcome.map_or(State::Released, |outcome| State::Completed { outcome });
        let record = &self.records[key];
        let resolved = Record { state, fence: record.fence + 1, fence_is_known: false, ..*record };
        Self { mark: self.mark.max(outcome.and(at.version)), ..self.with(key, resolved) }
    }

    /// A lease was refused. That is right unless this lease surely holds the key.
    pub(super) fn lost(&self, key: usize, owner: u64, fence: u64) -> Result<Self, Broken> {
        let record = &self.records[key];
        let holds = record.fence_is_known && record.is_held_by(owner, fence);
        expect(!holds, *self, "a lease without a takeover is held, even when late")
    }

    pub(super) fn not_repeated(&self, key: usize, owner: u64, fence: u64) -> Result<Self, Broken> {
        let record = &self.records[key];
        let repeats = record.fence_is_known && record.was_granted_to(owner, fence);
        expect(!repeats, *self, "I5: a repeat has the same answer as the first request")
    }

    pub(super) fn seen_fence(&self, key: usize, fence: u64, broken: Broken) -> Result<Self, Broken> {
        let record = &self.records[key];
        if !record.has_fence(fence) {
            return Err(broken);
        }
        Ok(self.with(key, record.with_fence(fence)))
    }

    /// An answer reported how long the lease lasts, which narrows down its end.
    pub(super) fn seen_deadline(&self, key: usize, left: Micros, at: At) -> Result<Self, Broken> {
        let record = &self.records[key];
        let State::Held { from, to } = record.state else { return Err("unreachable: it is held") };
        let from = from.max(at.clock_floor.saturating_add(left).saturating_sub(at.resolution));
        let to = to.min(at.ceil.saturating_add(left).saturating_add(at.resolution));
        if from > to {
            return Err("I6: an answer reports the time that the lease has left");
        }
        Ok(self.with(key, Record { state: State::Held { from, to }, ..*record }))
    }

    pub(super) fn with(&self, key: usize, record: Record) -> Self {
        let mut next = *self;
        next.records[key] = record;
        next
    }
}

impl Record {
    pub(super) const FREE: Self = Self {
        state: State::Free,
        owner: 0,
        fence: 0,
        fence_is_known: true,
        attempts: 0,
        took_over: false,
        fingerprint: None,
    };

    pub(super) fn is_held_by(&self, owner: u64, fence: u64) -> bool {
        matches!(self.state, State::Held { .. }) && self.was_granted_to(owner, fence)
    }

    pub(super) fn is_completed(&self) -> bool {
        matches!(self.state, State::Completed { .. })
    }

    pub(super) fn was_granted_to(&self, owner: u64, fence: u64) -> bool {
        self.owner == owner && self.has_fence(fence)
    }

    pub(super) fn has_fence(&self, fence: u64) -> bool {
        if self.fence_is_known { fence == self.fence } else { fence >= self.fence }
    }

    pub(super) fn with_fence(&self, fence: u64) -> Self {
        Self { fence, fence_is_known: true, ..*self }
    }
}

fn held(floor: Micros, lease: Micros, at: At) -> State {
    State::Held {
        from: floor.saturating_add(lease).saturating_sub(at.resolution),
        to: at.ceil.saturating_add(lease).saturating_add(at.resolution),
    }
}

pub(super) fn expect(right: bool, next: Spec, broken: Broken) -> Result<Spec, Broken> {
    if right { Ok(next) } else { Err(broken) }
}
