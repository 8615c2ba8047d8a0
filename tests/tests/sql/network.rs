//! The proxy in front of PostgreSQL: replies are lost, connections are cut.

use std::time::Duration;

use idempotency_tests::postgres_server::{PostgresServer, psql};
use idempotency_tests::proxy::FaultProxy;

use crate::session::{Session, bind, execute, parse, query, sync};

/// A proxy, and the address of a new database with the table `t`: direct and through the proxy.
async fn database() -> (FaultProxy, String, String) {
    let server = PostgresServer::shared().await;
    let direct = server.new_database().await;
    psql(&direct, "CREATE TABLE t (n int)").await.unwrap();
    let proxy = FaultProxy::start_postgres(server.port()).await;
    let through = proxy.route(&direct);
    (proxy, direct, through)
}

#[tokio::test]
async fn a_commit_whose_reply_is_lost_is_committed() {
    let (proxy, direct, through) = database().await;
    proxy.lose_reply_to("COMMIT");

    let error = psql(&through, "BEGIN; INSERT INTO t VALUES (1); COMMIT").await.unwrap_err();
    assert!(error.contains("server closed the connection unexpectedly"), "{error}");
    assert_eq!(psql(&direct, "SELECT n FROM t").await.unwrap(), "1");

    // Only one reply is lost.
    psql(&through, "BEGIN; INSERT INTO t VALUES (2); COMMIT").await.unwrap();
    assert_eq!(psql(&direct, "SELECT n FROM t ORDER BY n").await.unwrap(), "1\n2");
}

#[tokio::test]
async fn a_rule_applies_when_a_prepared_statement_is_executed() {
    let (proxy, direct, through) = database().await;
    let mut session = Session::start(&through).await;
    proxy.lose_reply_to("INSERT INTO t");

    session.send(&[parse("insert", "INSERT INTO t VALUES (1)"), sync()]).await;
    session.replies().await.expect("the statement is only prepared");
    session.send(&[bind("", "insert"), sync()]).await;
    session.replies().await.expect("the statement is only bound");
    session.send(&[parse("", "SELECT 1"), bind("", ""), execute(""), sync()]).await;
    session.replies().await.expect("another statement is executed");
    assert_eq!(psql(&direct, "SELECT n FROM t").await.unwrap(), "");

    session.send(&[bind("", "insert"), execute(""), sync()]).await;
    session.replies().await.expect_err("the reply is lost with the connection");
    assert_eq!(psql(&direct, "SELECT n FROM t").await.unwrap(), "1");
}

#[tokio::test]
async fn messages_are_counted_by_their_names() {
    let (proxy, _, through) = database().await;
    let mut session = Session::start(&through).await;
    assert_eq!(counted(&proxy), ["startup 1"]);
    session.send(&[parse("", "SELECT 1"), bind("", ""), execute(""), sync()]).await;
    session.replies().await.unwrap();
    session.send(&[bind("", ""), execute(""), sync()]).await;
    session.replies().await.unwrap();
    session.send(&[query("SELECT 1; SELECT 2")]).await;
    session.replies().await.unwrap();
    assert_eq!(counted(&proxy), ["bind 2", "execute 2", "parse 1", "query 1", "sync 2"]);
}

#[tokio::test]
async fn a_cut_connection_ends_and_the_next_one_works() {
    let (proxy, _, through) = database().await;
    let url = through.clone();
    let cut = tokio::spawn(async move { psql(&url, "SELECT pg_sleep(60)").await });
    sleeping(&through).await;
    proxy.cut();
    assert!(cut.await.unwrap().unwrap_err().contains("server closed the connection unexpectedly"));
    assert_eq!(psql(&through, "SELECT 1").await.unwrap(), "1");
}

#[tokio::test]
async fn a_half_open_connection_executes_and_does_not_answer() {
    let (proxy, direct, through) = database().await;
    let sql = "SELECT pg_sleep(1); INSERT INTO t VALUES (1)";
    let mut answer = tokio::spawn(async move { psql(&through, sql).await });
    sleeping(&direct).await;
    proxy.half_open();
    let executed = async { while psql(&direct, "SELECT n FROM t").await.unwrap() != "1" {} };
    tokio::time::timeout(Duration::from_secs(60), executed).await.expect("the server executes the statement");
    let early = tokio::time::timeout(Duration::from_millis(200), &mut answer).await;
    assert!(early.is_err(), "the reply does not arrive");
    proxy.cut();
    assert!(answer.await.unwrap().is_err());
}

fn counted(proxy: &FaultProxy) -> Vec<String> {
    proxy.take_requests().into_iter().map(|(name, count)| format!("{name} {count}")).collect()
}

/// Waits until a session of this database sleeps.
async fn sleeping(url: &str) {
    let sql = "SELECT count(*) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event = 'PgSleep'";
    let sleeps = async { while psql(url, sql).await.unwrap() != "1" {} };
    tokio::time::timeout(Duration::from_secs(60), sleeps).await.expect("the session starts");
}
