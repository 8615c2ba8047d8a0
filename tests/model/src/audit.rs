//! The auditor: tracks who holds each key from the store's answers alone, and judges each step by it.

use std::time::Duration;

use idempotency_core::store::{Adopted, Claim, Claimed, Grant, Hold, Release};
use idempotency_core::{Fence, Fingerprint, OnExpired, Version};

use crate::action::Operation;
use crate::rule::{Broken, Rule};
use crate::slot::Slot;

/// The account of one key, since its record was last deleted.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) struct Audit {
    /// The largest fence that was granted.
    newest: Option<Fence>,
    /// The number of attempts. An attempt whose handler never started does not count.
    attempts: u32,
    /// The attempt and fence of the last grant.
    last: Option<(u8, Fence)>,
    /// Whether an operator has revoked that grant.
    resolved: bool,
    /// The fingerprint of the last granted claim that had one.
    fingerprint: Option<Fingerprint>,
    standing: Standing,
    /// The time until which its record must exist.
    kept: Duration,
}

/// The state of a key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub(crate) enum Standing {
    #[default]
    Free,
    Held {
        until: Duration,
    },
    /// Completed by an attempt, or by an operator.
    Completed {
        by: u8,
    },
}

/// One step at the store, as the auditor sees it.
pub(crate) struct Step<'a> {
    pub(crate) now: Duration,
    pub(crate) before: &'a Slot,
    pub(crate) after: &'a Slot,
}

impl Step<'_> {
    fn changed(&self) -> bool {
        self.before != self.after
    }
}

/// The attempt number of an operator that completes a record.
pub(crate) const OPERATOR: u8 = u8::MAX;

impl Audit {
    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    pub(crate) fn is_stale(&self, attempt: u8) -> bool {
        self.last.is_none_or(|(last, _)| last != attempt)
    }

    /// Whether the lease has run out without a takeover.
    pub(crate) fn is_abandoned(&self, now: Duration) -> bool {
        matches!(self.standing, Standing::Held { until } if until <= now)
    }

    /// Judges a claim and its answer.
    pub(crate) fn claimed(
        &mut self,
        attempt: u8,
        claim: &Claim,
        answer: &Claimed,
        newest: Option<Version>,
        step: &Step<'_>,
        broken: &mut Broken,
    ) {
        if *step.before == Slot::Unreadable {
            broken.unless(*answer == Claimed::InDoubt && !step.changed(), Rule::I7);
            return;
        }
        let differs = differ(self.fingerprint, claim.fingerprint);
        broken.unless((*answer == Claimed::Mismatch) == differs, Rule::Mismatch);
        if let Claimed::Granted(grant) = *answer {
            self.granted(attempt, claim, grant, newest, step, broken);
            return;
        }
        broken.unless(!step.changed(), Rule::I4);
        let version = claim.order.map(|order| order.version);
        let is_own = self.last.is_some_and(|(last, _)| last == attempt);
        match (self.standing, answer) {
            (_, Claimed::Mismatch) => {}
            (Standing::Completed { by }, Claimed::Completed(completed)) => {
                broken.unless(completed.outcome.as_bytes()[..] == [by], Rule::I3);
            }
            (Standing::Completed { .. }, _) => broken.unless(false, Rule::I3),
            (_, Claimed::Completed(_)) => broken.unless(false, Rule::I2),
            (Standing::Held { until }, Claimed::InFlight { retry_after }) => {
                broken.unless(!is_own, Rule::I5);
                broken.unless(until > step.now && step.now + *retry_after <= until, Rule::I6);
            }
            // The answer to a late copy of a claim whose attempt has released.
            (Standing::Free, Claimed::InFlight { .. }) => broken.unless(is_own, Rule::I6),
            (_, Claimed::Stale { newest: answered }) => {
                broken.unless(newest == Some(*answered) && version < newest, Rule::I8);
            }
            (_, Claimed::InDoubt) => {
                let says_so = claim.on_expired == OnExpired::InDoubt;
                broken.unless(says_so && self.is_abandoned(step.now), Rule::Doubt);
            }
            (_, Claimed::Granted(_)) => {}
        }
    }

    fn granted(
        &mut self,
        attempt: u8,
        claim: &Claim,
        Grant { fence, attempt: number, .. }: Grant,
        newest: Option<Version>,
        step: &Step<'_>,
        broken: &mut Broken,
    ) {
        if self.last == Some((attempt, fence)) && matches!(self.standing, Standing::Held { .. }) {
            broken.unless(!step.changed(), Rule::I5);
            broken.unless(number == self.attempts, Rule::Attempt);
            return;
        }
        broken.unless(self.newest.is_none_or(|newest| newest < fence), Rule::I1);
        match self.standing {
            Standing::Free => {}
            Standing::Held { until } => {
                broken.unless(until <= step.now, Rule::I1);
                broken.unless(claim.on_expired == OnExpired::Rerun, Rule::Doubt);
            }
            Standing::Completed { .. } => broken.unless(false, Rule::I3),
        }
        let version = claim.order.map(|order| order.version);
        broken.unless(version.is_none() || version >= newest, Rule::I8);
        broken.unless(number == self.attempts + 1, Rule::Attempt);
        self.newest = self.newest.max(Some(fence));
        self.attempts += 1;
        self.last = Some((attempt, fence));
        self.resolved = false;
        self.fingerprint = claim.fingerprint.or(self.fingerprint);
        self.hold(step.now + claim.lease, claim.retention);
    }

