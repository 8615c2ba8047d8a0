//! A slot: the store's entry for one key.

use std::hash::{Hash, Hasher};

use std::time::Duration;

use idempotency_core::store::{Record, State};

#[derive(Clone, PartialEq, Eq, Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would cost an allocation for each state")]
pub(crate) enum Slot {
    Empty,
    Kept {
        record: Record,
        /// The time until which it is kept.
        until: Duration,
    },
    /// A value that cannot be decoded, is of a foreign type, or belongs to another key.
    Unreadable,
}

impl Slot {
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Kept { record, .. } => Some(record),
            Self::Empty | Self::Unreadable => None,
        }
    }

    pub(crate) fn write(&mut self, write: Option<(Record, Duration)>) {
        if let Some((record, until)) = write {
            *self = Self::Kept { record, until };
        }
    }

    /// Whether this write changes nothing.
    pub(crate) fn is_kept_by(&self, write: Option<(Record, Duration)>) -> bool {
        write.is_none_or(|(record, until)| Self::Kept { record, until } == *self)
    }

    /// Drops the record if it has expired. Returns whether it did.
    pub(crate) fn expire(&mut self, now: Duration) -> bool {
        let has_expired = matches!(self, Self::Kept { until, .. } if *until <= now);
        if has_expired {
            *self = Self::Empty;
        }
        has_expired
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        std::mem::discriminant(self).hash(hasher);
        if let Self::Kept { record, until } = self {
            until.hash(hasher);
            std::mem::discriminant(&record.state).hash(hasher);
            match &record.state {
                State::InFlight { deadline } => deadline.hash(hasher),
                State::Released => {}
                State::Completed { outcome, .. } => outcome.as_bytes().hash(hasher),
            }
            record.owner.hash(hasher);
            record.fence.hash(hasher);
            record.attempts.hash(hasher);
            record.fingerprint.hash(hasher);
            record.order.hash(hasher);
        }
    }
}
