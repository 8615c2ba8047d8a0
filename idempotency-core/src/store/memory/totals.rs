//! Totals: the store's size, and its limits.

use super::sync::atomic::{AtomicUsize, Ordering};

/// The limits of a store.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) records: usize,
    pub(super) bytes: usize,
}

/// The size of a store. Records are counted before they are written, so that their number never exceeds the limit.
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

    /// Counts a new record of this size. Returns whether there was room: the number of records must be below its limit,
    /// and so must the bytes before this record, which may then exceed theirs.
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

/// The size at which to sweep next. That is double the current size, so sweeping costs O(1) per insert.
pub(super) fn next_sweep(len: usize) -> usize {
    (2 * len).max(64)
}
