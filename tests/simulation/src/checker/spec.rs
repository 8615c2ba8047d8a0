//! The specification: the answers that a store may give after the operations so far.
//!
//! The instant at which an operation took effect is known only to lie between `floor` and `ceil`. So a lease has an
//! earliest and a latest possible end. Every answer that could be right is allowed: there are no false alarms, and an
//! overlap is missed only if it is shorter than the latency of one operation.

use super::effect::expect;
use crate::history::{Action, Answer, GivenBack, Micros, Seen};

/// What is known about the records of one resource.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Spec {
    pub(super) records: [Record; MAX_KEYS],
    /// The resource's high-water mark.
    pub(super) mark: Option<u64>,
}

/// The most keys that a history may have.
pub(super) const MAX_KEYS: usize = 3;

/// What is known about one record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) struct Record {
    pub(super) state: State,
    pub(super) owner: u64,
    /// The fence of the last grant, or its lower bound.
    pub(super) fence: u64,
    pub(super) fence_is_known: bool,
    pub(super) attempts: u32,
    /// Whether the last grant was a takeover.
    pub(super) took_over: bool,
    pub(super) fingerprint: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum State {
    Free,
    /// Held until some instant from `from` to `to`.
    Held {
        from: Micros,
        to: Micros,
    },
    Released,
    Completed {
        outcome: u64,
    },
}

/// The earliest and the latest end of each record's lease.
pub(super) type Deadlines = [(Micros, Micros); MAX_KEYS];

/// The interval in which an operation takes effect, the version of its key, and the resolution of the store's clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) floor: Micros,
    pub(super) ceil: Micros,
    /// The earliest instant at which the store may have read its clock.
    pub(super) clock_floor: Micros,
    pub(super) version: Option<u64>,
    pub(super) resolution: Micros,
    /// Whether record and mark change in two steps.
    pub(super) is_split: bool,
}

/// The rule that an answer breaks.
pub(super) type Broken = &'static str;

impl Spec {
    pub(super) const EMPTY: Self = Self { records: [Record::FREE; MAX_KEYS], mark: None };

    /// Separates the ends of leases from everything else that is known.
    pub(super) fn without_deadlines(mut self) -> (Self, Deadlines) {
        let mut deadlines = Deadlines::default();
        for (record, deadline) in self.records.iter_mut().zip(&mut deadlines) {
            if let State::Held { from, to } = &mut record.state {
                *deadline = (std::mem::take(from), std::mem::take(to));
            }
        }
        (self, deadlines)
    }

