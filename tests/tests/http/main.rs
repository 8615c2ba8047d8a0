//! Deliveries over HTTP, through the Tower layer and the actix-web middleware.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod actix;
mod batches;
mod bodies;
mod cached;
mod changed_input;
mod disconnect;
mod edges;
mod handshakes;
mod memory;
mod redis;
mod registry;
mod spans;
mod tower;
