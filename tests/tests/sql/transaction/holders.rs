//! Holders that are late, silent, cut off or many.

use idempotency_core::{Ran, StoreErrorKind};
use idempotency_sqlx::BeginError;
use idempotency_tests::proxy::FaultProxy;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::{Barrier, oneshot};
use tokio::task::JoinSet;

use super::*;

/// Handlers that have inserted an order.
const HELD: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                    AND state = 'idle in transaction' AND query LIKE 'INSERT INTO orders%'";

/// Delivers to a handler that inserts an order and then waits for the gate.
fn delivered_to_gate(process: &Process) -> (oneshot::Sender<()>, tokio::task::JoinHandle<Result>) {
    let (open, gate) = oneshot::channel::<()>();
    let delivering = process.clone();
    let delivery = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            insert(&mut transaction).await?;
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    (open, delivery)
}

#[tokio::test]
async fn a_holder_that_was_taken_over_is_rolled_back() {
    let process = Process::alone().await;
    let other = Process::at(&process.url, &process.url);
    let (open, late) = delivered_to_gate(&process);
    process.until(HELD, "1").await;
    process.age().await;
    assert_eq!(other.order().await.unwrap(), Ran::Executed(2));
    open.send(()).unwrap();
    assert_not_recorded(&late.await.unwrap());
    assert!(process.seen.failure().contains("the lease is lost"), "{}", process.seen.failure());
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(2));
}

#[tokio::test]
async fn a_holder_that_was_taken_over_while_its_rival_runs_is_rolled_back() {
    let process = Process::alone().await;
    let other = Process::at(&process.url, &process.url);
    let (open, late) = delivered_to_gate(&process);
    process.until(HELD, "1").await;
    process.age().await;
    let (open_other, rival) = delivered_to_gate(&other);
    process.until(HELD, "2").await;
    open.send(()).unwrap();
    assert_not_recorded(&late.await.unwrap());
    assert_eq!((process.orders().await, process.state().await), ("0".into(), "1".into()));
    open_other.send(()).unwrap();
    assert_eq!(rival.await.unwrap().unwrap(), Ran::Executed(2));
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
}

/// The server ends its session, so that it keeps no locks.
#[tokio::test]
async fn a_silent_holder_is_ended() {
    let url = database().await;
    let store = PostgresStore::new(&url, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store.with_idle_limit(Duration::from_millis(50)), &url);
    process.store.migrate().await.unwrap();
    let (open, silent) = delivered_to_gate(&process);
    process.until("SELECT count(*) FROM idempotency_records", "1").await;
    process.until(HELD, "0").await;
    process.until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'INSERT INTO orders%'", "0").await;
    open.send(()).unwrap();
    assert_not_recorded(&silent.await.unwrap());
    assert_eq!((process.orders().await, process.state().await), ("0".into(), "2".into()));
}

/// An idle limit that the server would refuse must not leave a connection within a transaction.
#[tokio::test]
async fn a_limit_beyond_the_servers_is_none() {
    let url = database().await;
    let store = PostgresStore::new(&url, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store.with_idle_limit(Duration::MAX), &url);
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
}

/// A partition: what it sends arrives nowhere, and its lease runs out.
#[tokio::test]
async fn a_holder_that_is_cut_off_past_its_lease_is_rolled_back() {
    let url = database().await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let short = Duration::from_millis(500);
    let store = PostgresStore::new(proxy.route(&url), "tests").unwrap().with_timeout(short);
    store.migrate().await.unwrap();
    let cut_off = Process::on(store.with_idle_limit(Duration::from_secs(2)), &url)
        .with_policy(policy().with_store_timeout(short).with_lease(Duration::from_secs(2)));
    let other = Process::at(&url, &url);
    let (open, late) = delivered_to_gate(&cut_off);
    other.until(HELD, "1").await;
    proxy.swallow_from_now_on();
    let taken_over = async {
        loop {
            match other.order().await.unwrap() {
                Ran::Conflict { .. } => tokio::task::yield_now().await,
                ran => break ran,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, taken_over).await.unwrap(), Ran::Executed(2));
    open.send(()).unwrap();
    proxy.swallow();
    let late = late.await.unwrap();
    assert!(!matches!(late, Ok(Ran::Executed(_))), "{late:?}");
    // The server ends its silent session.
    other.until(HELD, "0").await;
    assert_eq!((other.orders().await, other.state().await), ("1".into(), "3".into()));
}

/// sqlx would wait for 30 s, but the sender does not.
#[tokio::test]
async fn a_transaction_waits_for_a_connection_of_the_store_as_long_as_an_operation_may_take() {
    let url = database().await;
    let store = PostgresStore::new(&url, "tests").unwrap().with_connections(1);
    let process = Process::on(store.with_timeout(Duration::from_secs(2)), &url);
    process.store.migrate().await.unwrap();
    let (open, first) = delivered_to_gate(&process);
    process.until(HELD, "1").await;
    let other = || process.store.run_in_transaction(&process.engine, delivery("other"), order);
    let crowded = tokio::time::timeout(Duration::from_secs(20), other()).await.unwrap();
    let Err(RunError::Handler(error)) = crowded else { panic!("{crowded:?}") };
    let Some(BeginError::Store(error)) = error.downcast_ref() else { panic!("{error:?}") };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error:?}");
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Ran::Executed(1));
    assert_eq!(other().await.unwrap(), Ran::Executed(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_and_renewals_go_on_while_handlers_hold_every_connection() {
    let url = database().await;
    let pool = PgPoolOptions::new().max_connections(2).connect(&url).await.unwrap();
    let store = PostgresStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
    let process = Process::on(store, &url);
    process.store.migrate().await.unwrap();
    let short = Duration::from_millis(300);
    let process = process.with_policy(policy().with_lease(short));
    let (open, first) = delivered_to_gate(&process);
    process.until(HELD, "1").await;
    let _other = pool.acquire().await.unwrap();

    let claimed = Arc::new(Barrier::new(101));
    let mut handlers = JoinSet::new();
    for number in 0..100 {
        let (engine, claimed) = (process.engine.clone(), claimed.clone());
        handlers.spawn(async move {
            let handler = move |_| async move {
                claimed.wait().await;
                tokio::time::sleep(short * 2).await;
                Ok::<_, Error>(number)
            };
            engine.run(delivery(&format!("other-{number}")), handler).await.unwrap()
        });
    }
    claimed.wait().await;
    for ran in handlers.join_all().await {
        assert!(matches!(ran, Ran::Executed(_)), "{ran:?}");
    }
    // The first one has been renewed all the time.
    let held = process.order().await.unwrap();
    assert!(matches!(held, Ran::Conflict { .. }), "{held:?}");
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Ran::Executed(1));
}
