//! What a delivery costs as records, connections, bodies and waiters grow. Prints tables, and writes plots into a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use futures_util::future::join_all;
use idempotency_benches::figure::Figure;
use idempotency_benches::http::cpu;
use idempotency_benches::http::delivery::Body;
use idempotency_benches::http::processes::{Load, Places, Server};
use idempotency_benches::http::variant::Variant;
use idempotency_benches::http::workload::Workload;
use idempotency_benches::plot::{self, Line};
use idempotency_benches::stores::{claim, execute};
use idempotency_core::Outcome;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Completion, Hold, Store};
use idempotency_tests::redis_server::RedisServer;

const ROUNDS: usize = 3;
/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(7 * 86_400);
/// Deliveries of one measurement at a store.
const DELIVERIES: u64 = 2000;
/// As many claims as a store is filled with at a time.
const FILLING: u64 = 64;

/// Measures what a delivery costs as the load grows.
#[derive(Parser)]
struct Arguments {
    /// The folder of the plots.
    folder: PathBuf,
    /// A file for the plots as definitions of Markdown links, for pages that have no folder.
    #[arg(long)]
    definitions: Option<PathBuf>,
}

fn main() {
    let Arguments { folder, definitions } = Arguments::parse();
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let [server_core, other_core, ..] = cpu::allowed()[..] else {
        panic!("the server and the load need a core each");
    };
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are timers");
    println!("## Growth\n\nEach figure is the median of {ROUNDS} rounds.");
    runtime().block_on(async {
        records(&folder).await;
        waiters(&folder).await;
    });
    // Redis and the loads inherit it.
    cpu::pin(other_core);
    runtime().block_on(async {
        connections(&folder, server_core).await;
        bodies(&folder, server_core).await;
    });
    if let Some(file) = definitions {
        std::fs::write(file, in_markdown(&folder)).expect("the file can be written");
    }
}

/// Each plot as the definition of the link `plots/NAME`, with the image itself as the address.
fn in_markdown(folder: &Path) -> String {
    let files =
        std::fs::read_dir(folder).expect("it is a folder").map(|entry| entry.expect("it is read").path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "svg")).collect();
    files.sort();
    let definition = |file: &PathBuf| {
        let name = file.file_stem().expect("it has a name").display().to_string();
        let image = data_encoding::BASE64.encode(&std::fs::read(file).expect("it is read"));
        format!("[plots/{name}]: data:image/svg+xml;base64,{image}\n")
    };
    files.iter().map(definition).collect()
}

/// A row of figures for each size, and their plot.
struct Table {
    name: &'static str,
    title: &'static str,
    size: &'static str,
    cost: &'static str,
    lines: Vec<Line>,
}

impl Table {
    fn new(name: &'static str, title: &'static str, [size, cost]: [&'static str; 2], lines: &[&str]) -> Self {
        println!(
            "\n### {title}\n\n{cost}\n\n| {size} | {} |\n|---{}|",
            lines.join(" | "),
            "|---".repeat(lines.len())
        );
        let lines = lines.iter().map(|name| Line { name: (*name).to_owned(), points: Vec::new() }).collect();
        Self { name, title, size, cost, lines }
    }

    fn row(&mut self, size: u64, costs: &[f64]) {
        let texts: Vec<String> = costs.iter().map(|cost| format!("{cost:.2}")).collect();
        println!("| {size} | {} |", texts.join(" | "));
        for (line, cost) in self.lines.iter_mut().zip(costs) {
            line.points.push((size as f64, *cost));
        }
    }

    fn plot(self, folder: &Path) {
        plot::write(
            &folder.join(self.name).with_extension("svg"),
            self.title,
            [self.size, self.cost],
            &self.lines,
        );
    }
}

/// Measures a delivery at a store, by the number of completed records.
async fn records(folder: &Path) {
    let lines = ["memory, fresh", "memory, duplicate"];
    let mut table =
        Table::new("records-memory", "Records in memory", ["completed records", "µs per delivery"], &lines);
    let store = MemoryStore::new().with_capacity(usize::MAX).with_max_bytes(usize::MAX);
    let before = resident();
    let (mut filled, mut bytes) = (0, 0.0);
    for size in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        for key in filled..size {
            complete_bare(&store, key).await;
        }
        filled = size;
        bytes = (resident() - before) as f64 / size as f64;
        table.row(size, &costs(&store, size).await);
    }
    println!(
        "\n- resident memory of a completed record without outcome and key text, at the last size: {bytes:.0} bytes"
    );
    table.plot(folder);

