//! Stores in SQL databases, and their servers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod crash_kit;
mod network;
mod outbox;
mod postgres;
mod postgres_conformance;
mod postgres_dropped;
mod postgres_limits;
mod postgres_repeats;
mod postgres_rivals;
mod postgres_runtimes;
mod server;
mod session;
mod transaction;
