//! Executions that are dropped: by their caller, wherever they are, and by a runtime that shuts down.

use std::pin::pin;
use std::task::Poll;

use futures_util::future::poll_fn;
use idempotency_core::Attachment;
use idempotency_core::engine::Begun;

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
    let process = Process::alone().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
    let database = &process.database;
    for attachment in [Attachment::FailWithCaller, Attachment::LeaveWithCaller] {
        let process = process.clone().with_policy(policy().with_attachment(attachment));
        let mut polls = 1;
        loop {
            database.execute("DELETE FROM orders; DELETE FROM idempotency_records").await;
            let ended = dropped_after(polls, process.order()).await;
            process.engine.drain(PATIENCE).await;
            // Waits for the write lock, and so for what is still under way.
            process.database.age().await;
            let written = database.orders().await;
            let recorded = database.number("SELECT count(*) FROM idempotency_records WHERE state = 3").await;
            assert_eq!(written, recorded, "{attachment:?}, dropped after {polls} polls");
            let retried = process.order().await.unwrap();
            assert!(matches!(retried, Ran::Executed(_) | Ran::Replayed(_)), "{retried:?}");
            assert_eq!(database.orders().await, 1, "{attachment:?}, dropped after {polls} polls");
            if ended {
                break;
            }
            polls += 1;
        }
        assert!(polls > 4, "it was dropped at {polls} places only");
    }
}

#[tokio::test]
async fn a_begin_that_is_dropped_anywhere_leaves_no_transaction() {
    let process = Process::alone().await;
    for polls in 1..100 {
        let begun = process.engine.begin(delivery(&format!("k{polls}"))).await.unwrap();
        let Begun::Run(execution) = begun else { panic!("{begun:?}") };
        let ended = dropped_after(polls, process.store.begin(execution.context())).await;
        execution.release().await;
        // Waits for the write lock.
        insert(&mut process.database.connection().await).await.unwrap();
        // The store's connection for handlers works too.
        let next =
            process.store.run_in_transaction(&process.engine, delivery(&format!("next-{polls}")), order);
        assert_eq!(next.await.unwrap(), Ran::Executed(1));
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
    let database = process.database.clone();
    let (started, starts) = tokio::sync::oneshot::channel();
    let (stop, stops) = std::sync::mpsc::channel::<()>();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let doomed = runtime.block_on(async { Process::at(&database) });
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
    process.database.age().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!((process.database.orders().await, process.database.state().await), (1, 3));
}
