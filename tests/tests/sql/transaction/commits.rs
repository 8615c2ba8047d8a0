//! COMMIT: its reply is lost, it is held up, it fails, its backend ends.

use idempotency_core::Policy;
use idempotency_core::Ran;
use idempotency_tests::proxy::FaultProxy;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnection, PgListener};

use super::*;

/// Holds every COMMIT that inserts an order up while an advisory lock is held, and then raises what `orders` says.
const HELD_UP: &str = "
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(1);
        IF new.id = 'bad' THEN RAISE 'bad' USING ERRCODE = '23514'; END IF;
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER hold AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION hold()";

/// Fails every COMMIT that inserts an order, with this SQLSTATE, while the table `obstacle` has a row.
fn failing(code: &str) -> String {
    format!(
        "CREATE TABLE obstacle AS SELECT 1;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF EXISTS (SELECT FROM obstacle) THEN RAISE 'obstacle' USING ERRCODE = '{code}'; END IF;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
             FOR EACH ROW EXECUTE FUNCTION fail()"
    )
}

/// A process behind a proxy.
async fn behind_proxy() -> (FaultProxy, Process) {
    let url = database().await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let process = Process::at(&proxy.route(&url), &url);
    process.store.migrate().await.unwrap();
    (proxy, process)
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_recorded() {
    let (proxy, process) = behind_proxy().await;
    let proxy = Arc::new(proxy);
    let armed = Arc::clone(&proxy);
    let ran = process.deliver(async move |mut transaction: Transaction, context: IdempotencyContext| {
        insert(&mut transaction).await?;
        // From now on, because the transaction began as READ COMMITTED.
        armed.lose_reply_to("COMMIT");
        Ok(context.attempt())
    });
    assert_eq!(ran.await.unwrap(), Ran::Executed(1));
    assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
    assert_eq!(process.seen.count("completed"), 1);
    assert_eq!(process.order().await.unwrap(), Ran::Replayed(1));
}

/// The look at the row waits for the COMMIT that is still under way, and then sees how it has ended.
#[tokio::test]
async fn a_commit_that_is_under_way_when_it_is_looked_at_is_waited_for() {
    for (id, is_recorded) in [("good", true), ("bad", false)] {
        let (proxy, process) = behind_proxy().await;
        process.query(HELD_UP).await;
        let mut blocker = PgConnection::connect(&process.url).await.unwrap();
        sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut blocker).await.unwrap();
        let delivering = process.clone();
        let delivery = tokio::spawn(async move {
            let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
                let insert = sqlx::query("INSERT INTO orders VALUES ($1)").bind(id);
                insert.execute(&mut *transaction).await?;
                Ok(context.attempt())
            };
            delivering.deliver(handler).await
        });
        process.until(WAITING, "1").await;
        // Its connection is gone, and the server does not notice before it writes the reply.
        proxy.cut();
        let looks = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' \
                     AND datname = current_database() AND query LIKE '%FOR UPDATE'";
        process.until(looks, "1").await;
        assert!(!delivery.is_finished());
        blocker.close().await.unwrap();
        let result = delivery.await.unwrap();
        if is_recorded {
            assert_eq!(result.unwrap(), Ran::Executed(1));
            assert_eq!((process.orders().await, process.state().await), ("1".into(), "3".into()));
            assert_eq!(process.order().await.unwrap(), Ran::Replayed(1));
        } else {
            assert_not_recorded(&result);
            process.assert_retry_runs_at_once(2).await;
        }
    }
}

