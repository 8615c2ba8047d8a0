//! Servers under load: what a delivery costs over HTTP, in each framework and on each store.
//!
//! Three programs take part. `http` starts Redis, PostgreSQL and one `http-server` per variant, and has `http-load` send
//! deliveries to each of them in turns. The server has one core and one worker thread, everything else has the other core.

pub mod cpu;
pub mod delivery;
pub mod processes;
pub mod round;
pub mod signature;
pub mod table;
pub mod variant;
pub mod workload;