    let lines = ["Redis, fresh", "Redis, duplicate"];
    let mut table =
        Table::new("records-redis", "Records in Redis", ["completed records", "µs per delivery"], &lines);
    let server = RedisServer::start().await;
    let store =
        RedisStore::new(server.url(), "bench").expect("it is an address").with_response_timeout(PATIENCE);
    let before = server.info("used_memory").await;
    let mut filled = 0;
    for size in [1_000, 10_000, 100_000, 1_000_000] {
        for first in (filled..size).step_by(FILLING as usize) {
            join_all((first..(first + FILLING).min(size)).map(|key| complete_bare(&store, key))).await;
        }
        filled = size;
        bytes = (server.info("used_memory").await - before) as f64 / size as f64;
        table.row(size, &costs(&store, size).await);
    }
    println!("\n- memory of a completed record without outcome and key text in Redis: {bytes:.0} bytes");
    table.plot(folder);
}

/// Completes a key without recording its text or an outcome.
async fn complete_bare(store: &dyn Store, key: u64) {
    let mut claim = claim(store, key);
    claim.label = claim.label.without_key();
    let Ok(Claimed::Granted(grant)) = store.claim(&claim).await else { panic!("a new key is granted") };
    let completion = Completion::new(claim.granted(grant.fence), Outcome::default(), RETENTION);
    assert!(store.complete(&completion).await.is_ok());
}

/// The microseconds of a fresh delivery and of a duplicate, one at a time.
async fn costs(store: &dyn Store, size: u64) -> [f64; 2] {
    let (mut fresh, mut duplicate) = (Figure::default(), Figure::default());
    for round in 0..ROUNDS as u64 {
        let first = u64::MAX / 2 + (size * ROUNDS as u64 + round) * DELIVERIES;
        let start = Instant::now();
        for key in first..first + DELIVERIES {
            execute(store, key).await;
        }
        fresh.push(micros(start, DELIVERIES));
        let start = Instant::now();
        for number in 0..DELIVERIES {
            // Steps through all records, so that few are in the processor's cache.
            let answer = store.claim(&claim(store, number * 7_919 % size)).await;
            assert!(matches!(answer, Ok(Claimed::Completed(_))), "{answer:?}");
        }
        duplicate.push(micros(start, DELIVERIES));
    }
    [fresh.median(), duplicate.median()]
}

fn micros(start: Instant, count: u64) -> f64 {
    start.elapsed().as_secs_f64() * 1e6 / count as f64
}

/// The memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
}

/// The time from a completion to the answer of the last duplicate that waits for it.
async fn waiters(folder: &Path) {
    let title = "Duplicates that wait for one key";
    let axes = ["waiting duplicates", "µs from the completion to the last answer"];
    let mut table = Table::new("waiters", title, axes, &["memory", "Redis"]);
    let memory: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let server = RedisServer::start().await;
    let redis =
        RedisStore::new(server.url(), "bench").expect("it is an address").with_response_timeout(PATIENCE);
    let redis: Arc<dyn Store> = Arc::new(redis);
    let mut key = 0;
    for size in [1, 10, 100, 1_000] {
        let mut costs = [0.0; 2];
        for (store, cost) in [&memory, &redis].into_iter().zip(&mut costs) {
            let mut figure = Figure::default();
            for _ in 0..ROUNDS {
                key += 1;
                figure.push(wake(store, key, size).await);
            }
            *cost = figure.median();
        }
        table.row(size, &costs);
    }
    table.plot(folder);
}

