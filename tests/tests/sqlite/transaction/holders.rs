//! Holders that are late, slow or many.

use idempotency_core::engine::Begun;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use super::*;

/// Delivers to a handler that inserts an order and then waits for the gate. Returns once it has inserted it.
async fn delivered_to_gate(process: &Process) -> (oneshot::Sender<()>, JoinHandle<Result>) {
    let (open, gate) = oneshot::channel::<()>();
    let (insert_order, inserted) = oneshot::channel::<()>();
    let delivering = process.clone();
    let delivery = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            insert(&mut transaction).await?;
            insert_order.send(()).unwrap();
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    inserted.await.unwrap();
    (open, delivery)
}

#[tokio::test]
async fn a_duplicate_is_answered_at_once_while_the_transaction_is_open() {
    let process = Process::alone().await;
    let other = Process::at(&process.database);
    let (open, holder) = delivered_to_gate(&process).await;
    for duplicate in [&process, &other] {
        let answer = duplicate.order().await.unwrap();
        assert!(matches!(answer, Ran::Conflict { .. }), "{answer:?}");
    }
    open.send(()).unwrap();
    assert_eq!(holder.await.unwrap().unwrap(), Ran::Executed(1));
    assert_eq!(other.order().await.unwrap(), Ran::Replayed(1));
}

/// Its key was taken over before it began its transaction, and it completes afterwards.
#[tokio::test]
async fn a_holder_that_was_taken_over_is_rolled_back() {
    let process = Process::alone().await;
    let other = Process::at(&process.database);
    let (store, database) = (process.store.clone(), process.database.clone());
    let late = process.engine.run(delivery("evt"), async move |context: IdempotencyContext| {
        database.age().await;
        let rival = tokio::spawn(async move { other.order().await });
        assert_eq!(rival.await.unwrap().unwrap(), Ran::Executed(2));
        insert(&mut *store.begin(&context).await?).await?;
        Ok::<_, Error>(context.attempt())
    });
    assert_not_recorded(&late.await);
    assert!(process.seen.failure().contains("the lease is lost"), "{}", process.seen.failure());
    assert_eq!((process.database.orders().await, process.database.state().await), (1, 3));
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(2));
}

#[tokio::test]
async fn a_holder_that_was_taken_over_while_its_rival_runs_is_rolled_back() {
    let process = Process::alone().await;
    let other = Process::at(&process.database);
    let Begun::Run(late) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    process.database.age().await;
    let Begun::Run(rival) = other.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    insert(&mut process.store.begin(late.context()).await.unwrap()).await.unwrap();
    let outcome = idempotency_core::Outcome::of_value(&1).unwrap();
    let result = late.complete(outcome).await;
    assert_eq!(result, idempotency_core::engine::CompletionResult::RecorderFailed);
    assert_eq!((process.database.orders().await, process.database.state().await), (0, 1));
    rival.release().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(3));
}

/// No claim fails: each has the rest of its time for its own turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_of_other_keys_are_granted_after_a_handler_over_its_limit() {
    let limit = Duration::from_millis(300);
    let database = Database::new().await;
    let process = Process::on(database.store().with_transaction_limit(limit), &database);
    let (inserted, inserts) = oneshot::channel();
    let sleeping = process.clone();
    let sleeper = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            insert(&mut transaction).await?;
            inserted.send(tokio::time::Instant::now()).unwrap();
            std::future::pending().await
        };
        sleeping.deliver(handler).await
    });
    let began = inserts.await.unwrap();
    let mut claims = JoinSet::new();
    for number in 0..100 {
        let engine = process.engine.clone();
        claims.spawn(async move {
            let begun = engine.begin(delivery(&format!("other-{number}"))).await.unwrap();
            assert!(matches!(begun, Begun::Run(_)), "{begun:?}");
            assert!(began.elapsed() >= limit / 2, "the lock was held");
        });
    }
    claims.join_all().await;
    let slept = sleeper.await.unwrap();
    assert!(matches!(slept, Err(RunError::OverLimit)), "{slept:?}");
    assert_eq!((process.seen.count("over_limit"), process.seen.count("renewal_failed")), (1, 0));
    assert_eq!(database.orders().await, 0);
    assert_eq!(process.order().await.unwrap(), Ran::Executed(2));
    assert_eq!(database.orders().await, 1);
}

/// It is rolled back once the statement has ended.
#[tokio::test]
async fn a_handler_that_is_over_its_limit_within_a_statement_is_rolled_back() {
    let database = Database::new().await;
    let process = Process::at(&database);
    let (open, gate) = std::sync::mpsc::channel::<()>();
    let delivering = process.clone();
    let slow = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, _| {
            transaction.lock_handle().await?.set_update_hook(move |_| gate.recv().unwrap_or(()));
            insert(&mut transaction).await?;
            Ok(0)
        };
        delivering.deliver(handler).await
    });
    process.seen.wait_for("over_limit").await;
    open.send(()).unwrap();
    let slow = slow.await.unwrap();
    assert!(matches!(slow, Err(RunError::OverLimit)), "{slow:?}");
    drop(open);
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_limit_is_at_most_half_of_the_timeout() {
    let database = Database::new().await;
    let timeout = Duration::from_secs(3);
    let store = database.store().with_timeout(timeout).with_transaction_limit(Duration::MAX);
    let process = Process::on(store, &database);
    let slow = process.deliver(async move |transaction, _| {
        let _transaction = transaction;
        tokio::time::sleep(2 * timeout).await;
        Ok(0)
    });
    let slow = slow.await;
    assert!(matches!(slow, Err(RunError::OverLimit)), "{slow:?}");
}

#[tokio::test]
async fn handlers_take_turns() {
    let process = Process::alone().await;
    let mut handlers = JoinSet::new();
    for number in 0..20 {
        let process = process.clone();
        handlers.spawn(async move {
            let delivery = delivery(&format!("k{number}"));
            process.store.run_in_transaction(&process.engine, delivery, order).await.unwrap()
        });
    }
    for ran in handlers.join_all().await {
        assert_eq!(ran, Ran::Executed(1));
    }
    assert_eq!(process.database.orders().await, 20);
}

#[tokio::test]
async fn a_pool_whose_connections_are_all_taken_delays_no_transaction() {
    let database = Database::new().await;
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(database.options()).await.unwrap();
    let store = SqliteStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store, &database);
    let _taken = pool.acquire().await.unwrap();
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
}

/// Another process, or the program itself, writes to the file.
#[tokio::test]
async fn a_transaction_waits_for_another_writer() {
    let process = Process::alone().await;
    let mut writer = process.database.connection().await;
    let store = process.store.clone();
    let ran = process.engine.run(delivery("evt"), async move |context: IdempotencyContext| {
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut writer).await?;
        let begin = tokio::spawn({
            let (store, context) = (store.clone(), context.clone());
            async move { store.begin(&context).await }
        });
        tokio::time::sleep(Duration::from_millis(120)).await;
        assert!(!begin.is_finished(), "it began without the lock");
        sqlx::raw_sql("COMMIT").execute(&mut writer).await?;
        insert(&mut *begin.await??).await?;
        Ok::<_, Error>(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!(process.database.orders().await, 1);
}
