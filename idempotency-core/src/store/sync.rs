//! Locks and counters: the standard library's. The tests of schedules put a checker's in their place.

pub(super) use std::sync::{Mutex, MutexGuard, atomic};