/// A COMMIT that outlasts the engine's patience is never guessed at: the lease is left to run out.
#[tokio::test]
async fn a_commit_that_does_not_end_in_time_leaves_the_key_held() {
    let url = database().await;
    let proxy = FaultProxy::start_postgres(PostgresServer::shared().await.port()).await;
    let store =
        PostgresStore::new(proxy.route(&url), "tests").unwrap().with_timeout(Duration::from_millis(400));
    let process = Process::on(store, &url);
    process.store.migrate().await.unwrap();
    let process = process.with_policy(policy().with_store_timeout(Duration::from_secs(1)));
    process.query(HELD_UP).await;
    let mut blocker = PgConnection::connect(&process.url).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut blocker).await.unwrap();
    let delivering = process.clone();
    let delivery = tokio::spawn(async move { delivering.order().await });
    process.until(WAITING, "1").await;
    proxy.cut();
    assert_not_recorded(&delivery.await.unwrap());
    assert_eq!(process.seen.count("left_to_expire"), 1);
    let other = Process::at(&url, &url);
    let held = other.order().await.unwrap();
    assert!(matches!(held, Ran::Conflict { .. }), "{held:?}");
    blocker.close().await.unwrap();
    other.until("SELECT count(*) FROM orders", "1").await;
    assert_eq!(other.order().await.unwrap(), Ran::Replayed(1));
}

#[tokio::test]
async fn a_commit_that_fails_is_not_recorded_and_a_retry_runs_at_once() {
    // check_violation, serialization_failure, deadlock_detected
    for code in ["23514", "40001", "40P01"] {
        let process = Process::alone().await;
        process.query(&failing(code)).await;
        assert_not_recorded(&process.order().await);
        assert!(process.seen.failure().contains("obstacle"), "{}", process.seen.failure());
        process.query("DROP TABLE obstacle; CREATE TABLE obstacle ()").await;
        process.assert_retry_runs_at_once(2).await;
    }
}

#[tokio::test]
async fn a_backend_that_ends_before_the_commit_leaves_nothing() {
    let process = Process::alone().await;
    let result = process.deliver(async |mut transaction: Transaction, _| {
        insert(&mut transaction).await?;
        let ended = sqlx::query("SELECT pg_terminate_backend(pg_backend_pid())").execute(&mut *transaction);
        ended.await.unwrap_err();
        Ok(0)
    });
    assert_not_recorded(&result.await);
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn a_backend_that_ends_within_the_commit_leaves_nothing() {
    let process = Process::alone().await;
    process.query(HELD_UP).await;
    let mut blocker = PgConnection::connect(&process.url).await.unwrap();
    sqlx::query("SELECT pg_advisory_lock(1)").execute(&mut blocker).await.unwrap();
    let delivering = process.clone();
    let delivery = tokio::spawn(async move { delivering.order().await });
    process.until(WAITING, "1").await;
    process.query(&WAITING.replace("count(*)", "pg_terminate_backend(pid)")).await;
    assert_not_recorded(&delivery.await.unwrap());
    blocker.close().await.unwrap();
    process.assert_retry_runs_at_once(2).await;
}

#[tokio::test]
async fn waiters_in_another_process_are_woken_after_the_commit() {
    let process = Process::alone().await;
    process.store.migrate().await.unwrap();
    let mut listener = PgListener::connect(&process.url).await.unwrap();
    listener.listen("idempotency_changes").await.unwrap();
    assert_eq!(process.order().await.unwrap(), Ran::Executed(1));
    tokio::time::timeout(PATIENCE, listener.recv()).await.unwrap().unwrap();
    assert_eq!(process.state().await, "3");
}

#[tokio::test]
async fn a_duplicate_in_another_process_replays_as_soon_as_it_is_committed() {
    let process = Process::alone().await;
    let waiting = Policy::webhook().with_store_timeout(PATIENCE).with_wait(PATIENCE);
    let other = Process::at(&process.url, &process.url).with_policy(waiting);
    let (open, gate) = tokio::sync::oneshot::channel::<()>();
    let delivering = process.clone();
    let first = tokio::spawn(async move {
        let handler = async move |mut transaction: Transaction, context: IdempotencyContext| {
            insert(&mut transaction).await?;
            gate.await?;
            Ok(context.attempt())
        };
        delivering.deliver(handler).await
    });
    process.until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'", "1").await;
    let second = tokio::spawn(async move { other.order().await });
    process.until("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'", "1").await;
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), Ran::Executed(1));
    assert_eq!(second.await.unwrap().unwrap(), Ran::Replayed(1));
    assert_eq!(process.orders().await, "1");
}
