//! The records that first grants of this process wrote, until their leases end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::record::codec;
use crate::{KeyDigest, Lease};

/// The number of records in a generation. A record has 48 bytes and its label, so two generations take some megabytes.
const GENERATION: usize = 8_192;

/// Remembers the bytes of granted records, so that their completion can compare them. Forgetting one costs a script.
///
/// A lease may end without a word to this store, so records are kept in two generations: the older one is dropped when the
/// younger one is full.
#[derive(Default)]
pub(super) struct FirstGrants(Mutex<Generations>);

#[derive(Default)]
struct Generations {
    young: HashMap<KeyDigest, Vec<u8>>,
    old: HashMap<KeyDigest, Vec<u8>>,
}

impl FirstGrants {
    pub(super) fn remember(&self, key: KeyDigest, record: Vec<u8>) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, record);
    }

    /// Takes out the record that the grant of this lease wrote.
    pub(super) fn take(&self, lease: &Lease) -> Option<Vec<u8>> {
        let Generations { young, old } = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = lease.key().digest();
        for generation in [young, old] {
            if generation.get(&key).is_some_and(|record| codec::is_held_by(record, lease)) {
                return generation.remove(&key);
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "first_grants_tests.rs"]
mod tests;
