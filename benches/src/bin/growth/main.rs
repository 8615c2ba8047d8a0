//! What a delivery costs as records, connections, bodies and waiters grow. Prints tables, and writes plots into a folder.

mod records;
mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use idempotency_benches::figure::Figure;
use idempotency_benches::http::cpu;
use idempotency_benches::http::delivery::Body;
use idempotency_benches::http::processes::{Load, Places, Server};
use idempotency_benches::http::variant::Variant;
use idempotency_benches::http::workload::Workload;
use idempotency_benches::stores::claim;
use idempotency_core::Outcome;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Completion, Hold, Store};
use idempotency_tests::redis_server::RedisServer;

use self::table::Table;

const ROUNDS: usize = 3;
/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);
const RETENTION: Duration = Duration::from_secs(7 * 86_400);

/// Measures what a delivery costs as the load grows.
#[derive(Parser)]
struct Arguments {
    /// Measures only one part.
    #[arg(long)]
    only: Option<Part>,
    /// The folder of the plots.
    folder: PathBuf,
    /// A file for the plots as definitions of Markdown links, for pages that have no folder.
    #[arg(long)]
    definitions: Option<PathBuf>,
}

/// What grows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Records,
    Waiters,
    Connections,
    Bodies,
}

fn main() {
    let Arguments { only, folder, definitions } = Arguments::parse();
    let is_asked_for = |part| only.is_none_or(|only| only == part);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let [server_core, other_core, ..] = cpu::allowed()[..] else {
        panic!("the server and the load need a core each");
    };
    let runtime =
        || tokio::runtime::Builder::new_current_thread().enable_all().build().expect("there are timers");
    println!("## Growth\n\nEach figure is the median of {ROUNDS} rounds.");
    runtime().block_on(async {
        if is_asked_for(Part::Records) {
            // The memory store is measured after Redis, because its memory does not return to the system.
            records::in_redis(&folder).await;
            records::in_memory(&folder).await;
        }
        if is_asked_for(Part::Waiters) {
            waiters(&folder).await;
        }
    });
    // Redis and the loads inherit it.
    cpu::pin(other_core);
    runtime().block_on(async {
        if is_asked_for(Part::Connections) {
            connections(&folder, server_core).await;
        }
        if is_asked_for(Part::Bodies) {
            bodies(&folder, server_core).await;
        }
    });
    if let Some(file) = definitions {
        std::fs::write(file, in_markdown(&folder)).expect("the file can be written");
    }
}

/// Each plot as the definition of the link `plots/NAME`, with the image itself as the address.
fn in_markdown(folder: &Path) -> String {
    let files = std::fs::read_dir(folder)
        .expect("it is a folder")
        .map(|entry| entry.expect("the entry is read").path());
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|end| end == "svg")).collect();
    files.sort();
    let definition = |file: &PathBuf| {
        let name = file.file_stem().expect("it has a name").display().to_string();
        let image = data_encoding::BASE64.encode(&std::fs::read(file).expect("the file is read"));
        format!("[plots/{name}]: data:image/svg+xml;base64,{image}\n")
    };
    files.iter().map(definition).collect()
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
