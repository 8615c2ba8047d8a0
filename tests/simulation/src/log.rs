//! The log: operations as they happen, to be turned into histories.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use idempotency_core::KeyDigest;
use idempotency_core::clock::Clock;
use idempotency_core::store::{ResourceDigest, ScopedOrder};

use crate::history::{Action, Answer, GivenBack, History, Micros, Operation, micros};

/// Operations as they happen. A clone is another handle on it.
#[derive(Clone, Debug)]
pub struct Log {
    clock: Arc<dyn Clock>,
    origin: std::time::Duration,
    entries: Arc<Mutex<Entries>>,
}

#[derive(Default)]
struct Entries {
    keys: HashMap<KeyDigest, usize>,
    orders: Vec<Option<ScopedOrder>>,
    operations: Vec<Operation>,
    refused: HashSet<usize>,
}

/// An operation in the log that may be answered.
#[derive(Clone, Copy, Debug)]
pub struct Called(usize);

impl Log {
    /// An empty log whose times come from this clock: the store's own, or one that keeps its pace.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { origin: clock.now(), clock, entries: Arc::default() }
    }

    /// Notes that an operation was sent. It counts as unanswered until [`answer`](Self::answer) or
    /// [`refuse`](Self::refuse).
    #[expect(clippy::must_use_candidate, reason = "some operations are never answered")]
    pub fn call(&self, worker: usize, key: KeyDigest, order: Option<ScopedOrder>, action: Action) -> Called {
        let call = self.now();
        let mut entries = self.entries();
        let next = entries.orders.len();
        let key = *entries.keys.entry(key).or_insert(next);
        if key == next {
            entries.orders.push(None);
        }
        if entries.orders[key].is_none() {
            entries.orders[key] = order;
        }
        entries.operations.push(Operation { key, worker, call, action, answer: None });
        Called(entries.operations.len() - 1)
    }

    /// Notes the answer of an operation.
    pub fn answer(&self, Called(index): Called, answer: Answer) {
        let now = self.now();
        self.entries().operations[index].answer = Some((now, answer));
    }

    /// Notes that the store executed the claim and gives it back. Each of the two takes effect at an unknown time.
    pub fn take_back(&self, Called(index): Called, owner: u64) {
        let mut entries = self.entries();
        let claim = entries.operations[index].clone();
        entries
            .operations
            .push(Operation { action: Action::GiveBack { owner, why: GivenBack::Unconfirmed }, ..claim });
    }

    /// Drops an operation from the history, since the store said that it did not execute it.
    pub fn refuse(&self, Called(index): Called) {
        self.entries().refused.insert(index);
    }

    /// How many operations were sent so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.entries().operations.len()
    }

    /// One history for each resource, and for each key without an order.
    #[must_use]
    pub fn histories(&self, resolution: Micros) -> Vec<History> {
        let entries = self.entries();
        let mut histories: Vec<History> = Vec::new();
        let mut of_resource: HashMap<ResourceDigest, usize> = HashMap::new();
        let mut places = Vec::new();
        for order in &entries.orders {
            let next = histories.len();
            let history = match order {
                Some(order) => *of_resource.entry(order.resource).or_insert(next),
                None => next,
            };
            if history == next {
                histories.push(History { resolution, ..History::default() });
            }
            places.push((history, histories[history].versions.len()));
            histories[history].versions.push(order.map(|order| order.version));
        }
        for (index, operation) in entries.operations.iter().enumerate() {
            if entries.refused.contains(&index) {
                continue;
            }
            let (history, key) = places[operation.key];
            histories[history].operations.push(Operation { key, ..operation.clone() });
        }
        histories
    }

    /// Converts a time of the log's clock to the time in its histories. Times before the log began are 0.
    #[must_use]
    pub fn at(&self, time: std::time::Duration) -> Micros {
        micros(time.saturating_sub(self.origin))
    }

    fn now(&self) -> Micros {
        self.at(self.clock.now())
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Entries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entries").field("operations", &self.operations.len()).finish_non_exhaustive()
    }
}
