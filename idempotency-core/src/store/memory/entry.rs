//! An entry: one record, packed small.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::{Fence, Fingerprint, Outcome, Owner, Record, State, Version};

/// A reading of the store's clock in nanoseconds: 8 bytes where a `Duration` has 16. The largest one never comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticks(u64);

impl Ticks {
    pub(super) fn of(time: Duration) -> Self {
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn after(now: Duration, duration: Duration) -> Self {
        Self::of(now.saturating_add(duration))
    }

    pub(super) fn left(self, now: Duration) -> Duration {
        self.time().saturating_sub(now)
    }

    pub(super) fn nanos(self) -> u64 {
        self.0
    }

    fn time(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

/// A [`Record`] with its expiry, in 64 bytes: what is rare is boxed, and an outcome has exactly its own size.
pub(super) struct Entry {
    owner: Owner,
    fence: Fence,
    expires: Ticks,
    state: Packed,
    rest: Option<Box<Rest>>,
}

enum Packed {
    InFlight { deadline: Ticks },
    Released,
    Completed(Arc<[u8]>),
}

/// What the record of a first attempt without fingerprint and order does not have.
struct Rest {
    attempts: u32,
    fingerprint: Option<Fingerprint>,
    version: Option<Version>,
}

impl Entry {
    /// Packs what a claim was granted.
    pub(super) fn new(record: Record, expires: Ticks) -> Self {
        let rest =
            Rest { attempts: record.attempts, fingerprint: record.fingerprint, version: record.version };
        let is_plain = rest.attempts == 1 && rest.fingerprint.is_none() && rest.version.is_none();
        Self {
            owner: record.owner,
            fence: record.fence,
            expires,
            state: match record.state {
                State::InFlight { deadline } => Packed::InFlight { deadline: Ticks::of(deadline) },
                State::Released => Packed::Released,
                State::Completed(outcome) => Packed::Completed(Arc::from(outcome.as_bytes().as_ref())),
            },
            rest: (!is_plain).then(|| Box::new(rest)),
        }
    }

    pub(super) fn record(&self) -> Record {
        let state = match &self.state {
            Packed::InFlight { deadline } => State::InFlight { deadline: deadline.time() },
            Packed::Released => State::Released,
            Packed::Completed(outcome) => State::Completed(shared(outcome)),
        };
        let mut record = Record::new(state, self.owner, self.fence);
        if let Some(rest) = &self.rest {
            record.attempts = rest.attempts;
            record.fingerprint = rest.fingerprint;
            record.version = rest.version;
        }
        record
    }

    pub(super) fn expires(&self) -> Ticks {
        self.expires
    }

    /// How long the lease lasts; `None` where nobody holds one.
    pub(super) fn lease_left(&self, now: Duration) -> Option<Duration> {
        match self.state {
            Packed::InFlight { deadline } if deadline > Ticks::of(now) => Some(deadline.left(now)),
            _ => None,
        }
    }

    /// How many bytes of outcome it holds.
    pub(super) fn bytes(&self) -> usize {
        match &self.state {
            Packed::Completed(outcome) => outcome.len(),
            Packed::InFlight { .. } | Packed::Released => 0,
        }
    }

    /// Moves the deadline. A record never expires before its lease does.
    pub(super) fn renew(&mut self, deadline: Ticks) {
        self.state = Packed::InFlight { deadline };
        self.expires = self.expires.max(deadline);
    }

    pub(super) fn release(&mut self) {
        self.state = Packed::Released;
    }

    pub(super) fn complete(&mut self, outcome: Arc<[u8]>, expires: Ticks) {
        self.state = Packed::Completed(outcome);
        self.expires = expires;
    }
}

/// The outcome without copying its bytes.
fn shared(outcome: &Arc<[u8]>) -> Outcome {
    if outcome.is_empty() {
        return Outcome::default();
    }
    Outcome::new(Bytes::from_owner(Arc::clone(outcome)))
}
