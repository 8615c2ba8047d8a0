//! What dropped executions and odd handlers leave behind: no lock, no rows without their record, and no setting.

use std::pin::pin;
use std::task::Poll;

use futures_util::future::poll_fn;
use idempotency_core::engine::{Begun, Writes};
use idempotency_core::{Attachment, Outcome};
use tokio::task::JoinSet;

use super::*;

/// Whether another connection gets the write lock within ten seconds.
async fn is_writable(database: &Database) -> bool {
    let mut other = database.options().busy_timeout(Duration::from_secs(10)).connect().await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE; COMMIT").execute(&mut other).await.is_ok()
}

#[tokio::test]
async fn a_context_that_outlives_its_execution_holds_no_lock() {
    let process = Process::alone().await;
    let Begun::Run(execution) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    let context = execution.context().clone();
    insert(&mut process.store.begin(&context).await.unwrap()).await.unwrap();
    drop(execution);
    assert!(is_writable(&process.database).await);
    drop(context);
    process.database.age().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!(process.database.orders().await, 1);
}

#[tokio::test]
async fn a_context_in_a_task_of_a_dropped_handler_holds_no_lock() {
    let process = Process::alone().await.with_policy(policy().with_attachment(Attachment::LeaveWithCaller));
    let (inserted, inserts) = tokio::sync::oneshot::channel();
    let run = process.deliver(async move |mut transaction: Transaction, context: IdempotencyContext| {
        tokio::spawn(async move {
            std::future::pending::<()>().await;
            drop(context);
        });
        insert(&mut transaction).await?;
        inserted.send(()).unwrap();
        std::future::pending().await
    });
    tokio::select! {
        _ = run => panic!(),
        _ = inserts => {}
    }
    assert!(is_writable(&process.database).await);
}

#[tokio::test]
async fn a_release_that_is_dropped_unpolled_rolls_back() {
    let process = Process::alone().await;
    let Begun::Run(execution) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    insert(&mut process.store.begin(execution.context()).await.unwrap()).await.unwrap();
    drop(execution.release());
    assert!(is_writable(&process.database).await);
    assert!(process.engine.drain(PATIENCE).await);
    process.assert_retry_runs_at_once(2).await;
}

#[derive(Debug)]
struct Bomb(&'static str);

impl Observer for Bomb {
    fn observe(&self, observation: &Observation<'_>) {
        assert_ne!(observation.event.name(), self.0, "of the observer");
    }
}

#[tokio::test]
async fn an_observer_that_panics_keeps_no_lock() {
    for (event, limit) in [("handler_failed", PATIENCE), ("over_limit", Duration::from_millis(50))] {
        let database = Database::new().await;
        let process = Process::on(database.store().with_transaction_limit(limit), &database);
        let engine = Idempotency::new(process.store.clone()).with_policy(policy()).with_observer(Bomb(event));
        let store = process.store.clone();
        let draining = engine.clone();
        let panicked = tokio::spawn(async move {
            let handler = async move |mut transaction: Transaction, _| {
                insert(&mut transaction).await?;
                if event == "over_limit" {
                    std::future::pending::<()>().await;
                }
                Err::<u32, Error>(Refused.into())
            };
            store.run_in_transaction(&engine, delivery("evt"), handler).await
        });
        assert!(panicked.await.unwrap_err().is_panic());
        assert!(is_writable(&database).await, "{event}");
        assert!(draining.drain(PATIENCE).await);
        process.assert_retry_runs_at_once(2).await;
    }
}

async fn with_sql(process: &Process, key: &str, sql: &'static str) -> Result {
    let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
        sqlx::raw_sql(sql).execute(&mut *transaction).await?;
        insert(&mut transaction).await?;
        Ok(context.attempt())
    };
    process.store.run_in_transaction(&process.engine, delivery(key), handler).await
}

/// What one handler sets, another handler must not find.
#[tokio::test]
async fn query_only_does_not_outlast_its_handler() {
    let process = Process::alone().await;
    let first = with_sql(&process, "first", "PRAGMA query_only = ON").await;
    assert!(first.is_err(), "{first:?}");
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
}

