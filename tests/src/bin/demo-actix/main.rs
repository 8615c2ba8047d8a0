//! The demo server in actix-web for tests: a delivery's query steers its handler, and the process kills or stops itself at
//! the one of the twelve points around its store and ledger that `FAULT_AT` names.

mod handlers;
#[path = "../../../../examples/actix-webhooks/src/server.rs"]
mod server;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use idempotency_demo::Config;
use idempotency_tests::faults;

#[actix_web::main]
async fn main() -> ExitCode {
    idempotency_demo::exit_code(run().await)
}

async fn run() -> Result<(), Box<dyn Error>> {
    idempotency_demo::log_to_stderr();
    let config = Config::parse();
    let ledger = idempotency_demo::open_ledger(config.ledger.as_deref())?;
    let (store, ledger) = faults::armed((config.open_store()?, ledger))?;
    server::serve(config, store, ledger).await
}
