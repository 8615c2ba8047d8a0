//! The demo server in axum with the twelve points around its store and its ledger: `FAULT_AT` says where it
//! strikes itself.

#[path = "../../../examples/axum-webhooks/src/server.rs"]
mod server;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use idempotency_demo::Config;

#[tokio::main]
async fn main() -> ExitCode {
    idempotency_demo::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    idempotency_demo::log_to_stderr();
    let config = Config::parse();
    let (store, ledger) = idempotency_tests::faults::armed(&config)?;
    server::serve(config, Arc::new(store), Arc::new(ledger)).await
}