    /// What is known after this answer, or the rule that it breaks.
    pub(super) fn answered(
        &self,
        key: usize,
        action: &Action,
        answer: &Answer,
        at: At,
    ) -> Result<Self, Broken> {
        let record = &self.records[key];
        match *action {
            Action::Claim { owner, fingerprint, .. } => match self.grant(record, owner, fingerprint) {
                Path::Mismatch => expect(
                    matches!(answer, Answer::Mismatch),
                    *self,
                    "mismatch: another fingerprint is always a mismatch",
                ),
                // In two steps: granted on the record, then found to be stale. Another claim may have taken over or
                // completed in between. That does not matter, since nothing is granted.
                _ if at.is_split && self.is_answered_stale(answer, at) => Ok(*self),
                Path::Completed(outcome) => match *answer {
                    Answer::Completed { outcome: answered } => expect(
                        answered == outcome,
                        *self,
                        "I2: all completions of a key are one, bit for bit",
                    ),
                    _ => Err("I3: a completed key is answered with its outcome"),
                },
                Path::Repeat => match *answer {
                    Answer::Granted { .. } if at.is_split && self.is_stale(at) => {
                        Err("I8: no older version is granted after a newer one completed")
                    }
                    Answer::Granted { fence, attempt } if attempt == record.attempts => {
                        self.seen_fence(key, fence, "I5: a repeated claim is granted the same fence")
                    }
                    _ => Err("I5: a claim by the owner that holds the key is granted again"),
                },
                Path::Late => expect(
                    matches!(answer, Answer::InFlight { retry_after } if *retry_after <= at.resolution),
                    *self,
                    "I5: a late copy of a claim that was given up is not granted",
                ),
                Path::Expired => self.answered_while_held(key, action, answer, at),
                Path::Open => self.answered_grant(key, action, answer, at),
            },
            Action::Renew { owner, fence, lease } => match *answer {
                Answer::Held if record.is_held_by(owner, fence) => Ok(self.renewed(key, fence, lease, at)),
                Answer::Held => Err("I4: a lease that was superseded is not renewed"),
                Answer::Lost => self.lost(key, owner, fence),
                _ => Err("a renewal is held or lost"),
            },
            Action::Complete { owner, fence, outcome } => match *answer {
                Answer::Held if record.is_held_by(owner, fence) => expect(
                    self.may_complete(at),
                    self.completed(key, fence, outcome, at),
                    "I8: the mark is raised before the record says completed",
                ),
                Answer::Held if record.is_completed() && record.was_granted_to(owner, fence) => {
                    self.seen_fence(key, fence, "unreachable: the fence was compared")
                }
                Answer::Held => Err("I4: a lease that was superseded does not complete"),
                Answer::Lost if record.is_completed() => self.not_repeated(key, owner, fence),
                Answer::Lost => self.lost(key, owner, fence),
                _ => Err("a completion is held or lost"),
            },
            Action::Release { owner, fence, how } => match *answer {
                Answer::Held if record.is_held_by(owner, fence) => Ok(self.released(key, fence, how, at)),
                Answer::Held if record.state == State::Released && record.was_granted_to(owner, fence) => {
                    self.seen_fence(key, fence, "unreachable: the fence was compared")
                }
                Answer::Held => Err("I4: a lease that was superseded does not release"),
                Answer::Lost if record.state == State::Released => self.not_repeated(key, owner, fence),
                Answer::Lost => self.lost(key, owner, fence),
                _ => Err("a release is held or lost"),
            },
            Action::Adopt { owner, fence, adopter, lease } => match *answer {
                Answer::Granted { fence: granted, attempt } if record.is_held_by(owner, fence) => {
                    if granted <= fence {
                        Err("I1: an adoption has a larger fence than the adopted lease")
                    } else if attempt != record.attempts {
                        Err("an adoption keeps the attempt")
                    } else {
                        Ok(self.adopted(key, adopter, Some(granted), lease, at))
                    }
                }
                Answer::Granted { fence, attempt }
                    if record.is_held_by(adopter, fence) && attempt == record.attempts =>
                {
                    self.seen_fence(key, fence, "unreachable: the fence was compared")
                }
                Answer::Granted { .. } => {
                    Err("I4: a superseded lease is not adopted, and no lease is adopted twice")
                }
                Answer::Lost if record.owner == adopter && matches!(record.state, State::Held { .. }) => {
                    Err("I5: a repeated adoption is granted again")
                }
                Answer::Lost => self.lost(key, owner, fence),
                _ => Err("an adoption is granted or lost"),
            },
            Action::Raise { .. } | Action::GiveBack { .. } => {
                Err("unreachable: a separate step has no answer")
            }
            Action::Load => self.answered_look(key, answer, at),
            Action::Forget => expect(
                *answer == Answer::Done(record.state != State::Free),
                self.with(key, Record::FREE),
                "forgetting answers whether there was a record",
            ),
            Action::Resolve { outcome } => match (*answer, record.state) {
                (Answer::Done(true), State::Held { from, .. }) if at.ceil >= from => expect(
                    outcome.is_none() || self.may_complete(at),
                    self.resolved(key, outcome, at),
                    "I8: the mark is raised before the record says completed",
                ),
                (Answer::Done(true), _) => Err("only a record whose lease ran out is resolved"),
                (Answer::Done(false), State::Held { to, .. }) if at.clock_floor >= to => {
                    Err("a record whose lease ran out is resolved")
                }
                (Answer::Done(false), _) => Ok(*self),
                _ => Err("resolving answers whether there was something to resolve"),
            },
        }
    }

    /// What is known after this operation took effect without an answer; `None` if it changes nothing.
    pub(super) fn unanswered(&self, key: usize, action: &Action, at: At) -> Option<Self> {
        let record = &self.records[key];
        match *action {
            Action::Claim { owner, fingerprint, lease, in_doubt, .. } => {
                let is_open = match (self.grant(record, owner, fingerprint), record.state) {
                    (Path::Open, _) => true,
                    (Path::Expired, State::Held { from, .. }) => !in_doubt && at.ceil >= from,
                    _ => false,
                };
                // In two steps, a stale claim is granted first.
                if !is_open || !at.is_split && self.is_stale(at) {
                    return None;
                }
                Some(self.granted(key, owner, fingerprint, lease, None, at))
            }
            Action::Renew { owner, fence, lease } => {
                record.is_held_by(owner, fence).then(|| self.renewed(key, fence, lease, at))
            }
            Action::Complete { owner, fence, outcome } => {
                let may = record.is_held_by(owner, fence) && self.may_complete(at);
                may.then(|| self.completed(key, fence, outcome, at))
            }
            Action::Release { owner, fence, how } => {
                record.is_held_by(owner, fence).then(|| self.released(key, fence, how, at))
            }
            Action::Adopt { owner, fence, adopter, lease } => {
                record.is_held_by(owner, fence).then(|| self.adopted(key, adopter, None, lease, at))
            }
            Action::Raise { .. } => (self.mark < at.version).then(|| self.raised(at)),
            Action::GiveBack { owner, why } => {
                let is_held = record.owner == owner && matches!(record.state, State::Held { .. });
                let may = match why {
                    GivenBack::Unconfirmed => true,
                    GivenBack::Stale => self.is_stale(at),
                    GivenBack::StaleTakeover => self.is_stale(at) && record.took_over,
                };
                (is_held && may).then(|| self.given_back(key, why, at))
            }
            Action::Load => None,
            Action::Forget => (record.state != State::Free).then(|| self.with(key, Record::FREE)),
            Action::Resolve { outcome } => match record.state {
                State::Held { from, .. }
                    if at.ceil >= from && (outcome.is_none() || self.may_complete(at)) =>
                {
                    Some(self.resolved(key, outcome, at))
                }
                _ => None,
            },
        }
    }

