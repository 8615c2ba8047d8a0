//! The conformance suite: one function per rule of the store contract.
//!
//! Each function is named after its rule, takes a [`Harness`], and panics if the store breaks the rule. Each uses keys
//! of its own, so functions can share one server. [`conformance_tests!`](crate::conformance_tests) defines a test for
//! each function, and [`run_all`] runs all of them in sequence.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # mod example {
//! use std::sync::Arc;
//! use std::time::Duration;
//! use async_trait::async_trait;
//! use idempotency_core::ScopedKey;
//! use idempotency_core::clock::ManualClock;
//! use idempotency_core::store::Store;
//! use idempotency_core::store::conformance::Harness;
//! use idempotency_core::store::memory::MemoryStore;
//!
//! struct Memory {
//!     store: MemoryStore,
//!     clock: Arc<ManualClock>,
//! }
//!
//! impl Memory {
//!     fn new() -> Self {
//!         let clock = Arc::new(ManualClock::new());
//!         Self { store: MemoryStore::new().with_clock(Arc::clone(&clock)), clock }
//!     }
//! }
//!
//! #[async_trait]
//! impl Harness for Memory {
//!     async fn store(&self) -> Arc<dyn Store> {
//!         Arc::new(self.store.clone())
//!     }
//!
//!     async fn second_handle(&self) -> Arc<dyn Store> {
//!         Arc::new(self.store.clone())
//!     }
//!
//!     async fn advance(&self, by: Duration) {
//!         self.clock.advance(by);
//!     }
//!
//!     async fn corrupt(&self, _: &ScopedKey) -> bool {
//!         false // these records are not stored as bytes
//!     }
//! }
//!
//! idempotency_core::conformance_tests!(Memory::new());
//! # }
//! ```

#![expect(clippy::missing_panics_doc, reason = "every function panics if the store breaks its rule")]

mod address;
mod adopt;
mod answer;
mod case;
mod complete;
mod give_up;
mod grant;
mod list;
mod listing;
mod many;
mod mismatch;
mod operator;
mod race;
mod release;
mod repeat;
mod retention;
mod stale;
mod takeover;
#[cfg(test)]
mod tests;
mod unreadable;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::{ScopedKey, Store};

pub use address::*;
pub use adopt::*;
pub use answer::*;
pub use complete::*;
pub use give_up::*;
pub use grant::*;
pub use list::run_all;
pub use listing::*;
pub use many::*;
pub use mismatch::*;
pub use operator::*;
pub use race::*;
pub use release::*;
pub use repeat::*;
pub use retention::*;
pub use stale::*;
pub use takeover::*;
pub use unreadable::*;
pub use wait::*;

/// Gives the suite two handles on the same records, and control of the time.
#[async_trait]
pub trait Harness: Send + Sync {
    /// Returns a handle on the records.
    async fn store(&self) -> Arc<dyn Store>;

    /// Returns another handle on the same records, like that of another process, with its own connection or pool.
    async fn second_handle(&self) -> Arc<dyn Store>;

    /// Advances the time by this much for every record and mark of this harness, and for no others.
    ///
    /// Either move the store's clock, or shift the times in the stored data. Real time may pass as well: the suite
    /// tolerates up to [`SLACK`].
    async fn advance(&self, by: Duration);

    /// Makes the record of this key unreadable without going through the store, and keeps its expiry. Returns whether
    /// it did.
    ///
    /// Return `false` only if a record cannot be unreadable, because the store does not keep it as bytes.
    async fn corrupt(&self, key: &ScopedKey) -> bool;

    /// Returns whether a record and its mark change in one step. Default: `true`.
    ///
    /// If they do not, as in a cluster, a holder that has lost its lease without knowing it may still raise the mark. A
    /// repeated claim checks the mark again, and may then be stale.
    fn changes_mark_with_record(&self) -> bool {
        true
    }
}

/// The real time that may pass while a function runs. Durations that must differ, differ by more than this.
pub const SLACK: Duration = Duration::from_secs(20);
