//! Two SQLite stores on one file, used by concurrent threads. No history may have a violation.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::{Clock, TokioClock};
use idempotency_core::store::Store;
use idempotency_simulation::workload::Workload;
use idempotency_sqlx::SqliteStore;

use super::{OPERATIONS, Recordings, repeated};

/// A log and a row count whole microseconds.
const RESOLUTION: u64 = 2;
/// Short enough that leases run out while their histories go on.
const LEASE: Duration = Duration::from_millis(100);

/// The clock of the log, as the only clock of the store.
#[derive(Debug)]
struct LogClock(Arc<TokioClock>);

impl Clock for LogClock {
    fn now(&self) -> Duration {
        self.0.now()
    }

    fn unix_time(&self) -> Duration {
        self.0.now()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_histories_of_two_sqlite_stores_can_be_explained() {
    let tally = repeated(40, async |seeds, tally| {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(TokioClock::new());
        let stores: [Arc<dyn Store>; 2] = [(); 2].map(|()| {
            let store = SqliteStore::new(directory.path().join("records.db"), "histories").unwrap();
            let store = store.with_timeout(Duration::from_secs(30)).with_clock(LogClock(Arc::clone(&clock)));
            Arc::new(store) as _
        });
        let mut recordings = Recordings::default();
        for seed in seeds {
            let workload = Workload::of_seed(seed, &format!("history-{seed}"));
            let workload = workload.with_lease(LEASE).with_operations(OPERATIONS);
            recordings.record_on(seed, &workload, &stores, &clock, Duration::ZERO);
        }
        for (seed, log) in recordings.ended().await {
            for mut history in log.histories(RESOLUTION) {
                // It reads the clock once it has the write lock, and a change is visible once it is on the disk.
                history.reads_clock_early = true;
                tally.judge(seed, &history);
            }
        }
    })
    .await;
    println!("SQLite: {tally}");
}
