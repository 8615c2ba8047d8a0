//! The memory store, and properties of every store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod memory;
mod memory_limits;
mod properties;
mod worker_clocks;
