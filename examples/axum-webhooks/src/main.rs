//! The demo server in axum: its flags and its store.

mod handlers;
mod server;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use idempotency_demo::Config;

#[tokio::main]
async fn main() -> ExitCode {
    idempotency_demo::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    idempotency_demo::log_to_stderr();
    let config = Config::parse();
    let store = config.open_store()?;
    let ledger = idempotency_demo::open_ledger(config.ledger.as_deref())?;
    server::serve(config, store, ledger).await
}
