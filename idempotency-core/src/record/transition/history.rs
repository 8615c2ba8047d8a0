//! An exhaustive check of short histories: two claimants with late copies, two adopters, an operator, and expiring
//! leases.

use super::*;
use crate::{Completed, Key, Namespace, Outcome, Scope, ScopedKey};

const LEASE: Duration = Duration::from_secs(30);
/// The time at the start. Fences are microseconds of this clock.
const START: Duration = Duration::from_secs(1_000);

/// An event of a history. Leases are numbered in the order of their grants.
#[derive(Clone, Copy, Debug)]
enum Event {
    Claim(u8),
    CautiousClaim(u8),
    Renew(usize),
    Complete(usize),
    Release(usize, Release),
    Adopt(usize, u8),
    LeaseEnds,
    Resolve,
}

const EVENTS: [Event; 18] = [
    Event::Claim(1),
    Event::Claim(2),
    Event::CautiousClaim(2),
    Event::Renew(0),
    Event::Renew(1),
    Event::Complete(0),
    Event::Complete(1),
    Event::Release(0, Release::Failed),
    Event::Release(1, Release::Failed),
    Event::Release(0, Release::Unstarted),
    Event::Release(1, Release::Unstarted),
    Event::Release(0, Release::Abandoned),
    Event::Release(1, Release::Abandoned),
    Event::Adopt(0, 3),
    Event::Adopt(0, 4),
    Event::Adopt(1, 4),
    Event::LeaseEnds,
    Event::Resolve,
];

/// The record of one history, and the answers that an observer has seen.
#[derive(Clone, PartialEq)]
struct World {
    retention: Duration,
    now: Duration,
    record: Option<Record>,
    /// The time at which the store drops the record.
    kept_until: Duration,
    grants: Vec<Lease>,
    /// The attempts whose handler started since the record was created.
    attempts: u32,
    recorded: Option<Completed>,
    /// Whether an operator has resolved the key since the last grant.
    is_resolved: bool,
}

impl World {
    fn new(retention: Duration) -> Self {
        Self {
            retention,
            now: START,
            record: None,
            kept_until: START,
            grants: Vec::new(),
            attempts: 0,
            recorded: None,
            is_resolved: false,
        }
    }

    /// Applies one event, and checks I1 to I5 on the answer.
    fn step(&mut self, event: Event) {
        let (now, retention) = (self.now, self.retention);
        match event {
            Event::Claim(owner) => self.claim(&self.claim_by(owner)),
            Event::CautiousClaim(owner) => {
                self.claim(&Claim { on_expired: OnExpired::InDoubt, ..self.claim_by(owner) });
            }
            Event::Renew(grant) => self.change(grant, |record, lease| record.renew(lease, LEASE, now)),
            Event::Release(grant, release) => {
                self.change(grant, |record, lease| record.release(lease, release, now));
            }
            Event::Complete(grant) => {
                let outcome = Outcome::new(vec![u8::try_from(grant).unwrap()]);
                self.change(grant, |record, lease| {
                    record.complete(&Completion::new(lease.clone(), outcome.clone(), retention), now)
                });
            }
            Event::Adopt(grant, owner) => self.adopt(grant, Owner::from_bytes([owner; 16])),
            Event::LeaseEnds => {
                self.now += LEASE;
                if self.kept_until <= self.now {
                    (self.record, self.recorded, self.attempts) = (None, None, 0);
                }
            }
            Event::Resolve => {
                let resolution = Resolution::Completed(Outcome::new("resolved"));
                let resolve = |record: &Record| record.resolve(&resolution, now, now, retention).write;
                if let Some(resolved) = self.record.as_ref().and_then(resolve) {
                    assert_eq!(self.recorded, None, "I2: a completed record was resolved");
                    self.recorded = resolved.completed();
                    self.is_resolved = true;
                    self.write(resolved);
                }
            }
        }
    }

    fn claim_by(&self, owner: u8) -> Claim {
        let key = ScopedKey::new(&Namespace::default(), Scope::endpoint("history"), Key::new("k").unwrap());
        Claim::new(key, Owner::from_bytes([owner; 16]), LEASE, self.retention)
    }

    fn micros(&self) -> u64 {
        u64::try_from(self.now.as_micros()).unwrap()
    }

