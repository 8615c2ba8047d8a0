//! A suspended execution, and processes that adopt it from the same bytes.

use std::process::Stdio;
use std::time::Duration;

use idempotency_core::engine::{Begun, Execution};
use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Delivery, Idempotency, Key, Policy, Scope, Verified};
use idempotency_tests::demo::PATIENCE;
use idempotency_tests::redis_case::patient;
use idempotency_tests::redis_server::RedisServer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A process that has read the execution, and adopts it on command.
struct Adopting {
    _process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Adopting {
    async fn start(url: &str, written: &str) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_adopting"))
            .arg(url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut input = process.stdin.take().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        input.write_all(format!("{written}\n").as_bytes()).await.unwrap();
        assert_eq!(output.next_line().await.unwrap().as_deref(), Some("ready"));
        Self { _process: process, input, output }
    }

    async fn adopt(mut self) -> String {
        self.input.write_all(b"go\n").await.unwrap();
        self.output.next_line().await.unwrap().expect("it prints the result")
    }
}

fn engine(server: &RedisServer) -> Idempotency {
    let policy = Policy::webhook().with_wait(Duration::ZERO).with_store_timeout(PATIENCE);
    let store = patient(RedisStore::new(server.url(), "idem").unwrap());
    Idempotency::new(store).with_policy(policy)
}

fn delivery() -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("jobs"), Key::new("job-1").unwrap())
}

async fn begun(engine: &Idempotency) -> Execution {
    match engine.begin(delivery()).await.unwrap() {
        Begun::Run(execution) => execution,
        begun => panic!("the key must be free: {begun:?}"),
    }
}

#[tokio::test]
async fn one_of_several_processes_that_adopt_the_same_bytes_runs() {
    let server = RedisServer::start().await;
    let engine = engine(&server);
    let execution = begun(&engine).await;
    let fence = execution.context().fence();
    let written = execution.suspend(Duration::from_secs(600)).await.unwrap();
    let written = serde_json::to_string(&written).unwrap();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(Adopting::start(&server.url(), &written).await);
    }
    let said = futures_util::future::join_all(processes.into_iter().map(Adopting::adopt)).await;
    let ran: Vec<_> =
        said.iter().filter_map(|line| line.strip_prefix("run 1 ")?.strip_suffix(" Recorded")).collect();
    assert_eq!((ran.len(), said.iter().filter(|line| *line == "lost").count()), (1, 3), "{said:?}");
    assert!(ran[0].parse::<u64>().unwrap() > fence.get(), "{said:?}");
    assert!(matches!(engine.begin(delivery()).await.unwrap(), Begun::Replay(_)));
}

#[tokio::test]
async fn a_process_that_comes_after_a_takeover_runs_nothing() {
    let server = RedisServer::start().await;
    let engine = engine(&server);
    let written = begun(&engine).await.suspend(Duration::from_secs(600)).await.unwrap();
    let late = Adopting::start(&server.url(), &serde_json::to_string(&written).unwrap()).await;
    assert!(matches!(engine.begin(delivery()).await.unwrap(), Begun::Conflict { .. }), "it is suspended");
    server.advance(Duration::from_secs(601)).await;
    let taken_over = begun(&engine).await;
    assert_eq!(taken_over.context().attempt(), 2);
    assert_eq!(late.adopt().await, "lost");
    taken_over.release().await;
}