async fn wake(store: &Arc<dyn Store>, key: u64, size: u64) -> f64 {
    let held = claim(&**store, key);
    let Ok(Claimed::Granted(grant)) = store.claim(&held).await else { panic!("a new key is granted") };
    let duplicates: Vec<_> = (0..size)
        .map(|_| {
            let store = Arc::clone(store);
            tokio::spawn(async move {
                let duplicate = claim(&*store, key);
                while !matches!(store.claim(&duplicate).await, Ok(Claimed::Completed(_))) {
                    store.wait_for_change(duplicate.key.digest(), PATIENCE).await.expect("the store answers");
                }
            })
        })
        .collect();
    // All of them wait: nothing here is ready any more, and nothing is on its way.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let start = Instant::now();
    let completion = Completion::new(held.granted(grant.fence), Outcome::default(), RETENTION);
    assert_eq!(store.complete(&completion).await.expect("the store answers"), Hold::Held);
    for duplicate in duplicates {
        duplicate.await.expect("it ends");
    }
    start.elapsed().as_secs_f64() * 1e6
}

/// Measures the CPU time of a delivery, by the number of connections.
async fn connections(folder: &Path, core: usize) {
    let names = ["axum-plain-header", "axum-library-memory-closure", "axum-library-redis-closure"];
    let axes = ["connections", "µs of the server's CPU per fresh delivery"];
    let lines = ["axum alone", "on memory", "on Redis"];
    let mut table = Table::new("connections", "Connections", axes, &lines);
    let servers = Servers::start(&names, core).await;
    for size in [1, 10, 100, 1_000, 10_000] {
        table.row(size, &servers.costs(size as usize, Body::SMALL).await);
    }
    table.plot(folder);
}

/// Measures the CPU time of a delivery with a signed body, by its length.
async fn bodies(folder: &Path, core: usize) {
    let names = ["axum-plain-stripe", "axum-library-memory-stripe", "axum-library-redis-stripe"];
    let axes = ["bytes of the body", "µs of the server's CPU per fresh delivery"];
    let lines = ["signature alone", "on memory", "on Redis"];
    let mut table = Table::new("bodies", "Signed bodies", axes, &lines);
    let servers = Servers::start(&names, core).await;
    for bytes in [1_000, 10_000, 100_000, 1_000_000] {
        table.row(bytes, &servers.costs(64, Body { bytes: bytes as usize, signed: true }).await);
    }
    table.plot(folder);
}

/// The servers of one table, each with a database of its own.
struct Servers {
    servers: Vec<Server>,
    redis: RedisServer,
    next: std::cell::Cell<u64>,
}

impl Servers {
    async fn start(names: &[&str], core: usize) -> Self {
        let redis = RedisServer::start().await;
        let servers = names.iter().enumerate().map(|(number, name)| {
            let variant: Variant = name.parse().expect("there is such a server");
            let places = Places {
                redis: format!("{}{number}", redis.url()),
                // None of them uses a database.
                postgres: "unused".to_owned(),
                sqlite: "unused".into(),
            };
            Server::start(variant, core, &places)
        });
        let servers = servers.collect();
        Self { servers, redis, next: std::cell::Cell::new(1) }
    }

    async fn costs(&self, connections: usize, body: Body) -> Vec<f64> {
        let redis = self.redis.info("process_id").await.try_into().expect("the ids of processes are small");
        let mut figures = vec![Figure::default(); self.servers.len()];
        for _ in 0..ROUNDS {
            for (server, figure) in self.servers.iter().zip(&mut figures) {
                // No server answers as many requests in a round.
                let first = self.next.replace(self.next.get() + 100_000_000);
                let load =
                    Load { connections, body, workload: Workload::Unique, first, warm_up: 0.3, seconds: 1.0 };
                figure.push(server.load(&load, redis).server_micros());
            }
        }
        figures.iter().map(Figure::median).collect()
    }
}
