//! A model of the claim protocol, explored state by state.
//!
//! The protocol itself is not modelled: every step calls the functions on [`Record`](idempotency_core::Record) that the
//! stores apply. What is modelled is the world around them, and it is as hostile as can be:
//!
//! - **The network** keeps every request that was ever sent. Any of them may arrive at any time, any number of times,
//!   in any order, or never. Of a reply nothing is modelled but its effect: an attempt that was granted a fence may
//!   have heard of it, so from then on every request under that lease may arrive.
//! - **Workers** are sequences of attempts with an owner each. A worker that crashed is one of whose attempt nothing
//!   arrives any more, a paused one is one of whose attempt nothing arrives for longer than the lease; both are among
//!   the runs explored, and so is every run in which a worker's attempts overlap, which a real worker's do not.
//! - **Time** is the store's clock. It ticks at any moment.
//! - **An operator** may resolve or forget a record, and a record may become unreadable, where the [`Bounds`] say so.
//!
//! An auditor keeps its own account of who holds what, from answers alone, and notes which [`Rule`] a step broke. Every
//! operation is moreover applied twice, and in every state a stranger's claim is tried. That this finds mistakes is
//! shown by [`mutants`], that it is not empty by the events that each run must come upon.
//!
//! Where record and mark change in two steps, as in a cluster, each step is a request of its own, which the network loses,
//! delays and repeats, and between which a worker may crash. An older version then *starts* when its look at the mark is
//! answered; a newer one has *completed* when its record says so. The mark may be ahead of that: the auditor lets a delivery
//! be stale where a handler of the newer version succeeded that held its lease when it started, also if it lost the lease
//! during the run and its completion, since its effect has happened. A mark that no such handler stands for is a violation:
//! it makes an event stale for which there is no newer one.
//!
//! A record is kept for the whole run, unless the bounds set a retention.

mod action;
mod audit;
mod bounds;
mod mistakes;
mod model;
mod mutant;
mod properties;
mod protocol;
mod reached;
mod rule;
mod run;
mod slot;
mod steps;
mod world;

pub use action::{Action, Operation};
pub use bounds::{Arrival, Bounds, worlds};
pub use model::ClaimModel;
pub use mutant::{Mutant, mutants};
pub use protocol::{Faithful, Protocol};
pub use rule::Rule;
pub use run::{Run, Search};
pub use world::World;
