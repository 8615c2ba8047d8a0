//! The conformance suite: one function per rule of the store contract.
//!
//! Every function is a sentence, takes a [`Harness`] and panics where the store breaks the rule; each works on keys of
//! its own, so that they may share one server. [`conformance_tests!`](crate::conformance_tests) makes a test of each,
//! [`run_all`] runs them one after the other.
//!
//! ```
//! # #[cfg(feature = "memory")]
//! # mod example {
//! use std::sync::Arc;
//! use std::time::Duration;
//! use async_trait::async_trait;
//! use idempotency_core::clock::ManualClock;
//! use idempotency_core::store::conformance::Harness;
//! use idempotency_core::{MemoryStore, ScopedKey, Store};
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
//!     async fn garble(&self, _: &ScopedKey) -> bool {
//!         false // no bytes lie under these records
//!     }
//! }
//!
//! idempotency_core::conformance_tests!(Memory::new());
//! # }
//! ```

#![expect(clippy::missing_panics_doc, reason = "every function panics where a store breaks its rule")]

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

/// What the suite needs of a store: two handles on the same records, and a way to let time pass.
#[async_trait]
pub trait Harness: Send + Sync {
    /// A handle on the records.
    async fn store(&self) -> Arc<dyn Store>;

    /// Another handle on the same records, as another process would have: a connection, a pool of its own.
    async fn second_handle(&self) -> Arc<dyn Store>;

    /// Lets this much time pass for every record and mark of this harness, and for no other's.
    ///
    /// By moving the store's clock, or by shifting what the store keeps of time. Time may run on besides: the suite
    /// allows for [`SLACK`].
    async fn advance(&self, by: Duration);

    /// Makes the record of this key unreadable behind the store's back, its expiry kept. Answers whether it did.
    ///
    /// `false` only where a record cannot be unreadable: a store whose records are not bytes.
    async fn garble(&self, key: &ScopedKey) -> bool;

    /// Whether a record and its mark change in one step. Default: they do.
    ///
    /// Where they do not, as in a cluster, a holder that has lost its lease without knowing may raise the mark before it is
    /// told so, and a claim that is repeated looks at the mark again and may be stale.
    fn changes_mark_with_record(&self) -> bool {
        true
    }
}

/// How much time may run on by itself while a function works. All durations that must differ do so by more.
pub const SLACK: Duration = Duration::from_secs(20);