    /// The row of the protocol's table that applies to a claim.
    fn grant(&self, record: &Record, owner: u64, fingerprint: Option<u64>) -> Path {
        if record.state == State::Free {
            return Path::Open;
        }
        if let (Some(recorded), Some(claimed)) = (record.fingerprint, fingerprint)
            && recorded != claimed
        {
            return Path::Mismatch;
        }
        match record.state {
            State::Completed { outcome } => Path::Completed(outcome),
            State::Held { .. } if record.owner == owner => Path::Repeat,
            State::Held { .. } => Path::Expired,
            State::Released if record.owner == owner => Path::Late,
            State::Released | State::Free => Path::Open,
        }
    }

    fn answered_while_held(
        &self,
        key: usize,
        action: &Action,
        answer: &Answer,
        at: At,
    ) -> Result<Self, Broken> {
        let State::Held { from, to } = self.records[key].state else { return Err("unreachable: it is held") };
        let Action::Claim { in_doubt, .. } = *action else { return Err("unreachable: it is a claim") };
        match *answer {
            Answer::InFlight { .. } if at.clock_floor >= to => {
                Err("I6: a lease blocks its key no longer than it lasts")
            }
            Answer::InFlight { retry_after } => self.seen_deadline(key, retry_after, at),
            Answer::Granted { .. } | Answer::Stale { .. } | Answer::InDoubt if at.ceil < from => {
                Err("I1: a key is not granted while another holds it")
            }
            Answer::InDoubt => expect(in_doubt, *self, "a claim that reruns is never in doubt"),
            _ if in_doubt => Err("an at-most-once claim does not take over"),
            _ => self.answered_grant(key, action, answer, at),
        }
    }

    fn answered_grant(&self, key: usize, action: &Action, answer: &Answer, at: At) -> Result<Self, Broken> {
        let record = &self.records[key];
        let Action::Claim { owner, fingerprint, lease, .. } = *action else {
            return Err("unreachable: it is a claim");
        };
        match *answer {
            Answer::Stale { newest } => self.answered_stale(newest, at),
            Answer::Granted { .. } if self.is_stale(at) => {
                Err("I8: no older version is granted after a newer one completed")
            }
            Answer::Granted { fence, .. } if fence <= record.fence => {
                Err("I1: each grant has a larger fence than the one before")
            }
            Answer::Granted { attempt, .. } if attempt != record.attempts.saturating_add(1) => {
                Err("each grant counts one more attempt")
            }
            Answer::Granted { fence, .. } => {
                Ok(self.granted(key, owner, fingerprint, lease, Some(fence), at))
            }
            Answer::InFlight { .. } => Err("I6: a free key is granted"),
            Answer::Completed { .. } => Err("I2: a key without a completion has no outcome"),
            Answer::Mismatch => Err("mismatch: only a different fingerprint is a mismatch"),
            Answer::InDoubt => Err("a free key is not in doubt"),
            _ => Err("not an answer to a claim"),
        }
    }

    fn answered_stale(&self, newest: u64, at: At) -> Result<Self, Broken> {
        expect(
            self.is_answered_stale(&Answer::Stale { newest }, at),
            *self,
            "I8: a delivery is stale only below its resource's mark",
        )
    }

    fn answered_look(&self, key: usize, answer: &Answer, at: At) -> Result<Self, Broken> {
        let record = &self.records[key];
        let Answer::Record { state, fence, attempts } = *answer else {
            return expect(
                *answer == Answer::Free && record.state == State::Free,
                *self,
                "a look finds an existing record",
            );
        };
        let seen = match (state, record.state) {
            (Seen::InFlight { lease_left }, State::Held { to, .. }) if at.clock_floor < to => {
                self.seen_deadline(key, lease_left, at)?
            }
            (Seen::Abandoned, State::Held { from, .. }) if at.ceil >= from => *self,
            (Seen::Released, State::Released) => *self,
            (Seen::Completed { outcome: seen }, State::Completed { outcome }) if seen == outcome => *self,
            _ => return Err("a look shows the record's state"),
        };
        if attempts != record.attempts {
            return Err("a look shows the number of grants");
        }
        seen.seen_fence(key, fence, "a look shows the fence of the last grant")
    }

    fn is_answered_stale(&self, answer: &Answer, at: At) -> bool {
        self.is_stale(at) && matches!(*answer, Answer::Stale { newest } if self.mark == Some(newest))
    }

    fn is_stale(&self, at: At) -> bool {
        matches!((at.version, self.mark), (Some(version), Some(newest)) if version < newest)
    }
}

/// The rows of the protocol's table for a claim.
enum Path {
    Mismatch,
    Completed(u64),
    /// A claim by the owner that holds the key.
    Repeat,
    /// A claim by the owner that released the key.
    Late,
    /// A claim of a key that another owner holds or has abandoned.
    Expired,
    Open,
}
