//! The standard library's locks and atomics. The tests of schedules replace them with those of a model checker.

pub(super) use std::sync::{Mutex, MutexGuard, atomic};
