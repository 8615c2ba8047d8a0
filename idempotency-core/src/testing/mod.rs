//! Signing payloads as each sender does, for testing handlers.
