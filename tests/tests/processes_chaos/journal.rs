//! The journal: what was done to whom, and when.

use std::sync::{Arc, Mutex};

use idempotency_tests::faults::{Point, Signal, Strike};

use super::{lock, micros};

/// One fault, from its start to its end.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: &'static str,
    /// Where the server struck itself.
    pub(crate) point: Option<Point>,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// All faults so far. One that is not over ends at the end of time.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<Fault>>>);

impl Journal {
    pub(crate) fn all(&self) -> Vec<Fault> {
        lock(&self.0).clone()
    }

    /// A fault that begins.
    pub(crate) fn begin(&self, kind: &'static str) -> Ongoing {
        self.put(Fault { kind, point: None, from: micros(), to: u64::MAX })
    }

    /// A fault that a server has begun itself.
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

/// A fault that is over when this is dropped.
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
