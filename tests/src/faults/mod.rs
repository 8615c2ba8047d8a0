//! Faults at twelve named points of the engine. They are put around a store and a ledger, so the engine knows nothing
//! of them.

mod armed;
mod ledger;
mod point;
mod store;

pub use armed::{Armed, Strike};
pub use ledger::FaultyLedger;
pub use point::{FaultAt, Point, Signal};
pub use store::FaultyStore;
