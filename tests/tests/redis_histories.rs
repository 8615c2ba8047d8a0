//! Histories recorded at a real server through a bad network can be explained by a store that keeps the contract.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use idempotency_core::Store;
use idempotency_core::clock::TokioClock;
use idempotency_core::engine::{Runtime, TokioRuntime};
use idempotency_core::store::redis::RedisStore;
use idempotency_simulation::checker::{Checker, Verdict};
use idempotency_simulation::history::History;
use idempotency_simulation::log::Log;
use idempotency_simulation::record;
use idempotency_simulation::workload::Workload;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;

const HISTORIES: u64 = 200;
/// How many are recorded at the same time.
const AT_ONCE: u64 = 50;
const LEASE: Duration = Duration::from_millis(500);
/// The server counts whole milliseconds, and may read its clock a little before it carries out a command.
const RESOLUTION: u64 = 3_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn histories_recorded_at_a_real_server_can_be_explained() {
    let server = RedisServer::start().await;
    let proxy = Arc::new(FaultProxy::start(server.port()).await);
    let stores: Vec<Arc<dyn Store>> = (0..5).map(|_| store(&proxy)).collect();
    let faults = tokio::spawn(misbehave(proxy.clone()));
    let mut histories = Vec::new();
    for batch in 0..HISTORIES / AT_ONCE {
        let seeds = batch * AT_ONCE..(batch + 1) * AT_ONCE;
        histories.extend(join_all(seeds.map(|seed| recorded(stores.clone(), seed))).await);
    }
    faults.abort();
    let (mut operations, mut unanswered, mut undecided) = (0, 0, 0);
    let mut checker = Checker::new();
    for (seed, history) in histories.iter().flatten() {
        operations += history.operations.len();
        unanswered += history.operations.iter().filter(|operation| operation.answer.is_none()).count();
        match checker.check(history) {
            Verdict::Explained => {}
            Verdict::Violation(found) => panic!("seed {seed}: {found}"),
            _ => undecided += 1,
        }
    }
    println!(
        "{HISTORIES} histories, {operations} operations, {unanswered} unanswered, {undecided} undecided, \
         {} connections, {} states",
        proxy.connections(),
        checker.states()
    );
    assert!(operations > 6_000 && unanswered > 0, "{operations} operations, {unanswered} unanswered");
    assert!(undecided <= 2, "{undecided} undecided");
}

fn store(proxy: &FaultProxy) -> Arc<dyn Store> {
    let store = RedisStore::new(&proxy.url()).unwrap();
    Arc::new(store.with_response_timeout(Duration::from_millis(300)))
}

async fn recorded(stores: Vec<Arc<dyn Store>>, seed: u64) -> Vec<(u64, History)> {
    let workload = Workload::of_seed(seed, &format!("history-{seed}")).with_lease(LEASE);
    let log = Log::new(Arc::new(TokioClock::new()));
    let runtime: Arc<dyn Runtime> = Arc::new(TokioRuntime::new());
    let store = stores[usize::try_from(seed).unwrap() % stores.len()].clone();
    record(store, &workload, &log, |_| runtime.clone()).await;
    log.histories(RESOLUTION).into_iter().map(|history| (seed, history)).collect()
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
