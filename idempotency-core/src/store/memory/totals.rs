//! Totals: how much the store holds, and how much it may.

use super::sync::atomic::{AtomicUsize, Ordering};

/// How much the store may hold.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// How much the store holds. Records are counted before they are written, so that their limit is never passed.
#[derive(Default)]
pub(super) struct Totals {
    records: AtomicUsize,
    bytes: AtomicUsize,
}

impl Totals {
    pub(super) fn records(&self) -> usize {
        self.records.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Makes room for a record of this size. Refused also where the others have used up the bytes; the last one may pass
    /// their limit.
    pub(super) fn add_record(&self, bytes: usize, limits: &Limits) -> bool {
        let has_room = self.bytes() < limits.bytes && add(&self.records, 1, limits.records);
        if has_room {
            self.add_bytes(bytes);
        }
        has_room
    }

    pub(super) fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn remove_record(&self, bytes: usize) {
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.remove_bytes(bytes);
    }

    pub(super) fn remove_bytes(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}

fn add(total: &AtomicUsize, more: usize, limit: usize) -> bool {
    let sum = |total: usize| total.checked_add(more).filter(|sum| *sum <= limit);
    total.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum).is_ok()
}
