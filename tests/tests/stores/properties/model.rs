//! The model: the answers that a store must give, as a small state machine that shares only the contract with the stores.

use std::collections::BTreeMap;

use idempotency_core::store::Release;
use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

/// Seconds. Time moves in steps of 3,000, so that no lease or retention ends near an operation: the real server's clock
/// continues while a case is played.
pub(crate) const LEASE: u64 = 10_000;
/// Seconds. The retention of a record that outlasts a case.
pub(crate) const LONG: u64 = 2_000_000;
/// Seconds. The retention of a record that can expire within a case.
const SHORT: u64 = 50_500;

/// One claim. A repeat is identical to it.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) key: u8,
    pub(crate) fingerprint: Option<u8>,
    /// Resource and version.
    pub(crate) order: Option<(u8, u64)>,
    pub(crate) rerun: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Claim(Claim),
    /// The network delivers an earlier claim again.
    RepeatClaim(usize),
    Renew(usize),
    Complete {
        grant: usize,
        outcome: u8,
        retention: u64,
    },
    Release(usize, Release),
    /// The execution that was suspended under this grant is adopted.
    Adopt(usize),
    /// An outcome, or a release.
    Resolve(u8, Option<u8>),
    Forget(u8),
    Wait(u64),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Granted { grant: usize, attempt: u32 },
    Completed(u8),
    InFlight { left: u64 },
    Mismatch,
    Stale(u64),
    InDoubt,
    Hold(bool),
    Done(bool),
    None,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum State {
    InFlight { until: u64 },
    Released,
    Completed { outcome: u8, until: u64 },
}

#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) state: State,
    pub(crate) attempts: u32,
    pub(crate) version: Option<u64>,
    /// The index of the last granted claim.
    owner: usize,
    /// Its grant; `None` if an operator has revoked it.
    grant: Option<usize>,
    fingerprint: Option<u8>,
}

#[derive(Clone, Default, Debug)]
pub(crate) struct Model {
    now: u64,
    /// All claims so far.
    pub(crate) claims: Vec<Claim>,
    /// The claim of each grant.
    grants: Vec<usize>,
    records: BTreeMap<u8, Record>,
    /// The first grant of each key in the life of its record.
    first_grants: BTreeMap<u8, usize>,
    /// The newest version of each resource, and the time until which the mark is kept.
    marks: BTreeMap<u8, (u64, u64)>,
}

impl Record {
    fn give_up(&mut self, release: Release, now: u64) {
        match (release, &mut self.state) {
            (Release::Abandoned, State::InFlight { until }) => *until = now.min(*until),
            (Release::Unstarted, _) => {
                self.attempts -= 1;
                self.state = State::Released;
            }
            _ => self.state = State::Released,
        }
    }
}

impl Model {
    /// The live record of a key.
    pub(crate) fn record(&self, key: u8) -> Option<&Record> {
        self.records
            .get(&key)
            .filter(|record| !matches!(record.state, State::Completed { until, .. } if until <= self.now))
    }

    pub(crate) fn now(&self) -> u64 {
        self.now
    }

    /// Executes an operation and returns the expected answer.
    pub(crate) fn step(&mut self, operation: &Operation) -> Answer {
        match operation {
            Operation::Claim(claim) => {
                self.claims.push(claim.clone());
                self.claim(self.claims.len() - 1)
            }
            Operation::RepeatClaim(owner) => self.claim(*owner),
            Operation::Renew(grant) => Answer::Hold(self.held(*grant).is_some_and(|(record, now)| {
                record.state = State::InFlight { until: now + LEASE };
                true
            })),
            Operation::Complete { grant, outcome, retention } => {
                Answer::Hold(self.complete(*grant, *outcome, *retention))
            }
            Operation::Release(grant, release) => {
                let key = self.claims[self.grants[*grant]].key;
                let repeat = self
                    .record(key)
                    .is_some_and(|it| it.grant == Some(*grant) && it.state == State::Released);
                Answer::Hold(
                    repeat
                        || self.held(*grant).is_some_and(|(it, now)| {
                            it.give_up(*release, now);
                            true
                        }),
                )
            }
            Operation::Adopt(grant) => self.adopt(*grant),
            Operation::Resolve(key, outcome) => Answer::Done(self.resolve(*key, *outcome)),
            Operation::Forget(key) => {
                let existed = self.record(*key).is_some();
                self.records.remove(key);
                Answer::Done(existed)
            }
            Operation::Wait(seconds) => {
                self.now += seconds;
                if *seconds > LONG {
                    self.records.clear();
                }
                // If no handler has ever started, a released record is kept for a few minutes only.
                self.records.retain(|_, it| it.attempts > 0 || it.state != State::Released);
                Answer::None
            }
        }
    }

