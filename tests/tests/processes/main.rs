//! The demo servers as processes that are killed, paused, raced against each other, and cut off from their store.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod adopting;
mod backing;
mod chaos;
mod commands;
mod every_sender;
mod failures;
mod fenced;
mod killed;
mod logs;
mod once;
mod order;
mod outage;
mod paused;
mod payments;
mod points;
mod recording;
mod renewal;
mod senders;
mod shutdown;
mod stripe_orders;
