//! Faults at twelve named points of the engine. They are put around a store and a ledger, so the engine knows nothing
//! of them.

mod armed;
mod ledger;
mod point;
mod store;

use std::error::Error;
use std::sync::Arc;

use idempotency_demo::Config;

pub use armed::Strike;
pub use ledger::FaultyLedger;
pub use point::{FaultAt, Point, Signal};
pub use store::FaultyStore;

use armed::Armed;

/// The store and the ledger of a demo server, with the fault between them that the environment's `FAULT_AT` names.
///
/// # Errors
/// When it names none, or one of the two cannot be opened.
pub fn armed(config: &Config) -> Result<(FaultyStore, FaultyLedger), Box<dyn Error>> {
    let armed = Arc::new(Armed::from_env()?);
    let store = FaultyStore::new(config.open_store()?, Arc::clone(&armed));
    let ledger = FaultyLedger::new(idempotency_demo::open_ledger(config.ledger.as_deref())?, armed);
    Ok((store, ledger))
}
