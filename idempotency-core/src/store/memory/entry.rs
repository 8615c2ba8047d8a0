//! An entry: one record in a compact form.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::store::{Parts, Record, State};
use crate::{Fence, Fingerprint, Outcome, Owner, ScopedOrder};

/// A time on the store's clock, in nanoseconds. Takes 8 bytes, a `Duration` 16. The largest value is never reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticks(u64);

impl Ticks {
    pub(super) fn of(time: Duration) -> Self {
        Self(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
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

/// The maximum lease and the maximum retention: 146 years. Together they take half of the range of `Ticks` and leave
/// the rest to the clock, so that the expiry never saturates and always comes a whole retention after the deadline.
const MAX_SPAN: Duration = Duration::from_nanos(u64::MAX / 4);

/// A [`Record`] with its expiry, in a compact form. Rare fields are boxed, and an outcome has no spare capacity.
pub(super) struct Entry {
    owner: Owner,
    fence: Fence,
    expires: Ticks,
    state: Packed,
    parts: Parts,
    rest: Option<Box<Rest>>,
}

enum Packed {
    InFlight { deadline: Ticks },
    Released,
    Completed { outcome: Arc<[u8]>, at: Ticks, until: Ticks },
}

/// The fields that a first attempt without fingerprint and order does not need.
struct Rest {
    attempts: u32,
    fingerprint: Option<Fingerprint>,
    order: Option<ScopedOrder>,
}

impl Entry {
    /// Packs a record that is kept for `retention` after its lease, or from now if it is not in flight.
    pub(super) fn new(record: Record, retention: Duration, now: Duration) -> Self {
        let lease = match record.state {
            State::InFlight { deadline } => deadline.saturating_sub(now).min(MAX_SPAN),
            State::Released | State::Completed { .. } => Duration::ZERO,
        };
        let kept_from = now.saturating_add(lease);
        let rest = Rest { attempts: record.attempts, fingerprint: record.fingerprint, order: record.order };
        let is_plain = rest.attempts == 1 && rest.fingerprint.is_none() && rest.order.is_none();
        Self {
            owner: record.owner,
            fence: record.fence,
            expires: Ticks::of(kept_from.saturating_add(retention.min(MAX_SPAN))),
            state: match record.state {
                State::InFlight { .. } => Packed::InFlight { deadline: Ticks::of(kept_from) },
                State::Released => Packed::Released,
                State::Completed { outcome, at, until } => {
                    Packed::Completed { outcome: kept(&outcome), at: Ticks::of(at), until: Ticks::of(until) }
                }
            },
            parts: record.parts,
            rest: (!is_plain).then(|| Box::new(rest)),
        }
    }

    pub(super) fn record(&self) -> Record {
        let state = match &self.state {
            Packed::InFlight { deadline } => State::InFlight { deadline: deadline.time() },
            Packed::Released => State::Released,
            Packed::Completed { outcome, at, until } => {
                State::Completed { outcome: shared(outcome), at: at.time(), until: until.time() }
            }
        };
        let mut record = Record::new(state, self.owner, self.fence);
        record.parts = self.parts.clone();
        if let Some(rest) = &self.rest {
            record.attempts = rest.attempts;
            record.fingerprint = rest.fingerprint;
            record.order = rest.order;
        }
        record
    }

    /// Sets the outcome of a completed record.
    pub(super) fn set_outcome(&mut self, new: &Outcome) {
        if let Packed::Completed { outcome, .. } = &mut self.state {
            *outcome = kept(new);
        }
    }

    pub(super) fn expires(&self) -> Ticks {
        self.expires
    }

    /// How long the record outlives its lease. If it is not in flight, the time until it expires.
    pub(super) fn retention(&self, now: Duration) -> Duration {
        match self.state {
            Packed::InFlight { deadline } => self.expires.left(deadline.time()),
            Packed::Released | Packed::Completed { .. } => self.expires.left(now),
        }
    }

    /// The time left of the lease. `None` if the key is not held.
    pub(super) fn lease_left(&self, now: Duration) -> Option<Duration> {
        match self.state {
            Packed::InFlight { deadline } if deadline > Ticks::of(now) => Some(deadline.left(now)),
            _ => None,
        }
    }

    /// The bytes of the outcome and the label. An endpoint that several records share counts for each of them.
    pub(super) fn bytes(&self) -> usize {
        let outcome = match &self.state {
            Packed::Completed { outcome, .. } => outcome.len(),
            Packed::InFlight { .. } | Packed::Released => 0,
        };
        let label = self.parts.label();
        let endpoint = label.endpoint.as_ref().map_or(0, |endpoint| endpoint.len());
        outcome + endpoint + label.key.as_ref().map_or(0, |key| key.as_str().len())
    }
}

/// The outcome's bytes without spare capacity. None take no allocation.
fn kept(outcome: &Outcome) -> Arc<[u8]> {
    if outcome.as_bytes().is_empty() { Arc::default() } else { Arc::from(outcome.as_bytes().as_ref()) }
}

/// The outcome without copying its bytes.
fn shared(outcome: &Arc<[u8]>) -> Outcome {
    if outcome.is_empty() {
        return Outcome::default();
    }
    Outcome::new(Bytes::from_owner(Arc::clone(outcome)))
}
