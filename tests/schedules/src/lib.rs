//! The memory store, built on the locks of two schedule checkers.
//!
//! The store's own source is compiled again for each checker: `super::sync` then has the checker's locks and counters
//! instead of those of the standard library. The store does not know of this. Its wake-ups still come from tokio: to the
//! checker each is one step.

#![expect(clippy::duplicate_mod, reason = "the store is built once for each checker")]

use idempotency_core::store::*;
use idempotency_core::{store, *};

pub mod case;
pub mod on_loom;
pub mod on_shuttle;
