//! The tally: the counts of a run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use idempotency_tests::demo::Line;

use super::journal::Fault;
use super::sender::{Event, Sent};

#[derive(Default)]
pub(crate) struct Tally {
    events: usize,
    deliveries: usize,
    answers: BTreeMap<String, usize>,
    keys: usize,
    resumed: usize,
    repeated: usize,
}

impl Tally {
    pub(crate) fn add(&mut self, events: &[Event], sent: &[Sent], lines: &[Line]) {
        self.events += events.len();
        self.deliveries += sent.len();
        for sent in sent {
            *self.answers.entry(sent.outcome().to_owned()).or_default() += 1;
        }
        let keys: HashSet<_> = lines.iter().map(|line| &line.key).collect();
        self.keys += keys.len();
        let failures: HashMap<_, _> = events.iter().map(|event| (&event.id, event.failures)).collect();
        self.resumed += lines.iter().filter(|line| line.attempt > 1 + failures[&line.key]).count();
        self.repeated += lines.len() - keys.len();
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} events, {} deliveries: {:?}", self.events, self.deliveries, self.answers)?;
        let Self { keys, resumed, repeated, .. } = self;
        write!(f, "{keys} keys executed, {resumed} after an attempt was cut short, {repeated} twice")
    }
}

pub(crate) fn print_faults(faults: &[Fault]) {
    let mut kinds = BTreeMap::<&str, usize>::new();
    for fault in faults {
        *kinds.entry(fault.kind).or_default() += 1;
    }
    println!("faults: {kinds:?}");
}
