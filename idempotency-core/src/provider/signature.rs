//! Signature checks, each of which proves what was signed.
