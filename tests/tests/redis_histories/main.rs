//! Histories of real stores under faults can be explained by a store that keeps the contract.
//!
//! `HISTORIES` sets the minimum number of histories of each test (default: 200). They are recorded in rounds
//! with different faults.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod cluster;
mod memory;
mod pace;
mod postgres;
mod sentinel;
mod server;
mod sqlite;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::TokioClock;
use idempotency_core::store::Store;
use idempotency_simulation::log::Log;
use idempotency_simulation::recording::RecordingStore;
use idempotency_simulation::work;
use idempotency_simulation::workload::Workload;
use idempotency_tests::redis_cluster::until;
use tokio::sync::watch;
use tokio::task::JoinSet;

use pace::Paced;
use tally::Tally;

/// The server counts whole milliseconds, and may read its clock shortly before it executes a command.
const RESOLUTION: u64 = 3_000;

/// The maximum of concurrent histories in a round.
const AT_ONCE: u64 = 400;

/// Longer than usual, so that a failover falls into each history.
const OPERATIONS: u64 = 80;
/// The lease, about as long as the servers take to agree on another master.
const LEASE: Duration = Duration::from_secs(1);

/// Repeats a test with the next seeds until there are as many histories as requested. A small number is spread over
/// `rounds` rounds, each with another fault.
async fn repeated(rounds: u64, round: impl AsyncFnMut(std::ops::Range<u64>, &mut Tally)) -> Tally {
    let asked = asked(200);
    in_rounds(asked, asked.div_ceil(rounds).clamp(1, AT_ONCE), round).await
}

/// The number of histories that are requested.
fn asked(default: u64) -> u64 {
    std::env::var("HISTORIES").map_or(default, |text| text.parse().expect("a number"))
}

/// Repeats a test with the next seeds until there are as many histories as requested, at most `at_once` in a round.
async fn in_rounds(
    asked: u64,
    at_once: u64,
    mut round: impl AsyncFnMut(std::ops::Range<u64>, &mut Tally),
) -> Tally {
    let mut tally = Tally::default();
    for first in (0..asked).step_by(usize::try_from(at_once).unwrap()) {
        round(first..asked.min(first + at_once), &mut tally).await;
        tally.rounds += 1;
    }
    assert!(tally.undecided * 2 < tally.histories, "most are decided: {tally}");
    tally
}

/// Histories that are being recorded, and the limit up to which they may continue.
#[derive(Default)]
struct Recordings {
    logs: Vec<(u64, Log)>,
    workers: JoinSet<()>,
    quarters: watch::Sender<u64>,
}

impl Recordings {
    /// Starts a history of each seed within one second, on these stores in turn.
    fn start(stores: &[Arc<dyn Store>], seeds: std::ops::Range<u64>, clock: &Arc<TokioClock>) -> Self {
        let mut recordings = Self::default();
        let pause = Duration::from_secs(1) / u32::try_from(seeds.end - seeds.start).unwrap();
        for ((place, seed), store) in (0..).zip(seeds).zip(stores.iter().cycle()) {
            let workload = Workload::of_seed(seed, &format!("history-{seed}"));
            let workload = workload.with_lease(LEASE).with_operations(OPERATIONS);
            recordings.record(seed, &workload, store, clock, pause * place);
        }
        recordings
    }

    /// Starts a history after a pause. Each worker is a task.
    fn record(
        &mut self,
        seed: u64,
        workload: &Workload,
        store: &Arc<dyn Store>,
        clock: &Arc<TokioClock>,
        pause: Duration,
    ) {
        self.record_on(seed, workload, std::slice::from_ref(store), clock, pause);
    }

    /// Starts a history after a pause, whose workers use these stores in turn.
    fn record_on(
        &mut self,
        seed: u64,
        workload: &Workload,
        stores: &[Arc<dyn Store>],
        clock: &Arc<TokioClock>,
        pause: Duration,
    ) {
        let log = Log::new(Arc::clone(clock) as _);
        let steps = OPERATIONS.div_ceil(workload.workers().count() as u64);
        for ((number, worker), store) in workload.workers().enumerate().zip(stores.iter().cycle()) {
            let runtime = Paced::new(steps, self.quarters.subscribe());
            let store = RecordingStore::new(Arc::clone(store), log.clone(), number);
            self.workers.spawn(async move {
                tokio::time::sleep(pause).await;
                work(worker, store, Arc::new(runtime)).await;
            });
        }
        self.logs.push((seed, log));
    }

    /// Lets each worker take this many quarters of its steps.
    fn go_on(&self, quarters: u64) {
        self.quarters.send_replace(quarters);
    }

    /// Waits until the histories have sent this many operations on average.
    async fn have_sent(&self, each: u64) {
        let all = usize::try_from(each).unwrap() * self.logs.len();
        until(async || self.logs.iter().map(|(_, log)| log.calls()).sum::<usize>() >= all).await;
    }

    /// Lets the histories run to their ends.
    async fn ended(self) -> Vec<(u64, Log)> {
        self.go_on(4);
        self.workers.join_all().await;
        self.logs
    }
}