    /// The adopter is a new owner. A claim by it would be a repeat by the holder.
    fn adopt(&mut self, grant: usize) -> Answer {
        let (adopter, adopted) = (self.claims.len(), self.grants.len());
        let claim = self.claims[self.grants[grant]].clone();
        let Some((record, now)) = self.held(grant) else { return Answer::Hold(false) };
        record.state = State::InFlight { until: now + LEASE };
        (record.owner, record.grant) = (adopter, Some(adopted));
        let attempt = record.attempts;
        self.claims.push(claim);
        self.grants.push(adopter);
        Answer::Granted { grant: adopted, attempt }
    }

    fn claim(&mut self, owner: usize) -> Answer {
        let (claim, now) = (self.claims[owner].clone(), self.now);
        let current = self.record(claim.key).cloned();
        if let Some(record) = &current {
            if record.fingerprint.is_some_and(|it| claim.fingerprint.is_some_and(|mine| mine != it)) {
                return Answer::Mismatch;
            }
            let own = record.owner == owner;
            match record.state {
                State::Completed { outcome, .. } => return Answer::Completed(outcome),
                State::InFlight { .. } if own => {
                    let grant = record.grant.expect("an operator leaves no record in flight");
                    return Answer::Granted { grant, attempt: record.attempts };
                }
                State::InFlight { until } if until > now => return Answer::InFlight { left: until - now },
                State::InFlight { .. } if !claim.rerun => return Answer::InDoubt,
                State::Released if own => return Answer::InFlight { left: 0 },
                State::InFlight { .. } | State::Released => {}
            }
        }
        let newest = claim.order.and_then(|(resource, _)| self.mark(resource));
        if let (Some((_, version)), Some(newest)) = (claim.order, newest)
            && version < newest
        {
            return Answer::Stale(newest);
        }
        self.grants.push(owner);
        let record = Record {
            state: State::InFlight { until: now + LEASE },
            attempts: current.as_ref().map_or(0, |record| record.attempts) + 1,
            version: claim.order.map(|(_, version)| version),
            owner,
            grant: Some(self.grants.len() - 1),
            fingerprint: claim.fingerprint.or_else(|| current.and_then(|record| record.fingerprint)),
        };
        let attempt = record.attempts;
        if attempt == 1 {
            self.first_grants.insert(claim.key, self.grants.len() - 1);
        }
        self.records.insert(claim.key, record);
        Answer::Granted { grant: self.grants.len() - 1, attempt }
    }

    fn complete(&mut self, grant: usize, outcome: u8, retention: u64) -> bool {
        let claim = self.claims[self.grants[grant]].clone();
        let Some((record, now)) = self.held(grant) else {
            let is_own = |record: &Record| {
                record.grant == Some(grant) && matches!(record.state, State::Completed { .. })
            };
            return self.record(claim.key).is_some_and(is_own);
        };
        record.state = State::Completed { outcome, until: now + retention };
        if let Some((resource, version)) = claim.order {
            let newest = self.mark(resource).map_or(version, |newest| newest.max(version));
            let known = self.marks.get(&resource).map_or(0, |(_, until)| *until);
            self.marks.insert(resource, (newest, known.max(now + retention)));
        }
        true
    }

