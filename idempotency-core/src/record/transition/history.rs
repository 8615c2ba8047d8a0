//! Every short history of two rivals, their late copies, an operator and time, by exhaustion.

use super::*;
use crate::{Key, Scope, ScopedKey};

const LEASE: Duration = Duration::from_secs(30);

fn claim(owner: u8) -> Claim {
    let key = ScopedKey::new(Scope::endpoint("history"), Key::new("k").unwrap());
    Claim::new(key, Owner::from_bytes([owner; 16]), LEASE, 100 * LEASE)
}

/// What can happen to a record: two rivals and their late copies, and time.
#[derive(Clone, Copy, Debug)]
enum Event {
    Claim(u8),
    Renew(usize),
    Complete(usize),
    Release(usize),
    LeaseEnds,
    Resolve,
}

/// One history's record, and what an observer has seen of it.
#[derive(Clone, Default)]
struct World {
    record: Option<Record>,
    now: Duration,
    grants: Vec<Lease>,
    recorded: Option<Outcome>,
}

impl World {
    /// Lets one event happen and checks I1, I3, I4 on its answer.
    fn step(&mut self, event: Event) {
        match event {
            Event::Claim(owner) => self.claim(&claim(owner)),
            Event::Renew(grant) => self.change(grant, |record, lease, now| record.renew(lease, LEASE, now)),
            Event::Release(grant) => self.change(grant, |record, lease, _| record.release(lease)),
            Event::Complete(grant) => {
                let outcome = Outcome::new(vec![u8::try_from(grant).unwrap()]);
                self.change(grant, |record, lease, _| record.complete(lease, &outcome));
            }
            Event::LeaseEnds => self.now += LEASE,
            Event::Resolve => {
                let word = Resolution::Completed(Outcome::new("settled"));
                let settled = self.record.as_ref().and_then(|record| record.resolve(&word, self.now).write);
                if settled.is_some() {
                    self.record = settled;
                    self.recorded = Some(Outcome::new("settled"));
                }
            }
        }
    }

    fn claim(&mut self, claim: &Claim) {
        let transition = Record::claim(self.record.as_ref(), None, claim, self.now, 0);
        match (&transition.answer, &self.recorded) {
            (Claimed::Completed(outcome), Some(recorded)) => assert_eq!(outcome, recorded, "I3"),
            (answer, Some(_)) => panic!("I3: completed, but answered {answer:?}"),
            (Claimed::Granted { fence, .. }, None) if transition.write.is_some() => {
                assert!(self.grants.iter().all(|grant| grant.fence() < *fence), "I1");
                self.grants.push(claim.granted(*fence));
            }
            _ => {}
        }
        self.record = transition.write.or_else(|| self.record.take());
    }

    fn change(&mut self, grant: usize, change: impl Fn(&Record, &Lease, Duration) -> Transition<Hold>) {
        let (Some(lease), Some(record)) = (self.grants.get(grant), &self.record) else { return };
        let transition = change(record, lease, self.now);
        let Some(written) = transition.write else { return };
        assert_eq!(grant, self.grants.len() - 1, "I4: a superseded lease changed the record");
        assert_eq!(self.recorded, None, "I2: a completed record changed");
        assert_eq!(transition.answer, Hold::Held);
        assert_eq!(change(&written, lease, self.now).write.unwrap_or_else(|| written.clone()), written, "I5");
        if let State::Completed(outcome) = &written.state {
            self.recorded = Some(outcome.clone());
        }
        self.record = Some(written);
    }
}

#[test]
fn no_history_of_six_events_breaks_an_invariant() {
    const EVENTS: [Event; 10] = [
        Event::Claim(1),
        Event::Claim(2),
        Event::Renew(0),
        Event::Renew(1),
        Event::Complete(0),
        Event::Complete(1),
        Event::Release(0),
        Event::Release(1),
        Event::LeaseEnds,
        Event::Resolve,
    ];
    fn explore(world: &World, depth: usize) -> usize {
        if depth == 0 {
            return 1;
        }
        let branch = |event: &Event| {
            let mut next = world.clone();
            next.step(*event);
            explore(&next, depth - 1)
        };
        EVENTS.iter().map(branch).sum()
    }
    let mut start = World::default();
    start.step(Event::Claim(1));
    assert_eq!(explore(&start, 5), 100_000);
}
