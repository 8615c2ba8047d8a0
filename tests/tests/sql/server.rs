//! The PostgreSQL server of the tests: it starts, crashes, comes back, and leaves nothing behind.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use idempotency_tests::postgres_server::{PostgresServer, have_ended, psql};

use crate::session::{Session, query};

#[tokio::test]
async fn two_servers_run_side_by_side() {
    let (one, two) = tokio::join!(PostgresServer::start(), PostgresServer::start());
    one.query("CREATE TABLE t AS SELECT 1 AS n").await;
    two.query("CREATE TABLE t AS SELECT 2 AS n").await;
    assert_eq!(one.query("SELECT n FROM t").await, "1");
    assert_eq!(two.query("SELECT n FROM t").await, "2");
}

#[tokio::test]
async fn a_killed_server_comes_back_with_what_it_had_committed() {
    let server = PostgresServer::start_with(&["-c", "fsync=on"]).await;
    let url = server.new_database().await;
    psql(&url, "CREATE TABLE t (n int)").await.unwrap();
    for round in 1..=3 {
        psql(&url, &format!("INSERT INTO t VALUES ({round})")).await.unwrap();
        let killed = server.processes();
        assert!(killed.len() > 1, "the server has processes besides its first: {killed:?}");

        server.kill();
        assert!(have_ended(&killed));
        assert!(psql(&url, "SELECT 1").await.unwrap_err().contains("Connection refused"));

        server.restart().await;
        let kept = (1..=round).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        assert_eq!(psql(&url, "SELECT n FROM t ORDER BY n").await.unwrap(), kept);
    }
}

#[tokio::test]
async fn a_setting_of_the_test_overrides_the_default() {
    let server = PostgresServer::start_with(&["-c", "fsync=on", "-c", "max_connections=20"]).await;
    assert_eq!(server.query("SHOW fsync").await, "on");
    assert_eq!(server.query("SHOW max_connections").await, "20");
    assert_eq!(PostgresServer::shared().await.query("SHOW fsync").await, "off");
}

#[tokio::test]
async fn a_paused_server_answers_once_it_is_resumed() {
    let server = PostgresServer::start().await;
    let mut session = Session::start(&server.url()).await;
    session.send(&[query("SELECT 1")]).await;
    session.replies().await.unwrap();

    server.pause();
    session.send(&[query("SELECT 2")]).await;
    let url = server.url();
    let mut other = tokio::spawn(async move { psql(&url, "SELECT 3").await });
    let early = async {
        tokio::select! { _ = session.replies() => "old", _ = &mut other => "new" }
    };
    let early = tokio::time::timeout(Duration::from_millis(300), early).await;
    early.expect_err("a paused server answers neither an old session nor a new one");

    server.resume();
    assert!(session.replies().await.unwrap().contains(&b'2'));
    assert_eq!(other.await.unwrap().unwrap(), "3");
}

#[tokio::test]
async fn only_the_named_sessions_are_ended() {
    let server = PostgresServer::start().await;
    let ended = tokio::spawn(sleeping_session(server.url(), "61"));
    let kept = tokio::spawn(sleeping_session(server.url(), "62"));
    session_runs(&server, "pg_sleep(61)").await;
    session_runs(&server, "pg_sleep(62)").await;

    assert_eq!(server.kill_backends("pg_sleep(61)").await, 1);
    assert!(ended.await.unwrap().unwrap_err().contains("terminating connection"));
    assert_eq!(server.kill_backends("it's none").await, 0);
    session_runs(&server, "pg_sleep(62)").await;
    kept.abort();
}

#[tokio::test]
async fn databases_of_the_shared_server_are_distinct() {
    let server = PostgresServer::shared().await;
    let (one, two) = tokio::join!(server.new_database(), server.new_database());
    assert_ne!(one, two);
    psql(&one, "CREATE TABLE t (n int)").await.unwrap();
    assert!(psql(&two, "SELECT n FROM t").await.unwrap_err().contains("does not exist"));
    assert_eq!(server.port(), PostgresServer::shared().await.port());
}

#[tokio::test]
async fn a_dropped_server_leaves_no_process_and_no_file() {
    let ways: [fn(&PostgresServer); 3] = [|_| {}, PostgresServer::pause, PostgresServer::kill];
    for way in ways {
        let server = PostgresServer::start().await;
        let directory = server.query("SHOW data_directory").await;
        let processes = server.processes();
        assert!(!have_ended(&processes) && Path::new(&directory).exists());

        way(&server);
        drop(server);
        assert!(have_ended(&processes));
        assert!(!Path::new(&directory).parent().unwrap().exists());
    }
}

#[tokio::test]
async fn no_server_outlives_a_test_process_that_is_killed() {
    let program = env!("CARGO_BIN_EXE_postgres-servers");
    let mut child = Command::new(program).stdout(Stdio::piped()).spawn().unwrap();
    let mut announced = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut announced).unwrap();
    let (ids, directories) = announced.trim_end().split_once(' ').unwrap();
    let ids: Vec<u32> = ids.split(',').map(|id| id.parse().unwrap()).collect();
    assert!(!have_ended(&ids));

    child.kill().unwrap();
    child.wait().unwrap();
    let gone = async {
        while !have_ended(&ids) || directories.split(' ').any(|directory| Path::new(directory).exists()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the servers end with the process");
}

/// Sleeps in the server for some seconds.
async fn sleeping_session(url: String, seconds: &str) -> Result<String, String> {
    psql(&url, &format!("SELECT pg_sleep({seconds})")).await
}

/// Waits until another session executes a statement that contains this.
async fn session_runs(server: &PostgresServer, part: &str) {
    let sql = format!(
        "SELECT count(*) FROM pg_stat_activity \
         WHERE state = 'active' AND pid <> pg_backend_pid() AND strpos(query, '{part}') > 0"
    );
    let runs = async { while server.query(&sql).await != "1" {} };
    tokio::time::timeout(Duration::from_secs(60), runs).await.expect("the session starts");
}
