//! What the cache of keys knows, and what it may ask now. No I/O.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::PublicKey;
use crate::clock::ClockReading;
use crate::provider::Rejection;

/// The most addresses without known keys that are asked for within one interval. Requests are not authenticated yet, so
/// without it each forged address would be asked for.
const MAX_UNKNOWN: usize = 16;

/// The result of a question: the keys at the address, `None` if the sender has none there, or why it is not known.
pub(super) type Answer = Result<Option<Arc<[PublicKey]>>, Arc<Rejection>>;

/// The receiver of an answer, which is `None` until it is there.
pub(super) type Pending = watch::Receiver<Option<Answer>>;

#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) max_age: Duration,
    pub(super) min_interval: Duration,
    pub(super) capacity: usize,
}

#[derive(Default)]
pub(super) struct State {
    /// The keys that were found, also when they are too old: their addresses are real.
    known: HashMap<Box<str>, Known>,
    /// The addresses that the user vouches for. Questions to them are not counted.
    named: HashSet<Box<str>>,
    /// The last question to each address within the interval.
    attempts: HashMap<Box<str>, Attempt>,
    /// The times of the questions to unknown addresses within the interval.
    unknown: Vec<ClockReading>,
}

struct Known {
    asked: ClockReading,
    keys: Arc<[PublicKey]>,
}

struct Attempt {
    asked: ClockReading,
    pending: Pending,
}

/// What to do for a request.
pub(super) enum Next {
    Use(Arc<[PublicKey]>),
    Wait(Pending),
    Ask(watch::Sender<Option<Answer>>, Pending),
    Refuse(Rejection),
}

impl State {
    /// Never counts questions to an address as questions to an unknown one.
    pub(super) fn name(&mut self, address: &str) {
        self.named.insert(address.into());
    }

    /// Decides for a request that needs the keys at an address, and among them one with an id, if it names one.
    pub(super) fn next(
        &mut self,
        address: &str,
        id: Option<&str>,
        now: ClockReading,
        limits: Limits,
    ) -> Next {
        let known = self.known.get(address);
        let young = known.filter(|known| known.asked.elapsed(now) < limits.max_age);
        if let Some(known) = young
            && has(&known.keys, id)
        {
            return Next::Use(known.keys.clone());
        }
        let is_young = young.is_some();
        let is_recent = |asked: ClockReading| asked.elapsed(now) < limits.min_interval;
        self.attempts.retain(|_, attempt| is_recent(attempt.asked) || is_open(&attempt.pending));
        if let Some(attempt) = self.attempts.get(address) {
            // Looked at first, because the answer may come in between.
            let is_open = is_open(&attempt.pending);
            let answer = attempt.pending.borrow().clone();
            match answer {
                None if is_open => return Next::Wait(attempt.pending.clone()),
                // Its task has panicked.
                None => return Next::Refuse(unavailable()),
                // Too old, or evicted: the address is real, and worth a question.
                Some(Ok(Some(_))) if !is_young => {}
                Some(answer) => return judged(answer, id).map_or_else(Next::Refuse, Next::Use),
            }
        }
        self.unknown.retain(|asked| is_recent(*asked));
        if !self.known.contains_key(address) && !self.named.contains(address) {
            if self.unknown.len() >= MAX_UNKNOWN {
                return Next::Refuse(Rejection::unavailable("too many unknown keys were asked for"));
            }
            self.unknown.push(now);
        }
        let (sender, pending) = watch::channel(None);
        self.attempts.insert(address.into(), Attempt { asked: now, pending: pending.clone() });
        Next::Ask(sender, pending)
    }

    /// Keeps the keys that were found. The oldest make room for them.
    pub(super) fn keep(
        &mut self,
        address: &str,
        asked: ClockReading,
        keys: &Arc<[PublicKey]>,
        capacity: usize,
    ) {
        if self.known.len() >= capacity && !self.known.contains_key(address) {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.asked.monotonic);
            if let Some(oldest) = oldest.map(|(address, _)| address.clone()) {
                self.known.remove(&oldest);
            }
        }
        if capacity > 0 {
            self.known.insert(address.into(), Known { asked, keys: keys.clone() });
        }
    }

    /// The keys at an address are withdrawn.
    pub(super) fn forget(&mut self, address: &str) {
        self.known.remove(address);
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// The keys of an answer, if there is one with the id.
pub(super) fn judged(answer: Answer, id: Option<&str>) -> Result<Arc<[PublicKey]>, Rejection> {
    match answer {
        Ok(Some(keys)) if has(&keys, id) => Ok(keys),
        Ok(_) => Err(Rejection::unauthenticated("the sender has no such key")),
        Err(cause) => Err(unavailable().with_source(cause)),
    }
}

fn has(keys: &[PublicKey], id: Option<&str>) -> bool {
    id.is_none_or(|id| keys.iter().any(|key| key.id() == Some(id)))
}

/// Whether the task that answers still runs.
fn is_open(pending: &Pending) -> bool {
    pending.has_changed().is_ok()
}

/// Never a 401: after one, many senders give a delivery up.
pub(super) fn unavailable() -> Rejection {
    Rejection::unavailable("the sender's public keys are out of reach")
}
