//! `SET key NX EX` and this library, under the same storm. The first thing for a visitor to run.

mod chance;
mod event;
mod handler;
mod ledger;
mod library;
mod naive;
mod redis_server;
mod sender;
mod serve;
mod storm;
mod story;
mod table;
mod tally;
mod workers;

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use idempotency_core::clock;
use ledger::Ledger;
use redis_server::RedisServer;
use serve::{App, Serve};

/// The naive lock's `EX` and the library's lease. A second here stands for thirty.
const LEASE: Duration = Duration::from_secs(2);
/// How long the sender waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(1);
/// The sender's signing secret.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Runs the same storm of webhooks against the usual Redis lock and against this library, and counts the
/// results.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Hidden>,
    /// The Redis server to use. Default: starts one.
    #[arg(long)]
    redis: Option<String>,
    /// The seed of the storm.
    #[arg(long, default_value_t = 42)]
    seed: u64,
}

#[derive(Subcommand)]
enum Hidden {
    #[command(hide = true)]
    Serve(Serve),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Some(Hidden::Serve(serve)) => serve::serve(serve).await,
        None => compare(arguments.redis, arguments.seed).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("naive-lock: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Sends the storm to both apps and prints the results. Fails if the library did not keep its promise.
async fn compare(redis: Option<String>, seed: u64) -> Result<(), Box<dyn Error>> {
    let redis = match redis {
        Some(url) => RedisServer::running_at(url),
        None => RedisServer::start().await?,
    };
    let run = format!("{:x}", clock::system_unix_time().as_micros());
    let stories = story::stories(seed, &run);
    let ledger = |app: App| {
        let name = format!("naive-lock-{run}-{}.jsonl", app.name());
        Ledger::create(std::env::temp_dir().join(name))
    };
    let (naive, library) = (ledger(App::Naive)?, ledger(App::Library)?);

    println!(
        "The same storm (seed {seed}) on two apps at once, each of two worker processes, over one Redis server.\n\
         The lock's EX and the library's lease are both {} s: a second here stands for thirty of EX 60.\n\
         The sender waits {} s for an answer and sends each copy again until it gets a 2xx: half of them soon, up to\n\
         9 times; the others after 2.5 s or more, when the lock has run out, up to 4 times. About 20 s ...\n",
        LEASE.as_secs(),
        TIMEOUT.as_secs()
    );
    let evidence = tokio::try_join!(
        storm::storm(App::Naive, &stories, &redis.url, naive.clone()),
        storm::storm(App::Library, &stories, &redis.url, library.clone()),
    )?;
    let (table, [_, sum]) = table::table(&stories, [&evidence.0, &evidence.1]);
    println!("{table}\n{}\n\nWhy the lock fails:\n{}\n", tally::DEFINITIONS, table::REASONS);
    println!("The ledgers, to check the counts: {} {}", naive.path().display(), library.path().display());
    if !sum.is_clean() {
        return Err(
            "the library did not keep its promise: its last row must show no double, lost or stale".into()
        );
    }
    Ok(())
}
