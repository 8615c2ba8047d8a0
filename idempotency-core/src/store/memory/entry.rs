//! An entry: one record in a compact form.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use triomphe::ThinArc;

use super::endpoint::Endpoint;
use crate::store::{Label, Record, State};
use crate::{Fence, Fingerprint, Key, Outcome, Owner, ScopedOrder};

/// A time on the store's clock, in nanoseconds plus one. Takes 8 bytes even as an option, where a `Duration` takes 16. The
/// largest value is never reached.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ticks(NonZeroU64);

impl Ticks {
    pub(super) fn of(time: Duration) -> Self {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    pub(super) fn left(self, now: Duration) -> Duration {
        self.time().saturating_sub(now)
    }

    pub(super) fn nanos(self) -> u64 {
        self.0.get() - 1
    }

    fn time(self) -> Duration {
        Duration::from_nanos(self.nanos())
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
    label: SharedLabel,
    rest: Option<Box<Rest>>,
}

enum Packed {
    /// In flight until the deadline. Released if there is none.
    Open { deadline: Option<Ticks> },
    /// An empty outcome takes no allocation.
    Completed { outcome: Option<ThinArc<(), u8>>, at: Ticks, until: Ticks },
}

/// The label of a record, which no operation changes.
#[derive(Default)]
pub(super) struct SharedLabel {
    pub(super) endpoint: Option<Endpoint>,
    pub(super) key: Option<Key>,
}

/// The fields that a first attempt without fingerprint and order does not need.
struct Rest {
    attempts: u32,
    fingerprint: Option<Fingerprint>,
    order: Option<ScopedOrder>,
}

impl Entry {
    /// Packs a record that is kept for `retention` after its lease, or from now if it is not in flight. Uses `label`
    /// instead of the record's own.
    pub(super) fn new(record: Record, retention: Duration, now: Duration, label: SharedLabel) -> Self {
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
                State::InFlight { .. } => Packed::Open { deadline: Some(Ticks::of(kept_from)) },
                State::Released => Packed::Open { deadline: None },
                State::Completed { outcome, at, until } => {
                    Packed::Completed { outcome: kept(&outcome), at: Ticks::of(at), until: Ticks::of(until) }
                }
            },
            label,
            rest: (!is_plain).then(|| Box::new(rest)),
        }
    }

    /// Replaces the record, except its label.
    pub(super) fn update(&mut self, record: Record, retention: Duration, now: Duration) {
        let label = std::mem::take(&mut self.label);
        *self = Self::new(record, retention, now, label);
    }

    /// The record without its label.
    pub(super) fn record(&self) -> Record {
        let state = match &self.state {
            Packed::Open { deadline: Some(deadline) } => State::InFlight { deadline: deadline.time() },
            Packed::Open { deadline: None } => State::Released,
            Packed::Completed { outcome, at, until } => {
                State::Completed { outcome: shared(outcome.as_ref()), at: at.time(), until: until.time() }
            }
        };
        let mut record = Record::new(state, self.owner, self.fence);
        if let Some(rest) = &self.rest {
            record.attempts = rest.attempts;
            record.fingerprint = rest.fingerprint;
            record.order = rest.order;
        }
        record
    }

    pub(super) fn label(&self) -> Label {
        let mut label = Label::default();
        label.endpoint = self.label.endpoint.as_ref().map(|endpoint| Arc::clone(endpoint.name()));
        label.key = self.label.key.clone();
        label
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
            Packed::Open { deadline: Some(deadline) } => self.expires.left(deadline.time()),
            Packed::Open { deadline: None } | Packed::Completed { .. } => self.expires.left(now),
        }
    }

    /// The time left of the lease. `None` if the key is not held.
    pub(super) fn lease_left(&self, now: Duration) -> Option<Duration> {
        match self.state {
            Packed::Open { deadline: Some(deadline) } if deadline > Ticks::of(now) => {
                Some(deadline.left(now))
            }
            _ => None,
        }
    }

    /// The bytes of the outcome and the label. An endpoint that several records share counts for each of them.
    pub(super) fn bytes(&self) -> usize {
        let outcome = match &self.state {
            Packed::Completed { outcome: Some(outcome), .. } => outcome.slice.len(),
            Packed::Completed { outcome: None, .. } | Packed::Open { .. } => 0,
        };
        let endpoint = self.label.endpoint.as_ref().map_or(0, |endpoint| endpoint.name().len());
        outcome + endpoint + self.label.key.as_ref().map_or(0, |key| key.as_str().len())
    }
}

/// The outcome's bytes without spare capacity.
fn kept(outcome: &Outcome) -> Option<ThinArc<(), u8>> {
    let bytes = outcome.as_bytes();
    (!bytes.is_empty()).then(|| ThinArc::from_header_and_slice((), bytes))
}

/// The outcome without copying its bytes.
fn shared(outcome: Option<&ThinArc<(), u8>>) -> Outcome {
    struct Shared(ThinArc<(), u8>);
    impl AsRef<[u8]> for Shared {
        fn as_ref(&self) -> &[u8] {
            &self.0.slice
        }
    }
    outcome.map_or_else(Outcome::default, |outcome| Outcome::new(Bytes::from_owner(Shared(outcome.clone()))))
}
