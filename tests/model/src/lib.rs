//! A model of the claim protocol, explored state by state.
//!
//! The protocol itself is not modelled: every step calls the functions on [`Record`](idempotency_core::store::Record) that the
//! stores apply. The model is the world around them, which is as hostile as possible:
//!
//! - **The network** keeps every request that was ever sent. Any of them may arrive at any time, any number of times,
//!   in any order, or never. Replies are modelled by their effect alone: once an attempt was granted a fence, every
//!   request under that lease may arrive.
//! - **Workers** are sequences of attempts, each with its own owner. After a crash no request of the attempt arrives.
//!   During a pause none arrives for longer than the lease. The runs include both, and also runs in which the
//!   attempts of one worker overlap, which those of a real worker do not.
//! - **Time** is the store's clock. It ticks at any moment.
//! - **An operator** may resolve or forget a record, and a record may become unreadable, where the [`Bounds`] say so.
//!
//! An auditor tracks who holds each key from the answers alone, and notes which [`Rule`] a step broke. Every operation
//! is also applied twice, and every state is probed with a claim by a new owner. [`mutants`] shows that this finds
//! mistakes. The events that each run must reach show that the rules are not vacuously true.
//!
//! Where record and mark change in two steps, as in a cluster, each step is its own request. The network loses, delays
//! and repeats it, and a worker may crash between the two. An older version then *starts* when its read of the mark is
//! answered; a newer one has *completed* when its record says so. The mark may be ahead of the record: the auditor
//! accepts a stale answer once a handler of the newer version has succeeded that held its lease when it started. Its
//! effect has happened, even if the lease and the completion are lost later. A mark without such a handler is a
//! violation: it makes an event stale although there is no newer one.
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
