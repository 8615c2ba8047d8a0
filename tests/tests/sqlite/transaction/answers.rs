//! Which answers of the handler keep its writes.

use idempotency_core::engine::{Begun, CompletionResult, RecorderRefused, Writes};
use idempotency_core::{Order, Outcome, Resource, Version};
use idempotency_sqlx::BeginError;

use super::*;

#[tokio::test]
async fn a_success_commits_the_writes_and_the_record_together() {
    let process = Process::alone().await;
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
    assert_eq!((process.database.orders().await, process.database.state().await), (1, 3));
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(1));
    assert_eq!(process.database.orders().await, 1);
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

/// The layers do this with a recorded 4xx.
#[tokio::test]
async fn an_answer_without_its_writes_is_recorded_alone() {
    let process = Process::alone().await;
    let Begun::Run(mut execution) = process.engine.begin(delivery("evt")).await.unwrap() else { panic!() };
    let context = execution.context().clone();
    let write = async { insert(&mut *process.store.begin(&context).await?).await };
    execution.renew_while(write).await.unwrap().unwrap();
    let outcome = Outcome::of_value(&7).unwrap();
    let result = execution.complete_with(outcome, Writes::RollBack).await;
    assert_eq!(result, CompletionResult::Recorded);
    assert_eq!((process.database.orders().await, process.database.state().await), (0, 3));
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(7));
    assert_eq!(process.database.orders().await, 0);
}

#[tokio::test]
async fn the_mark_of_an_ordered_delivery_is_raised_with_the_writes() {
    let process = Process::alone().await;
    let resource = Resource::new(&Scope::endpoint("orders"), "order", "42");
    let versioned =
        |key, version| delivery(key).with_order(Order::new(resource.clone(), Version::new(version)));
    let run = async |key, version| {
        process.store.run_in_transaction(&process.engine, versioned(key, version), order).await
    };
    assert_eq!(run("newer", 2).await.unwrap(), Ran::Executed(1));
    assert_eq!(run("older", 1).await.unwrap(), Ran::Stale { newest: Version::new(2) });
    assert_eq!(process.database.orders().await, 1);
}

#[tokio::test]
async fn a_handler_without_a_transaction_takes_no_lock() {
    let process = Process::alone().await;
    let database = process.database.clone();
    let ran = process.engine.run(delivery("evt"), async move |_| {
        let mut other = database.options().busy_timeout(Duration::ZERO).connect().await.unwrap();
        sqlx::raw_sql("BEGIN IMMEDIATE; COMMIT").execute(&mut other).await?;
        Ok::<_, Error>(1)
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
}

#[tokio::test]
async fn an_execution_has_one_transaction() {
    let process = Process::alone().await;
    let store = process.store.clone();
    let ran = process.deliver(async move |mut transaction: Transaction, context: IdempotencyContext| {
        // At once: it does not wait for itself.
        let second = store.begin(&context).await.unwrap_err();
        assert!(matches!(second, BeginError::Refused(RecorderRefused::AlreadySet)), "{second:?}");
        insert(&mut transaction).await?;
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!(process.database.orders().await, 1);
    let late = process.engine.begin(delivery("other")).await.unwrap();
    let Begun::Run(execution) = late else { panic!("{late:?}") };
    let context = execution.context().clone();
    execution.release().await;
    let ended = process.store.begin(&context).await.unwrap_err();
    assert!(matches!(ended, BeginError::Refused(RecorderRefused::Ended)), "{ended:?}");
}

/// Unlike in PostgreSQL, only the statement is undone.
#[tokio::test]
async fn a_statement_that_failed_does_not_stop_the_commit() {
    let process = Process::alone().await;
    let ran = process.deliver(async |mut transaction: Transaction, context: IdempotencyContext| {
        insert(&mut transaction).await?;
        sqlx::query("INSERT INTO nowhere VALUES (1)").execute(&mut *transaction).await.unwrap_err();
        let mut savepoint = sqlx::Connection::begin(&mut *transaction).await?;
        insert(&mut savepoint).await?;
        savepoint.rollback().await?;
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!((process.database.orders().await, process.database.state().await), (1, 3));
}
