//! Executions that are dropped: by their caller, wherever they are, and by a runtime that shuts down.

use std::pin::pin;
use std::task::Poll;

use futures_util::future::poll_fn;
use idempotency_core::{Attachment, Ran};
use idempotency_tests::proxy::FaultProxy;

use super::*;

/// Polls a future this many times, and then drops it. Returns whether it ended before.
async fn dropped_after<F: Future>(polls: usize, future: F) -> bool {
    let mut future = pin!(future);
    let mut polled = 0;
    poll_fn(move |context| {
        polled += 1;
        match future.as_mut().poll(context) {
            Poll::Ready(_) => Poll::Ready(true),
            Poll::Pending if polled >= polls => Poll::Ready(false),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// At each await of the claim, the handler and the recording: what is written is recorded, and what is recorded is written.
#[tokio::test]
async fn an_execution_that_is_dropped_anywhere_is_all_or_nothing() {
    let url = database().await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let process = Process::at(&proxy.route(&url), &url);
    process.store.migrate().await.unwrap();
    // So that each round trip is a place of its own.
    proxy.delay(Duration::from_millis(3));
    for attachment in [Attachment::FailWithCaller, Attachment::LeaveWithCaller] {
        let process = process.clone().with_policy(policy().with_attachment(attachment));
        let mut polls = 1;
        loop {
            process.query("TRUNCATE orders, idempotency_records").await;
            let ended = dropped_after(polls, process.order()).await;
            process.engine.drain(PATIENCE).await;
            let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                        AND (state LIKE 'idle in transaction%' OR state = 'active' AND pid <> pg_backend_pid())";
            process.until(open, "0").await;
            let written = process.orders().await;
            let recorded = process.query("SELECT count(*) FROM idempotency_records WHERE state = 3").await;
            assert_eq!(written, recorded, "{attachment:?}, dropped after {polls} polls");
            process.age().await;
            let retried = process.order().await.unwrap();
            assert!(matches!(retried, Ran::Executed(_) | Ran::Replayed(_)), "{retried:?}");
            assert_eq!(process.orders().await, "1", "{attachment:?}, dropped after {polls} polls");
            if ended {
                break;
            }
            polls += 1;
        }
        assert!(polls > 4, "it was dropped at {polls} places only");
    }
}

/// sqlx alone would give the connection back within the transaction that it has begun.
#[tokio::test]
async fn a_begin_that_is_dropped_anywhere_leaves_no_transaction_in_the_pool() {
    let url = database().await;
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let store = PostgresStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store, &url);
    for polls in 1..20 {
        let key = format!("k{polls}");
        let Ok(idempotency_core::engine::Begun::Run(execution)) = process.engine.begin(delivery(&key)).await
        else {
            panic!("{key} is new");
        };
        let ended = dropped_after(polls, process.store.begin(execution.context())).await;
        execution.release().await;
        sqlx::query("INSERT INTO orders VALUES ($1)").bind(&key).execute(&pool).await.unwrap();
        // Another session sees it.
        assert_eq!(process.orders().await, polls.to_string(), "dropped after {polls} polls");
        if ended {
            return;
        }
    }
    panic!("it never began");
}

/// What a process leaves that is shut down in the middle: nothing but a lease.
#[tokio::test]
async fn a_runtime_that_shuts_down_in_a_handler_leaves_nothing_but_a_lease() {
    let process = Process::alone().await;
    let url = process.url.clone();
    let (started, starts) = tokio::sync::oneshot::channel();
    let (stop, stops) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let doomed = runtime.block_on(async { Process::at(&url, &url) });
        runtime.spawn(async move {
            let handler = async |mut transaction: Transaction, _| {
                insert(&mut transaction).await?;
                started.send(()).unwrap();
                std::future::pending().await
            };
            doomed.deliver(handler).await
        });
        stops.recv().unwrap();
        drop(runtime);
    });
    starts.await.unwrap();
    stop.send(()).unwrap();
    thread.join().unwrap();
    let held = process.order().await.unwrap();
    assert!(matches!(held, Ran::Conflict { .. }), "{held:?}");
    process.age().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
}
