//! What the two demo servers share, so that each of them shows only its framework.

use std::error::Error;
use std::process::ExitCode;

mod config;
mod gate;
mod greeting;
mod handler;
mod ledger;
mod routes;
mod secrets;
mod steering;

pub use config::{Config, StoreUrl};
pub use gate::Gate;
pub use greeting::greet;
pub use handler::{Reply, payment, webhook};
pub use ledger::{Ledger, open_ledger};
pub use routes::{Route, payments_route, webhook_routes};
pub use secrets::Secrets;
pub use steering::Steering;

/// Logs to standard error; `RUST_LOG` chooses what.
pub fn log_to_stderr() {
    use tracing_subscriber::EnvFilter;
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,idempotency=debug"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

/// How the program ends; where it failed, with the reason on standard error.
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
