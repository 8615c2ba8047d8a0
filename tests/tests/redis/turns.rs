//! Concurrent commands: those of one turn of the event loop share a few writes.

use std::time::Duration;

use idempotency_core::Outcome;
use idempotency_core::store::{Hold, Store as _};
use idempotency_tests::redis_case::{claim, completion, grant, store};
use idempotency_tests::redis_server::RedisServer;
use tokio::time::Instant;

const EXECUTIONS: usize = 64;

/// The server reads each write by itself, unless it is busy when the next one arrives.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn concurrent_executions_share_their_writes() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let (lease, _) = grant(&store, &claim("warm", 1)).await;
    assert_eq!(store.complete(&completion(&lease, &Outcome::default())).await.unwrap(), Hold::Held);
    let before = server.info("total_reads_processed").await;
    assert!(before > 0, "the server counts its reads");
    // Spawned by a task, all of them are ready before the first one runs.
    let executions = tokio::spawn(async move {
        let execution = |number: usize| {
            let store = store.clone();
            tokio::spawn(async move {
                let (lease, _) = grant(&store, &claim(&format!("k{number}"), 1)).await;
                assert_eq!(
                    store.complete(&completion(&lease, &Outcome::default())).await.unwrap(),
                    Hold::Held
                );
            })
        };
        let executions: Vec<_> = (0..EXECUTIONS).map(execution).collect();
        for execution in executions {
            execution.await.unwrap();
        }
    });
    executions.await.unwrap();
    let reads = server.info("total_reads_processed").await - before;
    assert!(reads <= EXECUTIONS as u64 / 2, "{reads} reads for {EXECUTIONS} claims and as many completions");
}

/// The server would otherwise idle until the turn ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_server_gets_the_first_commands_of_a_long_turn_before_it_ends() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("warm", 1)).await;
    let url = server.url();
    // All claims are ready before the first one runs. The last spawned task runs first, so an empty one is spawned after
    // the observer.
    let turn = tokio::spawn(async move {
        for number in 0..EXECUTIONS {
            let store = store.clone();
            tokio::spawn(async move { grant(&store, &claim(&format!("k{number}"), 1)).await });
        }
        // It keeps the only worker, so the turn does not end while it waits.
        let observer = tokio::spawn(async move { wait_for_records(&url, EXECUTIONS / 2) });
        tokio::spawn(async {});
        observer.await.unwrap();
    });
    turn.await.unwrap();
}

/// Blocks the thread until the server has at least `count` records.
fn wait_for_records(url: &str, count: usize) {
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    let begin = Instant::now();
    loop {
        let records: usize = redis::cmd("DBSIZE").query(&mut connection).unwrap();
        if records >= count {
            return;
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "{records} records");
    }
}
