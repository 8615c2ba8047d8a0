//! What becomes of the writes, by the handler's answer.

use std::sync::Arc;

use idempotency_core::engine::{Begun, CompletionResult, RecorderRefused, Writes};
use idempotency_core::{Outcome, Ran, RunError};
use idempotency_sqlx::BeginError;
use tokio::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_success_commits_the_writes_and_the_record_together() {
    let process = Process::alone().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
    // One transaction wrote both rows.
    let sql = "SELECT (SELECT xmin FROM orders) = (SELECT xmin FROM idempotency_records)";
    assert_eq!(process.query(sql).await, "t");
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(1));
    assert_eq!(process.orders().await, "1");
}

#[tokio::test]
async fn a_handler_that_fails_is_rolled_back_and_released() {
    let process = Process::alone().await;
    let failed = process.deliver(async |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        Err(Refused.into())
    });
    assert!(matches!(failed.await, Err(RunError::Handler(_))));
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_handler_that_panics_is_rolled_back_and_released() {
    let process = Process::alone().await;
    let panicking = process.clone();
    let panicked = tokio::spawn(async move {
        let handler = async |mut transaction: Transaction, _| {
            insert(&mut transaction).await?;
            panic!("of the handler");
        };
        panicking.deliver(handler).await
    });
    assert!(panicked.await.unwrap_err().is_panic());
    process.assert_retry_runs_at_once(2).await;
}

/// What the layers do with a recorded 4xx.
#[tokio::test]
async fn an_answer_without_its_writes_is_recorded_alone() {
    let process = Process::alone().await;
    let Begun::Run(mut execution) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    let context = execution.context().clone();
    execution
        .renew_while(async { insert(&mut process.store.begin(&context).await?).await })
        .await
        .unwrap()
        .unwrap();
    let outcome = Outcome::of_value(&7).unwrap();
    let result = execution.complete_with(outcome, Writes::RollBack).await;
    assert_eq!(result, CompletionResult::Recorded);
    assert_eq!((process.orders().await, process.state().await), ("0".into(), "3".into()));
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(7));
    assert_eq!(process.orders().await, "0");
}

#[tokio::test]
async fn a_handler_without_a_transaction_begins_none() {
    let process = Process::alone().await;
    process.store.migrate().await.unwrap();
    let ran = process.engine.run(delivery("evt"), async |_| Ok::<_, Error>(1)).await;
    assert_eq!(ran.unwrap(), Ran::Executed(1));
    // One for the claim, one for the completion, and one that notifies.
    let sql =
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'BEGIN%'";
    assert_eq!(process.query(sql).await, "0");
}

#[tokio::test]
async fn an_execution_has_one_transaction() {
    let process = Process::alone().await;
    let store = process.store.clone();
    let ran = process.deliver(async move |mut transaction: Transaction, context: IdempotencyContext| {
        let second = store.begin(&context).await.unwrap_err();
        assert!(matches!(second, BeginError::Refused(RecorderRefused::AlreadySet)), "{second:?}");
        insert(&mut transaction).await?;
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!(process.orders().await, "1");
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                AND state LIKE 'idle in transaction%'";
    process.until(open, "0").await;
}

#[tokio::test]
async fn a_transaction_that_is_moved_into_a_task_is_not_recorded() {
    let process = Process::alone().await;
    let kept = Arc::new(Mutex::new(None));
    let keeping = Arc::clone(&kept);
    let result = process.deliver(async move |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        *keeping.lock().await = Some(transaction);
        Ok(0)
    });
    assert_not_recorded(&result.await);
    assert!(process.seen.failure().contains("still has its transaction"), "{}", process.seen.failure());
    assert_eq!(process.state().await, "2");
    // It can still write, and never commit.
    let mut transaction = kept.lock().await.take().unwrap();
    insert(&mut transaction).await.unwrap();
    drop(transaction);
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_transaction_that_the_handler_ends_by_sql_is_not_recorded() {
    for end in ["COMMIT", "COMMIT AND CHAIN", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN; SAVEPOINT s"] {
        let process = Process::alone().await;
        let result = process.deliver(async move |mut transaction: Transaction, _| {
            sqlx::raw_sql(end).execute(&mut *transaction).await?;
            Ok(0)
        });
        assert_not_recorded(&result.await);
        let failure = process.seen.failure();
        assert!(failure.contains("the handler ended the transaction by itself"), "{end}: {failure}");
        process.assert_retry_runs_at_once(2).await;
    }
}

#[tokio::test]
async fn the_isolation_level_cannot_be_changed() {
    let process = Process::alone().await;
    let result = process.deliver(async |mut transaction: Transaction, _| {
        let set = sqlx::query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").execute(&mut *transaction);
        set.await?;
        Ok(0)
    });
    let error = result.await.unwrap_err();
    assert!(causes(&error).contains("must be called before any query"), "{error:?}");
    process.assert_retry_runs_at_once(2).await;
}

/// The reader of the error is told what to do; a savepoint keeps the rest.
#[tokio::test]
async fn a_statement_that_failed_in_a_savepoint_does_not_stop_the_commit() {
    let process = Process::alone().await;
    let ran = process.deliver(async |mut transaction: Transaction, context: IdempotencyContext| {
        insert(&mut transaction).await?;
        let mut savepoint = sqlx::Connection::begin(&mut *transaction).await?;
        sqlx::query("SELECT 1/0").execute(&mut *savepoint).await.unwrap_err();
        savepoint.rollback().await?;
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
}

#[tokio::test]
async fn an_answer_after_a_statement_that_failed_is_not_recorded() {
    let process = Process::alone().await;
    let result = process.deliver(async |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        sqlx::query("SELECT 1/0").execute(&mut *transaction).await.unwrap_err();
        Ok(0)
    });
    assert_not_recorded(&result.await);
    assert!(process.seen.failure().contains("current transaction is aborted"), "{}", process.seen.failure());
    process.assert_retry_runs_at_once(2).await;
}
