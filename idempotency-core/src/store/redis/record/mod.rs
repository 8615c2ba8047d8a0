//! The record: its name in Redis, its encoding, and the scripts that change it.

pub(super) mod codec;
pub(super) mod keys;
pub(super) mod script;
