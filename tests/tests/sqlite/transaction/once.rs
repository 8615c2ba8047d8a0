//! Three deliveries of each event, to two processes that are killed again and again: with the transaction of the record, there
//! is exactly one row for each event.
//!
//! `IDEMPOTENCY_EVENTS` sets the number of events.

use idempotency_tests::orders::{Deliveries, Program, events, post};
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

/// The result of a run.
#[derive(Debug)]
struct Run {
    events: u32,
    deliveries: Deliveries,
    rows: i64,
    distinct: i64,
}

fn program(database: &Database, mode: &'static str) -> Program {
    let database = format!("sqlite:{}", database.path().display());
    Program { path: env!("CARGO_BIN_EXE_orders"), database, mode }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_have_one_row_each_whatever_dies() {
    let run = run("together", events()).await;
    println!("{run:?}");
    assert_eq!((run.rows, run.distinct), (run.events.into(), run.events.into()), "{run:?}");
    assert!(run.deliveries.killed_processes >= 5, "{run:?}");
}

/// The same run finds the duplicates of handlers that write apart from the record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_transaction_some_events_have_two_rows() {
    let run = run("apart", events()).await;
    println!("{run:?}");
    assert_eq!(run.distinct, i64::from(run.events), "{run:?}");
    assert!(run.rows > run.events.into(), "{run:?}");
}

async fn run(mode: &'static str, events: u32) -> Run {
    let database = Database::new().await;
    let deliveries = program(&database, mode).deliver(events, &watch::Sender::new(0)).await;
    Run {
        events,
        deliveries,
        rows: database.orders().await,
        distinct: database.number("SELECT count(DISTINCT id) FROM orders").await,
    }
}

#[tokio::test]
async fn a_process_that_is_killed_between_the_record_and_the_commit_leaves_nothing_but_a_lease() {
    let database = Database::new().await;
    let stuck = program(&database, "stuck");
    let mut killed = stuck.start().await;
    let address = killed.address;
    let delivery = tokio::spawn(async move { post(address, 1).await });
    let line = timeout(PATIENCE, killed.lines.next_line()).await.unwrap().unwrap();
    assert_eq!(line.as_deref(), Some("completing"));
    killed.kill().await;
    assert_eq!(delivery.await.unwrap(), None);
    assert_eq!((database.orders().await, database.state().await), (0, 1));
    let other = program(&database, "together").start().await;
    let acknowledged = async { while post(other.address, 1).await != Some(201) {} };
    timeout(PATIENCE, acknowledged).await.unwrap();
    assert_eq!((database.orders().await, database.state().await), (1, 3));
    assert_eq!(database.number("SELECT attempts FROM idempotency_records").await, 2);
}
