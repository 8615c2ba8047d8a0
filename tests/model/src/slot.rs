//! A slot: what the store keeps for one key.

use std::hash::{Hash, Hasher};

use idempotency_core::{Record, State};

#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Slot {
    Empty,
    Kept(Record),
    /// Something that cannot be decoded, is of a foreign type, or belongs to another key.
    Unreadable,
}

impl Slot {
    pub(crate) fn record(&self) -> Option<&Record> {
        match self {
            Self::Kept(record) => Some(record),
            Self::Empty | Self::Unreadable => None,
        }
    }

    pub(crate) fn write(&mut self, record: Option<Record>) {
        if let Some(record) = record {
            *self = Self::Kept(record);
        }
    }
}

impl Hash for Slot {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        std::mem::discriminant(self).hash(hasher);
        if let Self::Kept(record) = self {
            std::mem::discriminant(&record.state).hash(hasher);
            match &record.state {
                State::InFlight { deadline } => deadline.hash(hasher),
                State::Released => {}
                State::Completed(outcome) => outcome.as_bytes().hash(hasher),
            }
            record.owner.hash(hasher);
            record.fence.hash(hasher);
            record.attempts.hash(hasher);
            record.fingerprint.hash(hasher);
            record.version.hash(hasher);
        }
    }
}
