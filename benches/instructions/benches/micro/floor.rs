//! The plain code: a `DashMap` with keys of 128 bits, as a program would write it by hand.

use bytes::Bytes;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;

/// Records that are never dropped, without leases.
#[derive(Default)]
pub struct PlainMap(DashMap<u128, Record>);

struct Record {
    owner: u128,
    fingerprint: u128,
    /// `None` while the key is in flight.
    outcome: Option<Bytes>,
}

/// What a claim finds.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the key is now in flight.
    Nothing,
    /// Another attempt in flight.
    InFlight,
    /// An outcome.
    Completed(Bytes),
    /// A record with another fingerprint.
    Mismatch,
}

impl PlainMap {
    pub fn claim(&self, key: u128, owner: u128, fingerprint: u128) -> Found {
        match self.0.entry(key) {
            Entry::Vacant(entry) => {
                entry.insert(Record { owner, fingerprint, outcome: None });
                Found::Nothing
            }
            Entry::Occupied(entry) => match entry.get() {
                record if record.fingerprint != fingerprint => Found::Mismatch,
                Record { outcome: Some(outcome), .. } => Found::Completed(outcome.clone()),
                _ => Found::InFlight,
            },
        }
    }

    /// Whether the owner still held the key.
    pub fn complete(&self, key: u128, owner: u128, outcome: &Bytes) -> bool {
        let record = self.0.get_mut(&key).filter(|record| record.owner == owner);
        record.map(|mut record| record.outcome = Some(outcome.clone())).is_some()
    }
}
