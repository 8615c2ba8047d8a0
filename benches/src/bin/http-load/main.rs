//! Sends deliveries to one server for a while, and prints what it saw as JSON.

mod connection;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use clap::Parser;
use connection::Connection;
use idempotency_benches::http::cpu;
use idempotency_benches::http::delivery::{Body, Delivery, EXECUTIONS};
use idempotency_benches::http::round::Round;
use idempotency_benches::http::workload::Workload;

/// The most times that the measured time is repeated while there is no answer.
const PERIODS: usize = 60;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    address: SocketAddr,
    /// The server's process, whose CPU time counts.
    #[arg(long)]
    server: u32,
    /// Redis' process, whose CPU time counts.
    #[arg(long)]
    redis: u32,
    #[arg(long)]
    workload: Workload,
    /// The number of the first new key.
    #[arg(long)]
    first: u64,
    /// Seconds before the measured time.
    #[arg(long)]
    warm_up: f64,
    /// The measured time in seconds.
    #[arg(long)]
    seconds: f64,
    /// The connections, each with one request at a time.
    #[arg(long)]
    connections: usize,
    /// The length of a body in bytes.
    #[arg(long)]
    bytes: usize,
    /// Signs the bodies.
    #[arg(long)]
    signed: bool,
}

/// What all connections count.
#[derive(Default)]
struct Counts {
    sent: AtomicU64,
    answered: AtomicU64,
    replayed: AtomicU64,
    is_over: AtomicBool,
}

/// The counts and clocks at one time.
struct Moment {
    at: Instant,
    answered: u64,
    server: Duration,
    redis: Duration,
}

// All connections share one thread, so that a request costs the load as little as possible.
#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::parse();
    let counts = Arc::new(Counts::default());
    let mut other = Connection::open(arguments.address).await;
    let executed_before = executions(&mut other).await;

    let moment = || Moment {
        at: Instant::now(),
        answered: counts.answered.load(Relaxed),
        server: cpu::time(arguments.server),
        redis: cpu::time(arguments.redis),
    };
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is later than 1970");
    let body = Body { bytes: arguments.bytes, signed: arguments.signed };
    let mut connections = Vec::new();
    for _ in 0..arguments.connections {
        let connection = Connection::open(arguments.address).await;
        let delivery = Delivery::new(body, since_1970.as_secs());
        let (workload, first) = (arguments.workload, arguments.first);
        connections.push(tokio::spawn(send(Arc::clone(&counts), connection, delivery, workload, first)));
    }
    let mut begin = moment();
    if arguments.workload != Workload::Completing {
        tokio::time::sleep(Duration::from_secs_f64(arguments.warm_up)).await;
        begin = moment();
        // A machine that is busy with other work may need several.
        for _ in 0..PERIODS {
            tokio::time::sleep(Duration::from_secs_f64(arguments.seconds)).await;
            if counts.answered.load(Relaxed) > begin.answered {
                break;
            }
        }
    }
    let mut end = moment();
    counts.is_over.store(arguments.workload != Workload::Completing, Relaxed);
    for connection in connections {
        connection.await.expect("a connection ends after its last answer");
    }
    if arguments.workload == Workload::Completing {
        end = moment();
    }
    let nanos = |time: Duration| time.as_nanos().try_into().expect("it is short");
    let round = Round {
        requests: end.answered - begin.answered,
        seconds: (end.at - begin.at).as_secs_f64(),
        server_nanos: nanos(end.server - begin.server),
        redis_nanos: nanos(end.redis - begin.redis),
        all: counts.answered.load(Relaxed),
        replayed: counts.replayed.load(Relaxed),
        executed: executions(&mut other).await - executed_before,
    };
    println!("{}", serde_json::to_string(&round).expect("it is JSON"));
}

/// Sends one delivery after the other until the load is over.
async fn send(
    counts: Arc<Counts>,
    mut connection: Connection,
    mut delivery: Delivery,
    workload: Workload,
    first: u64,
) {
    while !counts.is_over.load(Relaxed)
        && let Some(key) = workload.key(counts.sent.fetch_add(1, Relaxed), first)
    {
        let answer = connection.exchange(delivery.numbered(key)).await;
        counts.answered.fetch_add(1, Relaxed);
        counts.replayed.fetch_add(u64::from(answer.is_replay), Relaxed);
    }
}

/// How often the server's handler has run.
async fn executions(connection: &mut Connection) -> u64 {
    let request = format!("GET {EXECUTIONS} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    let answer = connection.exchange(request.as_bytes()).await;
    let text = str::from_utf8(answer.body).expect("it is text");
    text.parse().expect("it is a number")
}
