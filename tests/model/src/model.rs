//! The model: the possible steps and what each does.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::store::{
    Adopted, Claim, Claimed, Completion, Hold, Lease, Owner, Record, Release, Resolution, State,
};
use idempotency_core::{
    Fence, Fingerprint, Key, Namespace, Order, Outcome, Resource, Scope, ScopedKey, Version,
};
use stateright::{Model, Property};

use crate::action::{Action, Operation};
use crate::audit::{OPERATOR, Step};
use crate::bounds::{Arrival, Bounds, time};
use crate::protocol::Protocol;
use crate::reached::{Event, Reached};
use crate::rule::Rule;
use crate::slot::Slot;
use crate::world::{Attempt, World};

/// The record to write and the time until which it is kept.
type Write = Option<(Record, Duration)>;

/// The claim protocol in a hostile world, within bounds.
#[derive(Debug)]
pub struct ClaimModel {
    pub(crate) bounds: Bounds,
    pub(crate) protocol: Arc<dyn Protocol>,
    pub(crate) reached: Reached,
    /// By attempt, then by arrival.
    claims: Vec<Vec<Claim>>,
    /// A claim by a new owner, by key.
    pub(crate) probes: Vec<Claim>,
}

impl ClaimModel {
    /// This protocol within these bounds.
    #[must_use]
    pub fn new(bounds: Bounds, protocol: Arc<dyn Protocol>) -> Self {
        let by_attempt =
            |attempt: usize| bounds.arrivals.iter().map(|arrival| claim(attempt, arrival, &bounds)).collect();
        let claims = (0..bounds.attempts).map(by_attempt).collect();
        let probe = |key| claim(usize::from(OPERATOR) - 1, &Arrival::of(key), &bounds);
        let probes = (0..bounds.keys()).map(probe).collect();
        Self { protocol, reached: Reached::default(), claims, probes, bounds }
    }

    fn claim(&self, world: &mut World, attempt: usize, arrival: usize) {
        if attempt == world.attempts.len() {
            world.attempts.push(Attempt::new(arrival, None));
            if self.bounds.is_split && !self.protocol.looks_after_grant() {
                return self.look(world, attempt, None);
            }
        }
        let slot = world.keys[self.bounds.arrivals[arrival].key].slot.clone();
        if self.protocol.claims_in_one_step() {
            self.answer_claim(world, attempt, &slot);
        } else {
            world.attempts[attempt].look = Some(slot);
        }
    }

    /// Answers a claim by the record as it was read: in the same step or, in a mutant, in an earlier one.
    fn answer_claim(&self, world: &mut World, attempt: usize, seen: &Slot) {
        let arrival = world.attempts[attempt].arrival;
        let (claim, key) = (&self.claims[attempt][arrival], self.bounds.arrivals[arrival].key);
        let now = time(world.now);
        let before = world.keys[key].slot.clone();
        let (answer, write) = self.decide(seen, world, claim);
        let was_granted = !world.attempts[attempt].granted.is_empty();
        world.keys[key].slot.write(write);
        let after = world.keys[key].slot.clone();
        if self.protocol.claims_in_one_step() {
            let again = self.decide(&after, world, claim);
            world.broken.unless(again.0 == answer && after.is_kept_by(again.1), Rule::I5);
        }
        let keyed = &mut world.keys[key];
        let is_late_copy = was_granted && keyed.audit.is_stale(number(attempt));
        self.note_claim(&answer, before != after, keyed.audit.is_abandoned(now), is_late_copy);
        let step = Step { now, before: &before, after: &after };
        let newest = world.newest.filter(|_| !self.bounds.is_split);
        keyed.audit.claimed(number(attempt), claim, &answer, newest, &step, &mut world.broken);
        if let Claimed::Granted(grant) = answer {
            world.attempts[attempt].granted.insert(grant.fence);
            if let Some(seen) = world.attempts[attempt].steps.looked {
                self.answered(world, attempt, grant.fence, seen);
            }
        }
    }

