//! Signatures, secrets, scopes and bounds hold against a hostile sender.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bounds;
mod debug;
mod forged;
mod logs;
mod scopes;
mod unreadable;
