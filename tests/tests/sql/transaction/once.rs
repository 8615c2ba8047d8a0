//! Three deliveries of each event, to two processes that are killed again and again, as are their sessions at the database:
//! with the transaction of the record there is one row for each event, exactly.
//!
//! `IDEMPOTENCY_EVENTS` sets the number of events.

use std::sync::atomic::{AtomicU64, Ordering};

use idempotency_tests::orders::{Deliveries, Program, events, spread};
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _};
use tokio::sync::watch;
use tokio::time::sleep;

use super::*;

/// The acknowledged deliveries between two sessions that end. Counting them lets a slow machine go on.
const BETWEEN_BACKENDS: u32 = 8;

/// What a run did.
#[derive(Debug)]
struct Run {
    events: u32,
    deliveries: Deliveries,
    killed_backends: u64,
    rows: u32,
    distinct: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_have_one_row_each_whatever_dies() {
    let run = run("together", events()).await;
    println!("{run:?}");
    assert_eq!((run.rows, run.distinct), (run.events, run.events), "{run:?}");
    assert!(run.deliveries.killed_processes >= 5 && run.killed_backends >= 50, "{run:?}");
}

/// The same run finds the duplicates of handlers that write apart from the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_transaction_some_events_have_two_rows() {
    let run = run("apart", events()).await;
    println!("{run:?}");
    assert_eq!(run.distinct, run.events, "{run:?}");
    assert!(run.rows > run.events, "{run:?}");
}

async fn run(mode: &'static str, events: u32) -> Run {
    let url = database().await;
    PostgresStore::new(&url, "orders").unwrap().with_timeout(PATIENCE).migrate().await.unwrap();
    let (acknowledged, killed) = (watch::Sender::new(0), Arc::new(AtomicU64::new(0)));
    let ending = tokio::spawn(kill_backends(url.clone(), Arc::clone(&killed), acknowledged.subscribe()));
    let program = Program { path: env!("CARGO_BIN_EXE_orders"), database: url.clone(), mode };
    let deliveries = program.deliver(events, &acknowledged).await;
    ending.abort();
    let count = async |sql: &str| psql(&url, sql).await.unwrap().parse().unwrap();
    Run {
        events,
        deliveries,
        killed_backends: killed.load(Ordering::Relaxed),
        rows: count("SELECT count(*) FROM orders").await,
        distinct: count("SELECT count(DISTINCT id) FROM orders").await,
    }
}

/// Ends one session of the database after the other, chosen by the server, those that work first.
async fn kill_backends(url: String, killed: Arc<AtomicU64>, mut acknowledged: watch::Receiver<u32>) {
    let server = PostgresServer::shared().await.url();
    let mut connection = PgConnection::connect(&server).await.unwrap();
    let database = url.rsplit_once('/').unwrap().1;
    let kill = format!(
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
         WHERE datname = '{database}' ORDER BY (state = 'idle'), random() LIMIT 1) AS victim"
    );
    for turn in 1.. {
        acknowledged.wait_for(|count| *count >= turn * BETWEEN_BACKENDS).await.unwrap();
        sleep(spread(turn)).await;
        let ended = sqlx::query(AssertSqlSafe(kill.as_str())).fetch_all(&mut connection).await.unwrap();
        killed.fetch_add(ended.len() as u64, Ordering::Relaxed);
    }
}
