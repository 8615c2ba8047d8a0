//! The parts that the two demo servers share, so that each server shows only its framework.

use std::error::Error;
use std::process::ExitCode;

mod catalogue;
mod config;
mod fetched;
mod greeting;
mod handler;
mod ledger;
mod routes;
mod secrets;
mod store;
mod tokens;

pub use config::Config;
pub use greeting::greet;
pub use handler::{Reply, batch, payment, webhook};
pub use ledger::{Ledger, open_ledger};
pub use routes::{WEBHOOKS, payments_policy, payments_provider, webhook_policy, webhook_providers};
pub use secrets::Secrets;
pub use store::StoreUrl;

/// Logs to standard error. `RUST_LOG` sets the filter.
pub fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,idempotency=debug"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// Returns the program's exit code. Prints the error, if there is one, with its causes to standard error.
#[must_use]
pub fn exit_code(result: Result<(), Box<dyn Error>>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprint!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprint!(": {cause}");
        source = cause.source();
    }
    eprintln!();
    ExitCode::FAILURE
}
