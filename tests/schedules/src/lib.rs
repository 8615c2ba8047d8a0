//! The memory store, built upon the locks of two checkers of schedules.
//!
//! The source is the store's own, compiled once more for each checker: where it says `super::sync` it finds that
//! checker's locks and counters instead of the standard library's. Nothing in the store knows of it. What the store
//! takes from tokio, its wake-ups, stays as it is: one step, as seen from here.

#![expect(clippy::duplicate_mod, reason = "the store is built once for each checker")]

use idempotency_core::*;

pub mod case;
pub mod on_loom;
pub mod on_shuttle;
