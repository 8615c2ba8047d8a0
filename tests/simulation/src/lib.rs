//! Seeded simulation of stores and engine, judged by a linearizability checker for leases.
//!
//! A run is one thread in simulated time. The order of the tasks, the faults of the network, and the stalls and deaths
//! of processes all follow from a seed. A failure prints its seed, and the same seed fails again.
//!
//! - [`checker`] judges a [`history`]: could a store that keeps the contract have given these answers?
//! - [`workload`] and [`record()`] make histories from any store, simulated or real.
//! - [`stores`] runs them against a store behind a simulated network.
//! - [`split`] has the store whose record and mark change in two steps, as in a cluster.
//! - [`mod@engine`] runs the real engine in several processes, with senders that retry.
//! - [`batches`] has workers that hold several keys at once.
//! - [`planted`] has stores with bugs, which the checker finds.

pub mod batches;
pub mod checker;
pub mod counters;
pub mod engine;
pub mod history;
pub mod log;
pub mod network;
pub mod planted;
mod record;
pub mod recording;
pub mod rng;
pub mod split;
pub mod stores;
pub mod workload;
pub mod world;

pub use record::{record, work};