    fn note_claim(&self, answer: &Claimed, is_new: bool, is_takeover: bool, is_late_copy: bool) {
        let is_grant = matches!(answer, Claimed::Granted(_));
        self.reached.note(Event::Takeover, is_grant && is_new && is_takeover);
        self.reached.note(Event::Repeat, is_grant && !is_new);
        self.reached.note(Event::Unheard, is_grant && is_new && is_late_copy);
        self.reached.note(Event::Replay, matches!(answer, Claimed::Completed(_)));
        self.reached.note(Event::InFlight, matches!(answer, Claimed::InFlight { .. }));
        self.reached.note(Event::Mismatch, *answer == Claimed::Mismatch);
        self.reached.note(Event::Stale, matches!(answer, Claimed::Stale { .. }));
        self.reached.note(Event::InDoubt, *answer == Claimed::InDoubt);
    }

    fn decide(&self, slot: &Slot, world: &World, claim: &Claim) -> (Claimed, Write) {
        self.decide_at(slot, world, claim, time(world.now))
    }

    /// The answer to a claim at this time, and what it would write.
    pub(crate) fn decide_at(
        &self,
        slot: &Slot,
        world: &World,
        claim: &Claim,
        now: Duration,
    ) -> (Claimed, Write) {
        if *slot == Slot::Unreadable && !self.protocol.unreadable_is_free() {
            return (Claimed::InDoubt, None);
        }
        let mark = claim.order.and(world.mark).filter(|_| !self.bounds.is_split);
        let transition = self.protocol.claim(slot.record(), mark, claim, now, self.micros(world));
        (transition.answer, self.kept(transition.write, now))
    }

    /// Adds to a write the time until which it is kept.
    fn kept(&self, write: Option<Record>, now: Duration) -> Write {
        let retention = self.bounds.retention();
        write.map(|record| {
            let until = match record.state {
                State::InFlight { deadline } => self.protocol.kept_in_flight(deadline, retention),
                State::Released => now + record.kept_after_release(retention),
                State::Completed { .. } => now + retention,
            };
            (record, until)
        })
    }

    /// The wall clock for fences. It runs behind, which is the worst case. Where records are deleted it does not: only
    /// elapsed microseconds then make a fence new.
    fn micros(&self, world: &World) -> u64 {
        if self.bounds.deletions == 0 && self.bounds.retention.is_none() {
            return 0;
        }
        u64::from(world.grants()) + u64::from(self.bounds.resolutions - world.resolutions) + 1
    }

    fn hold(&self, world: &mut World, attempt: usize, fence: Fence, operation: Operation) {
        let arrival = world.attempts[attempt].arrival;
        let (claim, key) = (&self.claims[attempt][arrival], self.bounds.arrivals[arrival].key);
        let (lease, now) = (claim.granted(fence), time(world.now));
        let before = world.keys[key].slot.clone();
        let (answer, write) = self.answer_hold(&before, &lease, operation, attempt, now);
        let wrote = write.is_some();
        let keyed = &mut world.keys[key];
        keyed.slot.write(write);
        let mark = world.mark;
        if wrote
            && operation == Operation::Complete
            && let Some(order) = lease.order()
        {
            if !self.bounds.is_split {
                world.mark = Some(self.protocol.raise(mark, order.version));
            }
            world.newest = world.newest.max(Some(order.version));
        }
        if answer == Hold::Held && operation == Operation::Complete {
            world.attempts[attempt].steps.completed.insert(fence);
        }
        let is_behind = !self.bounds.is_split && world.mark < world.newest;
        world.broken.unless(world.mark >= mark && !is_behind, Rule::I8);
        let (again, rewrite) = self.answer_hold(&keyed.slot, &lease, operation, attempt, now);
        let same = again == answer && keyed.slot.is_kept_by(rewrite);
        world.broken.unless(same, Rule::I5);
        let late = answer == Hold::Held && keyed.audit.is_abandoned(now);
        self.reached.note(Event::Lost, answer == Hold::Lost);
        self.reached.note(Event::LateRenewal, late && operation == Operation::Renew);
        self.reached.note(Event::LateCompletion, late && operation == Operation::Complete);
        let unstarted = operation == Operation::Release(Release::Unstarted);
        self.reached.note(Event::Unstarted, unstarted && wrote);
        self.reached.note(Event::GivenBack, wrote && world.attempts[attempt].steps.stale.contains(fence));
        let step = Step { now, before: &before, after: &keyed.slot };
        let broken = &mut world.broken;
        keyed.audit.held((number(attempt), fence), operation, claim, answer, &step, broken);
    }

