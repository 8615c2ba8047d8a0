//! Stores in the memory of one process, used by concurrent threads. No history may have a violation.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::TokioClock;
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_simulation::workload::Workload;

use super::{OPERATIONS, Recordings, repeated};

/// The example of a custom store.
#[path = "../../../examples/custom-store/src/tiny.rs"]
mod tiny;

/// A log counts whole microseconds.
const RESOLUTION: u64 = 2;
/// Short enough that workers meet at the ticks of tokio's timer.
const LEASE: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_histories_of_the_memory_store_can_be_explained() {
    threads("memory store", |clock| Arc::new(MemoryStore::new().with_clock(clock))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_histories_of_the_example_store_can_be_explained() {
    threads("custom store", |clock| Arc::new(tiny::TinyStore::new(clock))).await;
}

async fn threads(name: &str, make: impl Fn(Arc<TokioClock>) -> Arc<dyn Store>) {
    let tally = repeated(1, async |seeds, tally| {
        let clock = Arc::new(TokioClock::new());
        let (store, mut recordings) = (make(Arc::clone(&clock)), Recordings::default());
        for seed in seeds {
            let workload = Workload::of_seed(seed, &format!("history-{seed}"));
            let workload = workload.with_lease(LEASE).with_operations(OPERATIONS);
            recordings.record(seed, &workload, &store, &clock, Duration::ZERO);
        }
        for (seed, log) in recordings.ended().await {
            log.histories(RESOLUTION).iter().for_each(|history| tally.judge(seed, history));
        }
    })
    .await;
    println!("{name}: {tally}");
}
