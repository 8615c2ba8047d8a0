//! Concurrent commands: those of one turn of the event loop share a write.

use idempotency_core::Outcome;
use idempotency_core::store::{Hold, Store as _};
use idempotency_tests::redis_case::{claim, completion, grant, store};
use idempotency_tests::redis_server::RedisServer;

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
    assert!(reads <= EXECUTIONS as u64 / 4, "{reads} reads for {EXECUTIONS} claims and as many completions");
}
