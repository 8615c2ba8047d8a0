//! The journal: the faults, with their targets and times.

use std::sync::{Arc, Mutex};

use idempotency_tests::faults::{Point, Signal, Strike};

use super::{lock, micros};

/// One fault, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    /// The point at which the server struck itself.
    pub(crate) point: Option<Point>,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// All faults so far. The end of an unfinished fault is `u64::MAX`.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Fault>>>);

impl Journal {
    pub(crate) fn all(&self) -> Vec<Fault> {
        lock(&self.0).clone()
    }

    /// Notes the start of a fault.
    pub(crate) fn begin(&self, kind: &'static str) -> Ongoing {
        self.put(Fault { kind, point: None, from: micros(), to: u64::MAX })
    }

    /// Notes a fault that a server inflicted on itself.
    pub(crate) fn struck(&self, strike: Strike) -> Ongoing {
        let kind = match strike.fault.signal {
            Signal::Kill => "server killed at a point",
            Signal::Stop => "server paused at a point",
        };
        self.put(Fault { kind, point: Some(strike.fault.point), from: strike.at, to: u64::MAX })
    }

    fn put(&self, fault: Fault) -> Ongoing {
        let mut faults = lock(&self.0);
        faults.push(fault);
        Ongoing { journal: self.clone(), place: faults.len() - 1 }
    }
}

/// An unfinished fault. Dropping this ends it.
#[must_use = "a fault that is dropped is over"]
pub(crate) struct Ongoing {
    journal: Journal,
    place: usize,
}

impl Drop for Ongoing {
    fn drop(&mut self) {
        lock(&self.journal.0)[self.place].to = micros();
    }
}
