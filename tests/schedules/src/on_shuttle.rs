//! The store on shuttle's locks.

use idempotency_core::store::{Cursor, Filter, Listing, Page};

mod sync {
    pub(super) use shuttle::sync::{Mutex, MutexGuard, atomic};
}

#[path = "../../../idempotency-core/src/store/memory/mod.rs"]
mod memory;

pub use memory::MemoryStore;