    fn claim(&mut self, claim: &Claim) {
        let transition = Record::claim(self.record.as_ref(), None, claim, self.now, self.micros());
        match (&transition.answer, &self.recorded) {
            (Claimed::Completed(completed), Some(recorded)) => assert_eq!(completed, recorded, "I3"),
            (answer, Some(_)) => panic!("I3: completed, but answered {answer:?}"),
            (Claimed::Granted(grant), None) if transition.write.is_some() => {
                self.grant(claim.granted(grant.fence));
                self.attempts += 1;
                assert_eq!(grant.attempt, self.attempts, "only attempts that started count");
            }
            (Claimed::InDoubt, None) => assert_eq!(claim.on_expired, OnExpired::InDoubt),
            (Claimed::Granted(grant), None) => {
                assert_eq!(self.record.as_ref().map(Record::grant), Some(*grant), "I5");
            }
            _ => {}
        }
        if let Some(record) = transition.write {
            let again = Record::claim(Some(&record), None, claim, self.now, self.micros());
            assert_eq!((again.answer, again.write), (transition.answer, None), "I5");
            self.write(record);
        }
    }

    fn change(&mut self, grant: usize, change: impl Fn(&Record, &Lease) -> Transition<Hold>) {
        let (Some(lease), Some(record)) = (self.grants.get(grant).cloned(), &self.record) else { return };
        let transition = change(record, &lease);
        let Some(written) = transition.write else { return };
        assert!(self.is_newest(grant), "I4: a superseded lease changed the record");
        assert_eq!(self.recorded, None, "I2: a completed record changed");
        assert_eq!(transition.answer, Hold::Held);
        let again = change(&written, &lease);
        assert_eq!(again.answer, Hold::Held, "I5");
        assert!(again.write.is_none_or(|again| again == written), "I5");
        self.recorded = written.completed();
        self.attempts = written.attempts;
        self.write(written);
    }

    fn adopt(&mut self, grant: usize, owner: Owner) {
        let (Some(lease), Some(record)) = (self.grants.get(grant).cloned(), &self.record) else { return };
        let transition = record.adopt(&lease, owner, LEASE, self.now, self.micros());
        match (transition.answer, transition.write) {
            (Adopted::Granted(granted), Some(written)) => {
                assert!(self.is_newest(grant), "I4: a superseded lease was adopted");
                assert_eq!(self.recorded, None, "I2: a completed record was adopted");
                assert_eq!(granted.attempt, self.attempts, "an adoption is no attempt");
                let again = written.adopt(&lease, owner, LEASE, self.now, self.micros());
                assert_eq!((again.answer, again.write), (transition.answer, None), "I5");
                self.grant(Lease::new(lease.key().clone(), None, owner, granted.fence));
                self.write(written);
            }
            (Adopted::Granted(granted), None) => {
                assert_eq!(
                    (record.owner, record.grant()),
                    (owner, granted),
                    "I5: a repeat has the same owner and grant"
                );
            }
            (Adopted::Lost, written) => assert_eq!(written, None, "I4"),
        }
    }

    fn grant(&mut self, lease: Lease) {
        assert!(self.grants.iter().all(|grant| grant.fence() < lease.fence()), "I1");
        self.grants.push(lease);
        self.is_resolved = false;
    }

    fn is_newest(&self, grant: usize) -> bool {
        grant + 1 == self.grants.len() && !self.is_resolved
    }

    /// Keeps a record for as long as the contract says.
    fn write(&mut self, record: Record) {
        let kept = match record.state {
            State::InFlight { deadline } => deadline + self.retention,
            State::Released => self.now + record.kept_after_release(self.retention),
            State::Completed { until, .. } => until,
        };
        if self.recorded.is_none() {
            assert!(self.now < kept, "a record expires as soon as it is written");
        }
        self.kept_until = kept;
        self.record = Some(record);
    }
}

/// The number of histories of `depth` more events in which each event changes something. Other events are checked, but
/// not explored further: their history continues as the one without them.
fn explore(world: &World, depth: usize) -> usize {
    if depth == 0 {
        return 1;
    }
    let branch = |event: &Event| {
        let mut next = world.clone();
        next.step(*event);
        if next == *world { 0 } else { explore(&next, depth - 1) }
    };
    EVENTS.iter().map(branch).sum()
}

#[test]
fn no_history_of_eight_events_breaks_an_invariant() {
    // One retention is longer than any history, the other shorter than the lease.
    for retention in [100 * LEASE, LEASE / 2] {
        let mut start = World::new(retention);
        start.step(Event::Claim(1));
        let histories = explore(&start, 7);
        assert!(histories > 10_000, "{histories} histories");
    }
}
