//! One server behind a bad network.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use idempotency_core::Store;
use idempotency_core::clock::TokioClock;
use idempotency_core::store::redis::RedisStore;
use idempotency_simulation::log::Log;
use idempotency_simulation::workload::Workload;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;

use super::{RESOLUTION, recorded, repeated};

const HISTORIES: u64 = 200;
/// How many are recorded at the same time.
const AT_ONCE: u64 = 50;
const LEASE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_recorded_at_a_real_server_can_be_explained() {
    let mut connections = 0;
    let tally = repeated(async |round, tally| {
        let server = RedisServer::start().await;
        let proxy = Arc::new(FaultProxy::start(server.port()).await);
        let stores: Vec<Arc<dyn Store>> = (0..5).map(|_| store(&proxy)).collect();
        let faults = tokio::spawn(misbehave(proxy.clone()));
        for batch in 0..HISTORIES / AT_ONCE {
            let first = round * HISTORIES + batch * AT_ONCE;
            let seeds = first..first + AT_ONCE;
            for (seed, log) in join_all(seeds.map(|seed| of_seed(seed, &stores))).await {
                log.histories(RESOLUTION).iter().for_each(|history| tally.judge(seed, history));
            }
        }
        faults.abort();
        connections += proxy.connections();
    })
    .await;
    println!("one server: {tally}, {connections} connections");
    assert!(tally.operations > 6_000 && tally.unanswered > 0, "{tally}");
    assert!(tally.undecided <= 2 * tally.rounds, "{tally}");
}

fn store(proxy: &FaultProxy) -> Arc<dyn Store> {
    let store = RedisStore::new(proxy.url()).unwrap();
    Arc::new(store.with_response_timeout(Duration::from_millis(300)))
}

async fn of_seed(seed: u64, stores: &[Arc<dyn Store>]) -> (u64, Log) {
    let workload = Workload::of_seed(seed, &format!("history-{seed}")).with_lease(LEASE);
    let store = stores[usize::try_from(seed).unwrap() % stores.len()].clone();
    (seed, recorded(store, workload, Arc::new(TokioClock::new())).await)
}

/// Loses replies, delays them, cuts connections, and swallows what they carry.
async fn misbehave(proxy: Arc<FaultProxy>) {
    for round in 0_u32.. {
        proxy.lose_reply_to(if round % 2 == 0 { "EVALSHA" } else { "NX" });
        proxy.delay(Duration::from_millis([0, 0, 5, 40][round as usize % 4]));
        match round % 50 {
            7 => proxy.cut(),
            15 => proxy.swallow(),
            _ => {}
        }
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
}
