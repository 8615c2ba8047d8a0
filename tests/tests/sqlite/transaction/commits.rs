//! COMMIT: it fails, or does not end in time.

use std::sync::mpsc;

use idempotency_core::Policy;
use sqlx::sqlite::SqlitePoolOptions;

use super::*;

#[tokio::test]
async fn a_commit_that_fails_is_not_recorded_and_a_retry_runs_at_once() {
    let process = Process::alone().await;
    let database = &process.database;
    database.execute("CREATE TABLE parents (id INTEGER PRIMARY KEY)").await;
    let parent = "REFERENCES parents DEFERRABLE INITIALLY DEFERRED";
    database.execute(&format!("ALTER TABLE orders ADD COLUMN parent INTEGER {parent}")).await;
    let result = process.deliver(async |mut transaction: Transaction, _| {
        let orphan = sqlx::query("INSERT INTO orders VALUES ('o', 7)");
        orphan.execute(&mut *transaction).await?;
        Ok(0)
    });
    assert_not_recorded(&result.await);
    assert!(process.seen.failure().contains("FOREIGN KEY"), "{}", process.seen.failure());
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_record_that_does_not_fit_on_the_disk_takes_its_writes_with_it() {
    let database = Database::new().await;
    let options = database.options().pragma("max_page_count", "16");
    let pool = SqlitePoolOptions::new().connect_lazy_with(options);
    let store = SqliteStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store, &database);
    let handler = async |mut transaction: Transaction, _: IdempotencyContext| {
        insert(&mut transaction).await?;
        Ok::<_, Error>("x".repeat(100_000))
    };
    let ran = process.store.run_in_transaction(&process.engine, delivery("evt"), handler).await;
    assert!(matches!(ran, Err(RunError::RecorderFailed)), "{ran:?}");
    assert!(process.seen.failure().contains("full"), "{}", process.seen.failure());
    process.assert_retry_runs_at_once(2).await;
}

/// A recording that outlasts the engine's patience is never guessed at: the lease is left to run out.
#[tokio::test]
async fn a_recording_that_does_not_end_in_time_leaves_the_key_held() {
    let database = Database::new().await;
    let policy = policy().with_store_timeout(Duration::from_secs(2)).with_lease(Duration::from_secs(4));
    let process = Process::at(&database).with_policy(policy);
    let (open, gate) = mpsc::channel::<()>();
    let result = process.deliver(async move |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        let mut handle = transaction.lock_handle().await?;
        handle.set_update_hook(move |update| {
            if update.table == "idempotency_records" {
                let _ = gate.recv();
            }
        });
        Ok(0)
    });
    assert_not_recorded(&result.await);
    assert_eq!(process.seen.count("left_to_expire"), 1);
    drop(open);
    let other = Process::at(&database).with_policy(Policy::webhook().with_wait(PATIENCE));
    assert_eq!(other.order().await.unwrap(), Ran::Executed(2));
    assert_eq!((database.orders().await, database.state().await), (1, 3));
}

#[tokio::test]
async fn duplicates_in_both_processes_replay_after_the_commit() {
    let database = Database::new().await;
    let waiting = policy().with_wait(PATIENCE);
    let processes = [(); 2].map(|()| Process::at(&database).with_policy(waiting.clone()));
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let delivering = processes[0].clone();
    let (began, begins) = tokio::sync::oneshot::channel();
    let first = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            insert(&mut transaction).await?;
            began.send(()).unwrap();
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    begins.await.unwrap();
    let duplicates = processes.map(|process| tokio::spawn(async move { process.order().await }));
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Ran::Executed(1));
    for duplicate in duplicates {
        assert_eq!(duplicate.await.unwrap().unwrap(), Ran::Replayed(1));
    }
    assert_eq!(database.orders().await, 1);
}
