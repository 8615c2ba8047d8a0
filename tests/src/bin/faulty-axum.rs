//! The demo server in axum with the twelve points around its store and its ledger: `FAULT_AT` says where it
//! strikes itself.

#[path = "../../../examples/axum-webhooks/src/server.rs"]
mod server;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use idempotency_demo::Config;
use idempotency_tests::faults::{Armed, FaultyLedger, FaultyStore};

#[tokio::main]
async fn main() -> ExitCode {
    idempotency_demo::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    idempotency_demo::log_to_stderr();
    let config = Config::parse();
    let armed = Arc::new(Armed::from_env()?);
    let store = FaultyStore::new(config.open_store()?, armed.clone());
    let ledger = FaultyLedger::new(idempotency_demo::open_ledger(config.ledger.as_deref())?, armed);
    server::serve(config, Arc::new(store), Arc::new(ledger)).await
}