#[tokio::test]
async fn query_only_of_a_handler_that_wrote_nothing_does_not_outlast_it() {
    let process = Process::alone().await;
    let first = process.deliver(async |mut transaction: Transaction, _| {
        sqlx::raw_sql("PRAGMA query_only = ON").execute(&mut *transaction).await?;
        Ok(1)
    });
    assert_not_recorded(&first.await);
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn exclusive_locking_does_not_outlast_its_handler() {
    let process = Process::alone().await;
    let first = with_sql(&process, "first", "PRAGMA locking_mode = EXCLUSIVE").await;
    assert_eq!(first.unwrap(), Ran::Executed(1));
    assert!(is_writable(&process.database).await);
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
}

#[tokio::test]
async fn a_temporary_table_does_not_outlast_its_handler() {
    let process = Process::alone().await;
    for key in ["first", "second"] {
        let ran = with_sql(&process, key, "CREATE TEMP TABLE mine (id)").await;
        assert_eq!(ran.unwrap(), Ran::Executed(1), "{key}");
    }
}

#[tokio::test]
async fn a_temporary_table_of_the_records_name_takes_no_record() {
    let process = Process::alone().await;
    let sql = "CREATE TEMP TABLE idempotency_records AS SELECT * FROM main.idempotency_records";
    let _ = with_sql(&process, "first", sql).await;
    let orders = process.database.orders().await;
    let done = process.database.number("SELECT count(*) FROM idempotency_records WHERE state = 3").await;
    assert_eq!(orders, done);
}

#[tokio::test]
async fn an_attached_database_does_not_outlast_its_handler() {
    let process = Process::alone().await;
    for key in ["first", "second"] {
        let ran = with_sql(&process, key, "ATTACH ':memory:' AS other").await;
        assert_eq!(ran.unwrap(), Ran::Executed(1), "{key}");
    }
}

#[tokio::test]
async fn a_store_outlives_the_runtime_that_made_its_connection() {
    let process = Process::alone().await;
    let (started, starts) = tokio::sync::oneshot::channel();
    let (stop, stops) = std::sync::mpsc::channel::<()>();
    let doomed = process.clone();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            doomed.store.run_in_transaction(&doomed.engine, delivery("first"), order).await.unwrap()
        });
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
    assert!(is_writable(&process.database).await);
    process.database.age().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!(process.database.orders().await, 2);
}

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

/// A refusal, and a handler over its limit, dropped anywhere.
#[tokio::test]
async fn refusals_and_late_handlers_that_are_dropped_anywhere_write_nothing() {
    let database = Database::new().await;
    assert_eq!(Process::at(&database).order().await.unwrap(), Ran::Executed(1));
    let store = database.store().with_transaction_limit(Duration::from_millis(20));
    let process = Process::on(store, &database);
    for is_late in [false, true] {
        for attachment in [Attachment::FailWithCaller, Attachment::LeaveWithCaller] {
            let process = process.clone().with_policy(policy().with_attachment(attachment));
            for polls in 1..200 {
                database.execute("DELETE FROM orders; DELETE FROM idempotency_records").await;
                let work = async {
                    let Begun::Run(mut execution) = process.engine.begin(delivery("evt")).await.unwrap()
                    else {
                        panic!()
                    };
                    let context = execution.context().clone();
                    let write = async {
                        let mut transaction = process.store.begin(&context).await?;
                        insert(&mut transaction).await?;
                        if is_late {
                            std::future::pending::<()>().await;
                        }
                        Ok::<_, Error>(())
                    };
                    if execution.renew_while(write).await.is_some() {
                        let outcome = Outcome::of_value(&7).unwrap();
                        let _ = execution.complete_with(outcome, Writes::RollBack).await;
                    }
                };
                let ended = dropped_after(polls, work).await;
                process.engine.drain(PATIENCE).await;
                assert!(is_writable(&database).await);
                process.database.age().await;
                assert_eq!(database.orders().await, 0);
                let retried = process.order().await;
                assert!(
                    matches!(retried, Ok(Ran::Executed(_) | Ran::Replayed(7)) | Err(RunError::OverLimit)),
                    "{retried:?}"
                );
                if ended {
                    break;
                }
            }
        }
    }
}

