//! The program `orders`: two processes that are killed again and again, and senders that deliver to both.

use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::demo::now;

/// Longer than the slowest machine needs to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// The acknowledged deliveries between two kills. Counting them lets a slow machine go on.
const BETWEEN_PROCESSES: u32 = 45;
/// A fault comes up to this long after the delivery that triggers it, so that it meets deliveries at different points.
const SPREAD: Duration = Duration::from_millis(10);
const SENDERS: u32 = 16;
const COPIES: u32 = 3;

/// The number of events: `IDEMPOTENCY_EVENTS`, or 300.
pub fn events() -> u32 {
    std::env::var("IDEMPOTENCY_EVENTS").map_or(300, |number| number.parse().expect("a number of events"))
}

/// One process of the program.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The lines that it prints after its address.
    pub lines: Lines<BufReader<ChildStdout>>,
    /// Its address.
    pub address: SocketAddr,
}

/// The program, with its arguments.
#[derive(Clone, Debug)]
pub struct Program {
    /// The path of the program.
    pub path: &'static str,
    /// The database.
    pub database: String,
    /// How orders are inserted.
    pub mode: &'static str,
}

/// The deliveries of a run. Each event was acknowledged three times.
#[derive(Debug)]
pub struct Deliveries {
    /// How often a request was sent.
    pub requests: u64,
    /// How many processes were killed.
    pub killed_processes: u64,
    /// How long it took.
    pub took: Duration,
}

impl Program {
    /// Starts a process, and waits until it listens.
    pub async fn start(&self) -> Process {
        let mut child = Command::new(self.path)
            .args([self.database.as_str(), self.mode])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let line = lines.next_line().await.expect("it can be read").expect("it prints its address");
        Process { child, lines, address: line.parse().expect("it prints its address") }
    }

    /// Delivers each event three times to two processes, which are killed meanwhile. `acknowledged` counts the
    /// deliveries that were acknowledged.
    pub async fn deliver(&self, events: u32, acknowledged: &watch::Sender<u32>) -> Deliveries {
        let (requests, killed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (begin, mut faults, mut addresses) = (now(), JoinSet::new(), Vec::new());
        for seed in 0..2 {
            let process = self.start().await;
            let (sender, receiver) = watch::channel(process.address);
            addresses.push(receiver);
            let kill =
                kill(self.clone(), process, sender, acknowledged.subscribe(), Arc::clone(&killed), seed);
            faults.spawn(kill);
        }
        let next = Arc::new(AtomicU32::new(0));
        let mut senders = JoinSet::new();
        for _ in 0..SENDERS {
            let (next, addresses, requests) = (Arc::clone(&next), addresses.clone(), Arc::clone(&requests));
            let acknowledged = acknowledged.clone();
            senders.spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= events * COPIES {
                        return;
                    }
                    // The copies of an event are close to one another, and go to both processes.
                    let event = number / COPIES;
                    for turn in number.. {
                        requests.fetch_add(1, Ordering::Relaxed);
                        let address = *addresses[turn as usize % 2].borrow();
                        if post(address, event).await.is_some_and(|status| (200..300).contains(&status)) {
                            break;
                        }
                        sleep(Duration::from_millis(20)).await;
                    }
                    acknowledged.send_modify(|count| *count += 1);
                }
            });
        }
        senders.join_all().await;
        let took = begin.elapsed();
        faults.shutdown().await;
        let killed_processes = killed.load(Ordering::Relaxed);
        Deliveries { requests: requests.load(Ordering::Relaxed), killed_processes, took }
    }
}

impl Process {
    /// Kills the process.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}

/// Sends an event once. Returns the status of the answer, if there is one.
pub async fn post(address: SocketAddr, event: u32) -> Option<u16> {
    let exchange = async {
        let mut socket = TcpStream::connect(address).await.ok()?;
        let request = format!(
            "POST /orders HTTP/1.1\r\nhost: test\r\nconnection: close\r\nx-key: evt-{event}\r\ncontent-length: 0\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.ok()?;
        std::str::from_utf8(answer.get(9..12)?).ok()?.parse().ok()
    };
    timeout(PATIENCE, exchange).await.expect("every request is answered or cut off")
}

/// Kills a process again and again, and starts another one in its place.
async fn kill(
    program: Program,
    mut process: Process,
    address: watch::Sender<SocketAddr>,
    mut acknowledged: watch::Receiver<u32>,
    killed: Arc<AtomicU64>,
    seed: u32,
) {
    for turn in 1.. {
        // The two processes take turns.
        let next = turn * 2 * BETWEEN_PROCESSES - seed * BETWEEN_PROCESSES;
        acknowledged.wait_for(|count| *count >= next).await.expect("the run outlives its faults");
        sleep(spread(turn * 2 + seed)).await;
        process.kill().await;
        killed.fetch_add(1, Ordering::Relaxed);
        process = program.start().await;
        address.send_replace(process.address);
    }
}

/// A time within the spread that looks random.
pub fn spread(turn: u32) -> Duration {
    SPREAD * (turn.wrapping_mul(0x9e37_79b9) >> 24) / 256
}
