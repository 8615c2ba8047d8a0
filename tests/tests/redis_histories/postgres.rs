//! Two PostgreSQL stores behind a bad network and two beside it, on one database. No history may have a violation.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::clock::TokioClock;
use idempotency_core::store::Store;
use idempotency_simulation::history::History;
use idempotency_simulation::workload::Workload;
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::PostgresServer;
use idempotency_tests::proxy::FaultProxy;
use tokio::sync::watch;

use super::server::Met;
use super::{Recordings, asked, in_rounds};

/// A log and a row count whole microseconds.
const RESOLUTION: u64 = 2;
/// Workers wait for a part of it, and many should get their answer on a busy machine.
const LEASE: Duration = Duration::from_secs(8);
/// As many as the server and the proxies keep up with on two cores.
const AT_ONCE: u64 = 200;
/// Fewer than usual, since no failover has to fall into each history.
const OPERATIONS: u64 = 40;
/// The time between two faults. Each new connection costs PostgreSQL a process.
const PAUSE: Duration = Duration::from_millis(250);
/// A part of each statement that changes a record.
const CHANGES: &[&str] =
    &["INSERT INTO", "SET deadline", "SET state = 3", "SET state = $3", "SET state = $4", "SET owner"];

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_recorded_at_a_postgresql_server_can_be_explained() {
    let mut met = Met::default();
    let tally = in_rounds(asked(200), AT_ONCE, async |seeds, tally| {
        let server = PostgresServer::shared().await;
        let url = server.new_database().await;
        let proxies = [
            FaultProxy::start_postgres(server.port()).await,
            FaultProxy::start_postgres(server.port()).await,
        ];
        let urls = [proxies[0].route(&url), proxies[1].route(&url), url.clone(), url];
        let stores = urls.map(store);
        stores[3].migrate().await.unwrap();
        let stores = stores.map(|store| Arc::new(store) as Arc<dyn Store>);
        let clock = Arc::new(TokioClock::new());
        let mut recordings = Recordings::default();
        let pause = LEASE / u32::try_from(seeds.end - seeds.start).unwrap();
        for (place, seed) in (0..).zip(seeds) {
            let workload = Workload::of_seed(seed, &format!("history-{seed}"));
            let workload = workload.with_lease(LEASE).with_operations(OPERATIONS);
            recordings.record_on(seed, &workload, &stores, &clock, pause * place);
        }
        let (over, watched) = watch::channel(false);
        let faults = tokio::spawn(misbehave(proxies, watched));
        let histories = recordings.ended().await;
        over.send_replace(true);
        met.add(faults.await.unwrap());
        for (seed, log) in histories {
            for history in log.histories(RESOLUTION) {
                tally.judge(seed, &as_of_postgres(history));
            }
        }
    })
    .await;
    println!("PostgreSQL: {tally}; {met:?}");
    // On a busy machine, many are not answered in time.
    assert!(tally.unanswered > 0 && tally.unanswered * 4 < tally.operations * 3, "{tally}");
    assert!(met.cut > 0 && met.swallowed > 0 && met.half_open > 0, "{met:?}");
}

fn store(url: String) -> PostgresStore {
    let store = PostgresStore::new(url, "histories").unwrap().with_timeout(Duration::from_secs(2));
    // No worker waits for a change.
    store.with_connections(20).without_listening()
}

/// A claim finds out that it is stale once it holds the key. A statement reads the clock before it takes effect, and is sent
/// again if its connection is lost.
fn as_of_postgres(history: History) -> History {
    let mut history = history.split_with_takeovers_undone();
    history.reads_clock_early = true;
    history.repeats_operations = true;
    history
}

/// Loses and delays replies, cuts connections, swallows all traffic, or swallows the replies alone.
async fn misbehave(proxies: [FaultProxy; 2], over: watch::Receiver<bool>) -> Met {
    let mut met = Met::default();
    for round in 0_usize.. {
        if *over.borrow() {
            break;
        }
        for proxy in &proxies {
            proxy.delay(Duration::from_millis([0, 0, 5, 20][round % 4]));
            proxy.lose_reply_to(CHANGES[round % CHANGES.len()]);
        }
        let fault = match round % 24 {
            // TCP gives up on silent connections a while later.
            5 | 14 | 20 => Some((&mut met.cut, FaultProxy::cut as fn(&FaultProxy))),
            11 => Some((&mut met.swallowed, FaultProxy::swallow as _)),
            17 => Some((&mut met.half_open, FaultProxy::half_open as _)),
            _ => None,
        };
        if let Some((count, befall)) = fault {
            proxies.iter().for_each(befall);
            *count += 1;
        }
        tokio::time::sleep(PAUSE).await;
    }
    met.connections = proxies.iter().map(FaultProxy::connections).sum();
    met
}
