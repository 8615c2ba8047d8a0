//! The verification of each sender's deliveries, and their keys and orders.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod accounts;
mod cached_secrets;
mod cached_secrets_joined;
mod fetched;
mod hanging;
mod idempotency_key;
mod ids;
mod keys;
mod malformed_secrets;
mod order;
mod properties;
mod registry;
mod rotation;
mod secret_check;
mod secrets;
mod senders;
mod settings;
mod signatures;
mod slow_vault;
mod surrogates;
mod twilio;
mod twilio_kinds;
mod vectors;
