//! Faults at twelve named points of the engine. They wrap a store and a ledger, so the engine does not know of them.

mod armed;
mod ledger;
mod point;
mod store;

use std::sync::Arc;

use idempotency_core::store::Store;
use idempotency_demo::Ledger;

pub use armed::{Armed, Strike};
pub use ledger::FaultyLedger;
pub use point::{FaultAt, Point, Signal};
pub use store::FaultyStore;

/// The store and the ledger of a demo server.
pub type StoreAndLedger = (Arc<dyn Store>, Arc<dyn Ledger>);

/// Wraps a store and a ledger with the fault in the environment variable `FAULT_AT`, if it is set.
///
/// # Errors
/// If it is not one of the faults.
pub fn armed((store, ledger): StoreAndLedger) -> Result<StoreAndLedger, String> {
    let Some(armed) = Armed::from_env()?.map(Arc::new) else { return Ok((store, ledger)) };
    let store = FaultyStore::new(store, Arc::clone(&armed));
    Ok((Arc::new(store), Arc::new(FaultyLedger::new(ledger, armed))))
}
