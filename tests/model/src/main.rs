//! Explores the claim protocol within the given bounds and minutes.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use idempotency_model::{ClaimModel, Faithful, Search, worlds};

/// Explores the claim protocol in a world that loses, repeats, delays and reorders every request.
#[derive(Parser, Debug)]
struct Options {
    /// Number of workers.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Attempts of each worker.
    #[arg(long, default_value_t = 2)]
    attempts: usize,
    /// Total number of grants, those to late copies of claims included. Default: the number of attempts plus two.
    #[arg(long)]
    grants: Option<u32>,
    /// Ticks of the store's clock; a lease lasts two.
    #[arg(long, default_value_t = 6)]
    ticks: u8,
    /// Time limit for each world, in minutes. On two cores a minute takes about 3 GB of memory.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Explores only the world of this name.
    #[arg(long)]
    world: Option<String>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let limit = Duration::from_secs_f64(options.minutes * 60.0);
    let mut broken = false;
    let attempts = options.workers * options.attempts;
    let all = u32::try_from(attempts).unwrap_or(u32::MAX);
    let grants = options.grants.unwrap_or_else(|| all.saturating_add(2));
    for bounds in worlds(attempts, grants, options.ticks) {
        if options.world.as_ref().is_some_and(|name| name != bounds.name) {
            continue;
        }
        let run =
            Search { rule: None, depth: None, limit }.check(ClaimModel::new(bounds, Arc::new(Faithful)));
        println!("{run}");
        broken |= !run.counterexamples.is_empty();
    }
    ExitCode::from(u8::from(broken))
}