/// Handlers that end when their limit does, in two processes: rows and records agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_that_ends_with_its_handler_is_all_or_nothing() {
    let database = Database::new().await;
    let limit = Duration::from_millis(20);
    let processes = [(); 2].map(|()| {
        let store = database.store().with_transaction_limit(limit);
        Process::on(store, &database).with_policy(policy().with_store_timeout(Duration::from_secs(20)))
    });
    let mut running = JoinSet::new();
    for number in 0..120_u64 {
        let process = processes[number as usize % 2].clone();
        running.spawn(async move {
            let key = format!("k{number}");
            let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
                sqlx::query("INSERT INTO orders VALUES (?)")
                    .bind(context.key().as_str())
                    .execute(&mut *transaction)
                    .await?;
                tokio::time::sleep(Duration::from_micros(16_000 + 60 * (number % 60))).await;
                Ok::<_, Error>(1)
            };
            let ran = process.store.run_in_transaction(&process.engine, delivery(&key), handler).await;
            match ran {
                Ok(Ran::Executed(_)) => true,
                Err(RunError::OverLimit) => false,
                other => panic!("{other:?}"),
            }
        });
    }
    let ran = running.join_all().await.into_iter().filter(|executed| *executed).count();
    assert_eq!(database.orders().await, i64::try_from(ran).unwrap());
    let done = database.number("SELECT count(*) FROM idempotency_records WHERE state = 3").await;
    assert_eq!(done, i64::try_from(ran).unwrap());
    assert_eq!(database.number("SELECT count(*) FROM idempotency_records WHERE state = 1").await, 0);
}

/// The engine gives up before the rollback does.
#[tokio::test]
async fn a_store_timeout_shorter_than_the_limit_leaks_nothing() {
    let database = Database::new().await;
    let process = Process::on(database.store().with_transaction_limit(Duration::from_millis(400)), &database);
    assert_eq!(
        process.store.run_in_transaction(&process.engine, delivery("first"), order).await.unwrap(),
        Ran::Executed(1)
    );
    let process = process.with_policy(policy().with_store_timeout(Duration::from_millis(300)));
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let slow = process.deliver(async move |mut transaction: Transaction, _| {
        transaction.lock_handle().await?.set_update_hook(move |_| gate.recv().unwrap_or(()));
        insert(&mut transaction).await?;
        Ok(0)
    });
    let slow = slow.await;
    assert!(matches!(slow, Err(RunError::OverLimit)), "{slow:?}");
    drop(open);
    assert!(process.engine.drain(PATIENCE).await);
    assert_eq!(database.orders().await, 1);
    let process = process.with_policy(policy());
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!(database.orders().await, 2);
}

/// Outside of a runtime, sqlx cannot give a connection back.
#[tokio::test]
async fn a_transaction_that_is_dropped_outside_of_a_runtime_blocks_nobody() {
    let process = Process::alone().await;
    let (keep, kept) = std::sync::mpsc::channel();
    let delivering = process.clone();
    let delivery = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            insert(&mut transaction).await?;
            keep.send(transaction).unwrap();
            Ok(0)
        };
        delivering.deliver(handler).await
    });
    process.seen.wait_for("recorder_failed").await;
    let _ = std::thread::spawn(move || drop(kept.recv().unwrap())).join();
    assert_not_recorded(&delivery.await.unwrap());
    process.assert_retry_runs_at_once(2).await;
}

/// It answers late, and nothing could take its key over meanwhile.
#[tokio::test]
async fn a_handler_that_blocks_its_thread_past_its_limit_is_all_or_nothing() {
    for awaits_before in [false, true] {
        let database = Database::new().await;
        let limit = Duration::from_millis(50);
        let process = Process::on(database.store().with_transaction_limit(limit), &database)
            .with_policy(policy().with_lease(Duration::from_millis(200)));
        let ran = process.deliver(async move |mut transaction: Transaction, context: IdempotencyContext| {
            if awaits_before {
                insert(&mut transaction).await?;
            }
            std::thread::sleep(Duration::from_millis(400));
            if !awaits_before {
                insert(&mut transaction).await?;
            }
            Ok(context.attempt())
        });
        let ran = ran.await;
        let done = database.number("SELECT count(*) FROM idempotency_records WHERE state = 3").await;
        assert_eq!(database.orders().await, done, "{ran:?}");
        assert_eq!(ran.is_ok(), done == 1, "{ran:?}");
    }
}

/// The record would be committed alone there.
#[tokio::test]
async fn a_connection_in_the_place_of_the_transaction_records_nothing() {
    let process = Process::alone().await;
    let database = process.database.clone();
    let ran = process.deliver(async move |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        let mut other = database.connection().await;
        std::mem::swap(&mut *transaction, &mut other);
        Ok(0)
    });
    assert_not_recorded(&ran.await);
    process.assert_retry_runs_at_once(2).await;
}
