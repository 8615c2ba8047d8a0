//! The protocol's table, as pure functions on records.

#[cfg(test)]
mod history;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{Parts, Record, State};
use crate::{
    Adopted, Claim, Claimed, Completion, Fence, Grant, Hold, Lease, OnExpired, Owner, Release, Resolution,
    Version,
};

/// The effect of an operation on a record: the answer, and the record to write if it changes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Transition<A> {
    /// The answer to the caller.
    pub answer: A,
    /// The new record. `None` if it stays as it is.
    pub write: Option<Record>,
}

impl<A> Transition<A> {
    fn keep(answer: A) -> Self {
        Self { answer, write: None }
    }

    fn write(answer: A, record: Record) -> Self {
        Self { answer, write: Some(record) }
    }
}

impl Record {
    /// Claims a key whose record is `current` and whose resource has the high-water mark `mark`.
    ///
    /// `now` is the time on the store's clock, and `micros` the microseconds since 1970 for the fence.
    pub fn claim(
        current: Option<&Self>,
        mark: Option<Version>,
        claim: &Claim,
        now: Duration,
        micros: u64,
    ) -> Transition<Claimed> {
        if let Some(record) = current
            && let Some(answer) = record.answer_without_grant(claim, now)
        {
            return Transition::keep(answer);
        }
        if let (Some(order), Some(newest)) = (claim.order, mark)
            && order.version < newest
        {
            return Transition::keep(Claimed::Stale { newest });
        }
        let fence = current.map_or(Fence::NONE, |record| record.fence).next(micros);
        let attempt = current.map_or(0, |record| record.attempts).saturating_add(1);
        let record = Self {
            state: State::InFlight { deadline: now.saturating_add(claim.lease) },
            owner: claim.owner,
            fence,
            attempts: attempt,
            fingerprint: claim.fingerprint.or_else(|| current.and_then(|record| record.fingerprint)),
            order: claim.order,
            parts: current.map_or_else(|| Parts::of(claim.label.clone()), |record| record.parts.clone()),
        };
        Transition::write(Claimed::Granted(Grant::new(fence, attempt)), record)
    }

    /// The answer to a claim if this record decides it. `None` if the claim may be granted.
    fn answer_without_grant(&self, claim: &Claim, now: Duration) -> Option<Claimed> {
        if let (Some(recorded), Some(claimed)) = (self.fingerprint, claim.fingerprint)
            && recorded != claimed
        {
            return Some(Claimed::Mismatch);
        }
        match &self.state {
            State::Completed { .. } => self.completed().map(Claimed::Completed),
            State::InFlight { .. } if self.owner == claim.owner => Some(Claimed::Granted(self.grant())),
            State::InFlight { deadline } if *deadline > now => {
                Some(Claimed::InFlight { retry_after: *deadline - now })
            }
            State::InFlight { .. } if claim.on_expired == OnExpired::InDoubt => Some(Claimed::InDoubt),
            // A late copy of a claim whose attempt has given up already. No caller waits for the answer.
            State::Released if self.owner == claim.owner => {
                Some(Claimed::InFlight { retry_after: Duration::ZERO })
            }
            State::InFlight { .. } | State::Released => None,
        }
    }

    /// Renews the lease, even after it expired if no other claim has taken over.
    pub fn renew(&self, lease: &Lease, duration: Duration, now: Duration) -> Transition<Hold> {
        if !self.is_held_by(lease) {
            return Transition::keep(Hold::Lost);
        }
        Transition::write(
            Hold::Held,
            self.in_state(State::InFlight { deadline: now.saturating_add(duration) }),
        )
    }

    /// Completes the record at `unix_now`, since 1970 on the store's clock, even after the lease expired if no other
    /// claim has taken over. A repeat changes nothing.
    pub fn complete(&self, completion: &Completion, unix_now: Duration) -> Transition<Hold> {
        let lease = &completion.lease;
        if self.is_held_by(lease) {
            let state = State::Completed {
                outcome: completion.outcome.clone(),
                at: unix_now,
                until: unix_now.saturating_add(completion.retention),
            };
            return Transition::write(Hold::Held, self.in_state(state));
        }
        let repeat = matches!(self.state, State::Completed { .. })
            && self.was_granted_to(lease.owner(), lease.fence());
        Transition::keep(if repeat { Hold::Held } else { Hold::Lost })
    }

    /// Releases the lease. Keeps the fence and the attempts, except an attempt that never started. A repeat changes
    /// nothing.
    pub fn release(&self, lease: &Lease, release: Release, now: Duration) -> Transition<Hold> {
        if self.is_held_by(lease) {
            let released = match release {
                Release::Failed => self.in_state(State::Released),
                Release::Unstarted => {
                    Self { attempts: self.attempts.saturating_sub(1), ..self.in_state(State::Released) }
                }
                Release::Abandoned if self.is_abandoned(now) => return Transition::keep(Hold::Held),
                Release::Abandoned => self.in_state(State::InFlight { deadline: now }),
            };
            return Transition::write(Hold::Held, released);
        }
        let repeat = self.state == State::Released && self.was_granted_to(lease.owner(), lease.fence());
        Transition::keep(if repeat { Hold::Held } else { Hold::Lost })
    }

    /// Passes the lease to a new owner, with a larger fence and the same attempt. A repeat by that owner changes
    /// nothing. An adoption of the same lease by another owner is lost.
    pub fn adopt(
        &self,
        lease: &Lease,
        owner: Owner,
        duration: Duration,
        now: Duration,
        micros: u64,
    ) -> Transition<Adopted> {
        if self.is_held_by(lease) {
            let state = State::InFlight { deadline: now.saturating_add(duration) };
            let adopted = Self { owner, fence: self.fence.next(micros), ..self.in_state(state) };
            return Transition::write(Adopted::Granted(adopted.grant()), adopted);
        }
        let repeat = matches!(self.state, State::InFlight { .. }) && self.owner == owner;
        Transition::keep(if repeat { Adopted::Granted(self.grant()) } else { Adopted::Lost })
    }

    /// Resolves a record whose lease has run out, at `unix_now` since 1970, and keeps it for `retention` from now.
    /// Answers whether there was such a record.
    ///
    /// The fence grows, so that the holder that abandoned the key has lost it. Its late completion must not pass for a
    /// repeat of the operator's.
    pub fn resolve(
        &self,
        resolution: &Resolution,
        now: Duration,
        unix_now: Duration,
        retention: Duration,
    ) -> Transition<bool> {
        if !self.is_abandoned(now) {
            return Transition::keep(false);
        }
        let state = match resolution {
            Resolution::Completed(outcome) => State::Completed {
                outcome: outcome.clone(),
                at: unix_now,
                until: unix_now.saturating_add(retention),
            },
            Resolution::Released => State::Released,
        };
        Transition::write(true, Self { fence: self.fence.next(0), ..self.in_state(state) })
    }

    /// Whether the lease has run out without a takeover.
    fn is_abandoned(&self, now: Duration) -> bool {
        matches!(self.state, State::InFlight { deadline } if deadline <= now)
    }

    fn is_held_by(&self, lease: &Lease) -> bool {
        matches!(self.state, State::InFlight { .. }) && self.was_granted_to(lease.owner(), lease.fence())
    }

    fn was_granted_to(&self, owner: Owner, fence: Fence) -> bool {
        self.owner == owner && self.fence == fence
    }

    fn in_state(&self, state: State) -> Self {
        Self { state, ..self.clone() }
    }
}