    fn adopt(&self, world: &mut World, attempt: usize, fence: Fence, adopter: usize) {
        let arrival = world.attempts[attempt].arrival;
        if adopter == world.attempts.len() {
            world.attempts.push(Attempt::new(arrival, Some((attempt, fence))));
        }
        let (claim, key) = (&self.claims[attempt][arrival], self.bounds.arrivals[arrival].key);
        let (lease, now) = (claim.granted(fence), time(world.now));
        let before = world.keys[key].slot.clone();
        let micros = self.micros(world);
        let decide = |slot: &Slot| {
            let Some(record) = slot.record() else { return (Adopted::Lost, None) };
            let owner = owner(adopter);
            let transition = self.protocol.adopt(record, &lease, owner, claim.lease, now, micros);
            (transition.answer, self.kept(transition.write, now))
        };
        let (answer, write) = decide(&before);
        let keyed = &mut world.keys[key];
        keyed.slot.write(write);
        let (again, rewrite) = decide(&keyed.slot);
        world.broken.unless(again == answer && keyed.slot.is_kept_by(rewrite), Rule::I5);
        let step = Step { now, before: &before, after: &keyed.slot };
        let held = (number(attempt), fence);
        keyed.audit.adopted(held, number(adopter), claim, answer, &step, &mut world.broken);
        if let Adopted::Granted(grant) = answer {
            let adopter = &mut world.attempts[adopter];
            adopter.granted.insert(grant.fence);
            adopter.steps.started.insert(grant.fence);
            self.reached.note(Event::Adopted, true);
        }
    }

    fn answer_hold(
        &self,
        slot: &Slot,
        lease: &Lease,
        operation: Operation,
        attempt: usize,
        now: Duration,
    ) -> (Hold, Write) {
        let Some(record) = slot.record() else { return (Hold::Lost, None) };
        let transition = match operation {
            Operation::Renew => self.protocol.renew(record, lease, self.bounds.lease(), now),
            Operation::Complete => {
                let outcome = outcome(number(attempt));
                let completion = Completion::new(lease.clone(), outcome, self.bounds.retention());
                self.protocol.complete(record, &completion)
            }
            Operation::Release(release) => self.protocol.release(record, lease, release, now),
        };
        (transition.answer, self.kept(transition.write, now))
    }

    fn resolve(&self, world: &mut World, key: usize, executed: bool) {
        let resolution =
            if executed { Resolution::Completed(outcome(OPERATOR)) } else { Resolution::Released };
        let now = time(world.now);
        let keyed = &mut world.keys[key];
        let before = keyed.slot.clone();
        let (settled, write) = before.record().map_or((false, None), |record| {
            let transition = self.protocol.resolve(record, &resolution, now);
            (transition.answer, self.kept(transition.write, now))
        });
        let order = write.as_ref().filter(|_| executed).and_then(|(record, _)| record.order);
        let completed = order.map(|order| order.version);
        keyed.slot.write(write);
        if let Some(version) = completed {
            world.mark = Some(self.protocol.raise(world.mark, version));
            world.newest = world.newest.max(completed);
        }
        world.broken.unless(world.mark >= world.newest, Rule::I8);
        let again =
            keyed.slot.record().and_then(|record| self.protocol.resolve(record, &resolution, now).write);
        world.broken.unless(again.is_none(), Rule::I5);
        self.reached.note(Event::Resolved, settled);
        let step = Step { now, before: &before, after: &keyed.slot };
        keyed.audit.resolved(executed, settled, self.bounds.retention(), &step, &mut world.broken);
    }
}

