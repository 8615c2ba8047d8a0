//! Transactions that their handlers end, keep or entangle: nothing is recorded, and nothing that they wrote stays.

use std::pin::pin;
use std::sync::Arc;

use futures_util::poll;
use sqlx::Connection as _;
use tokio::sync::Mutex;

use super::*;

#[tokio::test]
async fn a_transaction_that_the_handler_ends_by_sql_is_not_recorded() {
    let ends = ["COMMIT", "END", "ROLLBACK", "COMMIT; BEGIN", "ROLLBACK; BEGIN", "ROLLBACK; SAVEPOINT s"];
    for (end, has_written) in ends.iter().flat_map(|end| [(*end, false), (*end, true)]) {
        let process = Process::alone().await;
        let result = process.deliver(async move |mut transaction: Transaction, _| {
            if has_written {
                insert(&mut transaction).await?;
            }
            let ended = sqlx::raw_sql(end).execute(&mut *transaction).await;
            assert_eq!(ended.is_ok(), end.starts_with("ROLLBACK"), "{end}");
            // Outside the transaction, a statement would commit by itself.
            let _ = insert(&mut transaction).await;
            Ok(0)
        });
        assert_not_recorded(&result.await);
        let failure = process.seen.failure();
        assert!(failure.contains("the handler ended the transaction by itself"), "{end}: {failure}");
        process.assert_retry_runs_at_once(2).await;
    }
}

/// sqlx then rolls the whole transaction back.
#[tokio::test]
async fn a_savepoint_that_is_dropped_while_it_begins_is_not_recorded() {
    let process = Process::alone().await;
    let result = process.deliver(async move |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        {
            // The connection is still busy with another statement, which is dropped.
            let busy = sqlx::query(
                "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 300000) SELECT max(x) FROM c",
            );
            assert!(poll!(pin!(busy.execute(&mut *transaction))).is_pending());
            let begin = pin!((*transaction).begin());
            assert!(poll!(begin).is_pending());
        }
        let _ = insert(&mut transaction).await;
        Ok(0)
    });
    assert_not_recorded(&result.await);
    process.assert_retry_runs_at_once(2).await;
}

/// `COMMIT` then ends the savepoint, and the transaction stays open.
#[tokio::test]
async fn a_savepoint_that_is_forgotten_is_not_recorded() {
    let process = Process::alone().await;
    let result = process.deliver(async move |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        std::mem::forget((*transaction).begin().await?);
        Ok(0)
    });
    assert_not_recorded(&result.await);
    assert!(process.seen.failure().contains("savepoint"), "{}", process.seen.failure());
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_transaction_that_is_moved_into_a_task_is_not_recorded() {
    let process = Process::alone().await;
    let kept = Arc::new(Mutex::new(None));
    let (keeping, delivering) = (Arc::clone(&kept), process.clone());
    let delivery = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            insert(&mut transaction).await?;
            *keeping.lock().await = Some(transaction);
            Ok(0)
        };
        delivering.deliver(handler).await
    });
    process.seen.wait_for("recorder_failed").await;
    assert!(process.seen.failure().contains("still has its transaction"), "{}", process.seen.failure());
    // The task can still write, but never commit. The release of the key waits for it.
    let mut transaction = kept.lock().await.take().unwrap();
    insert(&mut transaction).await.unwrap();
    assert_eq!(process.database.state().await, 1);
    sqlx::raw_sql("COMMIT").execute(&mut *transaction).await.unwrap_err();
    drop(transaction);
    assert_not_recorded(&delivery.await.unwrap());
    process.assert_retry_runs_at_once(2).await;
}
