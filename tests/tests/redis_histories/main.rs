//! Histories recorded at real servers while these fail can be explained by a store that keeps the contract.
//!
//! `HISTORIES_SECONDS` repeats each test, with other seeds, until so much time has gone (default: once).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cluster;
mod sentinel;
mod server;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::Store;
use idempotency_core::clock::TokioClock;
use idempotency_core::engine::{Runtime, TokioRuntime};
use idempotency_simulation::log::Log;
use idempotency_simulation::record;
use idempotency_simulation::workload::Workload;
use idempotency_tests::demo::now;
use tokio::task::JoinSet;

use tally::Tally;

/// The server counts whole milliseconds, and may read its clock a little before it carries out a command.
const RESOLUTION: u64 = 3_000;

/// Longer histories than usual, so that a failover falls into them.
const OPERATIONS: u64 = 80;
/// And a lease that the servers' time to agree on another master is not much longer than.
const LEASE: Duration = Duration::from_secs(1);

/// Repeats a test, each time with other seeds, as long as it was asked for.
async fn repeated(mut round: impl AsyncFnMut(u64, &mut Tally)) -> Tally {
    let seconds = std::env::var("HISTORIES_SECONDS").map_or(0, |text| text.parse().expect("a number"));
    let (start, mut tally) = (now(), Tally::default());
    for number in 0.. {
        round(number, &mut tally).await;
        tally.rounds += 1;
        if start.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
    }
    tally
}

/// Starts so many histories within one second, on these stores in turn.
fn recordings(
    stores: &[Arc<dyn Store>],
    seeds: std::ops::Range<u64>,
    clock: &Arc<TokioClock>,
) -> JoinSet<(u64, Log)> {
    let mut recordings = JoinSet::new();
    let pause = Duration::from_secs(1) / u32::try_from(seeds.end - seeds.start).unwrap();
    let stores = stores.iter().cloned().cycle();
    for ((place, seed), store) in seeds.enumerate().zip(stores) {
        let (clock, pause) = (Arc::clone(clock), pause * u32::try_from(place).unwrap());
        recordings.spawn(async move {
            tokio::time::sleep(pause).await;
            let workload = Workload::of_seed(seed, &format!("history-{seed}"));
            (seed, recorded(store, workload.with_lease(LEASE).with_operations(OPERATIONS), clock).await)
        });
    }
    recordings
}

async fn recorded(store: Arc<dyn Store>, workload: Workload, clock: Arc<TokioClock>) -> Log {
    let log = Log::new(clock);
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
    record(store, &workload, &log, |_| runtime.clone()).await;
    log
}