impl Model for ClaimModel {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World::new(&self.bounds)]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if !world.broken.is_empty() {
            return;
        }
        if world.now < self.bounds.ticks {
            actions.push(Action::Tick);
        }
        let fresh = world.attempts.len();
        let adopted = world.attempts.iter().filter(|attempt| attempt.adopts.is_some()).count();
        let may_adopt = adopted < self.bounds.adoptions && fresh < self.bounds.attempts;
        if fresh - adopted < self.bounds.attempts - self.bounds.adoptions {
            let arrivals = 0..self.bounds.arrivals.len();
            actions.extend(arrivals.map(|arrival| Action::Claim { attempt: fresh, arrival }));
        }
        for (attempt, sent) in world.attempts.iter().enumerate() {
            match sent.adopts {
                Some((holder, fence)) => {
                    actions.push(Action::Adopt { attempt: holder, fence, adopter: attempt });
                }
                None => actions.push(Action::Claim { attempt, arrival: sent.arrival }),
            }
            if sent.look.is_some() {
                actions.push(Action::Set { attempt });
            }
            if self.protocol.waiter_deletes() {
                actions.push(Action::Wait { attempt });
            }
            for fence in sent.granted.iter() {
                if may_adopt {
                    actions.push(Action::Adopt { attempt, fence, adopter: fresh });
                }
                self.under_lease(world, attempt, fence, actions);
            }
        }
        for (key, keyed) in world.keys.iter().enumerate() {
            if keyed.slot == Slot::Empty {
                continue;
            }
            if world.resolutions > 0 {
                actions.extend([true, false].map(|executed| Action::Resolve { key, executed }));
            }
            if world.deletions > 0 {
                actions.push(Action::Forget { key });
            }
            if world.corruptions > 0 {
                actions.push(Action::Corrupt { key });
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        match action {
            Action::Tick => {
                next.now += 1;
                for keyed in &mut next.keys {
                    self.reached.note(Event::Expired, keyed.slot.expire(time(next.now)));
                    keyed.audit.expire(time(next.now));
                }
            }
            Action::Claim { attempt, arrival } => self.claim(&mut next, attempt, arrival),
            Action::Look { attempt, fence } => self.look(&mut next, attempt, fence),
            Action::Raise { attempt, fence } => self.raise(&mut next, attempt, fence),
            Action::Adopt { attempt, fence, adopter } => self.adopt(&mut next, attempt, fence, adopter),
            Action::Set { attempt } => {
                let seen = next.attempts[attempt].look.take()?;
                self.answer_claim(&mut next, attempt, &seen);
            }
            Action::Hold { attempt, fence, operation } => self.hold(&mut next, attempt, fence, operation),
            Action::Wait { attempt } => {
                let key = self.bounds.arrivals[next.attempts[attempt].arrival].key;
                next.keys[key].slot = Slot::Empty;
            }
            Action::Resolve { key, executed } => {
                next.resolutions -= 1;
                self.resolve(&mut next, key, executed);
            }
            Action::Forget { key } => {
                next.deletions -= 1;
                next.keys[key].slot = Slot::Empty;
                next.keys[key].audit = Default::default();
                self.reached.note(Event::Forgotten, true);
            }
            Action::Corrupt { key } => {
                next.corruptions -= 1;
                next.keys[key].slot = Slot::Unreadable;
            }
        }
        Some(next)
    }

    fn within_boundary(&self, world: &World) -> bool {
        world.grants() <= self.bounds.grants
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties::all(&self.bounds)
    }
}

pub(crate) fn number(attempt: usize) -> u8 {
    u8::try_from(attempt).expect("the bounds allow fewer than 256 attempts")
}

fn outcome(by: u8) -> Outcome {
    Outcome::new(vec![by])
}

fn owner(attempt: usize) -> Owner {
    Owner::from_bytes([number(attempt) + 1; 16])
}

fn claim(attempt: usize, arrival: &Arrival, bounds: &Bounds) -> Claim {
    let (scope, namespace) = (Scope::endpoint("model"), Namespace::default());
    let key = Key::new(arrival.key.to_string()).expect("a number is a key");
    let key = ScopedKey::new(&namespace, scope.clone(), key);
    let mut claim = Claim::new(key, owner(attempt), bounds.lease(), bounds.retention());
    claim.fingerprint = arrival.fingerprint.map(|byte| Fingerprint::from_bytes([byte; 32]));
    let order = |version| Order::new(Resource::new(&scope, "model", "resource"), Version::new(version));
    claim.order = arrival.version.map(|version| order(version).scoped(&namespace));
    claim.on_expired = arrival.on_expired;
    claim
}
