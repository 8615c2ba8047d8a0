//! The Redis store on real servers: one server, a cluster and sentinels, behind networks that fail.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cluster_conformance;
mod cluster_faults;
mod cluster_orders;
mod commands;
mod completing;
mod confirmer;
mod conformance;
mod durability;
mod faults;
mod health;
mod lifetimes;
mod limits;
mod properties;
mod runtimes;
mod sentinel_conformance;
mod sentinel_faults;
mod table;
mod tls;
mod turns;
mod unreadable;
mod waiting;