    fn resolve(&mut self, key: u8, outcome: Option<u8>) -> bool {
        let now = self.now;
        let Some(record) = self.records.get_mut(&key) else { return false };
        if !matches!(record.state, State::InFlight { until } if until <= now) {
            return false;
        }
        record.grant = None;
        let order = self.claims[record.owner].order.filter(|_| outcome.is_some());
        record.state = match outcome {
            // It is kept for the record's retention, which outlasts a case.
            Some(outcome) => State::Completed { outcome, until: now + LONG },
            None => State::Released,
        };
        if let Some((resource, version)) = order {
            let newest = self.mark(resource).map_or(version, |newest| newest.max(version));
            let known = self.marks.get(&resource).map_or(0, |(_, until)| *until);
            // The retention of every claim.
            self.marks.insert(resource, (newest, known.max(now + 2 * LONG)));
        }
        true
    }

    /// The record that a grant still holds.
    fn held(&mut self, grant: usize) -> Option<(&mut Record, u64)> {
        let key = self.claims[self.grants[grant]].key;
        let record = self.records.get_mut(&key)?;
        let held = record.grant == Some(grant) && matches!(record.state, State::InFlight { .. });
        held.then_some((record, self.now))
    }

    fn mark(&self, resource: u8) -> Option<u64> {
        self.marks.get(&resource).filter(|(_, until)| *until > self.now).map(|(version, _)| *version)
    }
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Operation> {
        let claim =
            (0..2_u8, prop::option::of(0..2_u8), prop::option::of((0..2_u8, 0..3_u64)), any::<bool>())
                .prop_map(|(key, fingerprint, order, rerun)| Claim { key, fingerprint, order, rerun });
        let claim = claim.prop_map(Operation::Claim);
        let others = prop_oneof![
            2 => (0..2_u8, prop::option::of(any::<u8>())).prop_map(|(key, word)| Operation::Resolve(key, word)),
            1 => (0..2_u8).prop_map(Operation::Forget),
            6 => prop::sample::select(vec![3_000, 9_000, 12_000]).prop_map(Operation::Wait),
            1 => Just(Operation::Wait(3 * LONG)),
        ];
        if model.claims.is_empty() || model.grants.is_empty() {
            return prop_oneof![claim, others].boxed();
        }
        // Mostly the newest grants, since the old ones are lost.
        let (claims, grants) = (model.claims.len(), model.grants.len());
        let grant = prop_oneof![Just(grants - 1), 0..grants];
        let retention = prop::sample::select(vec![SHORT, LONG]);
        prop_oneof![
            6 => claim,
            4 => (0..claims).prop_map(Operation::RepeatClaim),
            3 => grant.clone().prop_map(Operation::Renew),
            4 => (grant.clone(), any::<u8>(), retention)
                .prop_map(|(grant, outcome, retention)| Operation::Complete { grant, outcome, retention }),
            3 => (grant.clone(), prop::sample::select(vec![Release::Failed, Release::Unstarted, Release::Abandoned]))
                .prop_map(|(grant, release)| Operation::Release(grant, release)),
            2 => grant.prop_map(Operation::Adopt),
            5 => others,
        ]
        .boxed()
    }

    fn apply(mut model: Self, operation: &Operation) -> Self {
        model.step(operation);
        model
    }

    fn preconditions(model: &Self, operation: &Operation) -> bool {
        let is_granted = |grant: &usize| *grant < model.grants.len();
        match operation {
            // If a key was forgotten and the clock stands still, an earlier claim may get its old fence again.
            Operation::RepeatClaim(owner) => model.claims.get(*owner).is_some_and(|claim| {
                let is_known = model.record(claim.key).is_some();
                let first = model.first_grants.get(&claim.key).filter(|_| is_known);
                let earlier = &model.grants[..*first.unwrap_or(&model.grants.len())];
                !earlier.contains(owner)
            }),
            Operation::Renew(grant)
            | Operation::Release(grant, _)
            | Operation::Adopt(grant)
            | Operation::Complete { grant, .. } => is_granted(grant),
            _ => true,
        }
    }
}
