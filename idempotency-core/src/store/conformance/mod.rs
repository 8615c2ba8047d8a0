//! The conformance suite: one function per rule of the store contract.