    fn hold(&mut self, until: Duration, retention: Duration) {
        self.standing = Standing::Held { until };
        self.kept = until + retention;
    }

    /// Forgets the key once its record has expired.
    pub(crate) fn expire(&mut self, now: Duration) {
        if self.kept <= now {
            *self = Self::default();
        }
    }

    /// Judges an adoption and its answer.
    pub(crate) fn adopted(
        &mut self,
        lease: (u8, Fence),
        adopter: u8,
        claim: &Claim,
        answer: Adopted,
        step: &Step<'_>,
        broken: &mut Broken,
    ) {
        if *step.before == Slot::Unreadable {
            broken.unless(answer == Adopted::Lost && !step.changed(), Rule::I7);
            return;
        }
        let is_held = matches!(self.standing, Standing::Held { .. });
        let is_holder = self.last == Some(lease) && !self.resolved && is_held;
        let is_repeat = is_held && self.last.is_some_and(|(last, _)| last == adopter);
        match answer {
            Adopted::Granted(grant) if is_repeat => {
                broken.unless(!step.changed() && self.last == Some((adopter, grant.fence)), Rule::I5);
                broken.unless(grant.attempt == self.attempts, Rule::Attempt);
            }
            Adopted::Granted(grant) => {
                broken.unless(is_holder, Rule::I4);
                broken.unless(self.newest.is_none_or(|newest| newest < grant.fence), Rule::I1);
                broken.unless(grant.attempt == self.attempts, Rule::Attempt);
                self.newest = self.newest.max(Some(grant.fence));
                self.last = Some((adopter, grant.fence));
                self.hold(step.now + claim.lease, claim.retention);
            }
            Adopted::Lost => {
                broken.unless(!step.changed(), Rule::I4);
                broken.unless(!is_repeat, Rule::I5);
                broken.unless(!is_holder, Rule::Holder);
            }
        }
    }

    /// Judges an operation under a lease and its answer.
    pub(crate) fn held(
        &mut self,
        lease: (u8, Fence),
        operation: Operation,
        claim: &Claim,
        answer: Hold,
        step: &Step<'_>,
        broken: &mut Broken,
    ) {
        let held = answer == Hold::Held;
        if *step.before == Slot::Unreadable {
            broken.unless(!held && !step.changed(), Rule::I7);
            return;
        }
        if self.last != Some(lease) || self.resolved {
            broken.unless(!held && !step.changed(), Rule::I4);
            let second =
                operation == Operation::Complete && matches!(self.standing, Standing::Completed { .. });
            broken.unless(!(held && second), Rule::I2);
            return;
        }
        match (self.standing, operation) {
            (Standing::Held { .. }, _) => {
                broken.unless(held, Rule::Holder);
                self.kept = step.now + claim.retention;
                match (operation, self.standing) {
                    (Operation::Renew, _) => self.hold(step.now + claim.lease, claim.retention),
                    (Operation::Complete, _) => self.standing = Standing::Completed { by: lease.0 },
                    // The lease ends now, unless it has ended already.
                    (Operation::Release(Release::Abandoned), Standing::Held { until }) => {
                        self.hold(until.min(step.now), claim.retention);
                    }
                    (Operation::Release(release), _) => {
                        self.attempts -= u32::from(release == Release::Unstarted);
                        self.standing = Standing::Free;
                    }
                }
            }
            (Standing::Completed { .. }, Operation::Complete) | (Standing::Free, Operation::Release(_)) => {
                broken.unless(held && !step.changed(), Rule::I5);
            }
            (Standing::Completed { .. }, _) => broken.unless(!held && !step.changed(), Rule::I3),
            (Standing::Free, _) => broken.unless(!held && !step.changed(), Rule::I4),
        }
    }

    /// Judges an operator's resolution of a record.
    pub(crate) fn resolved(
        &mut self,
        executed: bool,
        settled: bool,
        retention: Duration,
        step: &Step<'_>,
        broken: &mut Broken,
    ) {
        if *step.before == Slot::Unreadable {
            broken.unless(!settled && !step.changed(), Rule::I7);
            return;
        }
        let may = self.is_abandoned(step.now);
        broken.unless(settled == may, Rule::Doubt);
        broken.unless(settled || !step.changed(), Rule::I4);
        if settled {
            self.resolved = true;
            self.kept = step.now + retention;
            self.standing = if executed { Standing::Completed { by: OPERATOR } } else { Standing::Free };
        }
    }
}

fn differ(granted: Option<Fingerprint>, claimed: Option<Fingerprint>) -> bool {
    granted.zip(claimed).is_some_and(|(granted, claimed)| granted != claimed)
}
