//! What a delivery costs over HTTP: axum and actix-web alone, guarded by hand, by `idempotent`, and by this library.

use std::path::{Path, PathBuf};

use clap::Parser;
use idempotency_benches::floors::PlainPostgres;
use idempotency_benches::http::cpu;
use idempotency_benches::http::delivery::Body;
use idempotency_benches::http::processes::{Load, Places, Server};
use idempotency_benches::http::table::{self, Measured};
use idempotency_benches::http::variant::{Backend, Variant};
use idempotency_benches::http::workload::{COMPLETED, Workload};
use idempotency_benches::report::Report;
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use idempotency_tests::redis_server::RedisServer;

const ROUNDS: u64 = 5;
const CONNECTIONS: usize = 64;
/// Seconds of load before the measured time.
const WARM_UP: f64 = 0.3;
/// The numbers of new keys of one round. No server answers as many requests in a round.
const KEYS: u64 = 1_000_000_000;

/// Measures what a delivery costs over HTTP.
#[derive(Parser)]
struct Arguments {
    /// Writes the figures as JSON to this file.
    file: Option<PathBuf>,
    /// The measured time of each round in seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Measures only servers whose names contain this text, such as `axum-library-redis`, and their baselines and peers.
    #[arg(long, default_value = "")]
    only: String,
}

fn main() {
    let arguments = Arguments::parse();
    let [server_core, other_core, ..] = cpu::allowed()[..] else {
        panic!("the server and the load need a core each");
    };
    // Redis, PostgreSQL and the loads inherit it.
    cpu::pin(other_core);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("the system has timers").block_on(async {
        let report = Bench::start(&arguments, server_core).await.run().await;
        if let Some(file) = &arguments.file {
            std::fs::write(file, report.into_json().to_string()).expect("the file can be written");
        }
    });
}

/// The stores that all servers share, and what is measured.
struct Bench<'a> {
    arguments: &'a Arguments,
    server_core: usize,
    redis: RedisServer,
    redis_process: u32,
    postgres: PostgresServer,
    folder: tempfile::TempDir,
}

impl<'a> Bench<'a> {
    async fn start(arguments: &'a Arguments, server_core: usize) -> Self {
        // Each server has a database of its own.
        let redis = RedisServer::start_with(&["--databases", "64"]).await;
        let redis_process =
            redis.info("process_id").await.try_into().expect("the ids of processes are small");
        let postgres = PostgresServer::start_with(&["-c", "fsync=on"]).await;
        let folder = tempfile::tempdir().expect("there is room for a file");
        Self { arguments, server_core, redis, redis_process, postgres, folder }
    }

    async fn run(self) -> Report {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        println!("## Deliveries over HTTP\n");
        println!(
            "Server on one core with one worker thread, Redis, PostgreSQL and the load on the other; {CONNECTIONS} connections; \
             each figure is the median of {ROUNDS} rounds of {} s in turns, with the lowest and the highest. The baseline is \
             the server that claims and completes by hand. Load of the machine before the start: {}.",
            self.arguments.seconds,
            load.split(' ').next().unwrap_or_default()
        );
        let mut report = Report::default();
        let all = [Workload::Unique, Workload::Duplicate, Workload::Half];
        self.table(&mut report, "3.5 KB, key in a header", Body::SMALL, Variant::unsigned(), &all).await;
        let title = "60 KB, signed, key in the body";
        self.table(&mut report, title, Body::LARGE, Variant::signed(), &all[..2]).await;
        report
    }

    async fn table(
        &self,
        report: &mut Report,
        title: &str,
        body: Body,
        variants: Vec<Variant>,
        workloads: &[Workload],
    ) {
        let variants = self.selected(variants);
        if variants.is_empty() {
            return;
        }
        table::print_head(title);
        let mut noisy = Vec::new();
        for workload in workloads {
            let measured = self.measure(body, &variants, *workload).await;
            noisy.extend(table::print(report, title, *workload, &measured));
        }
        table::print_noise(&noisy);
    }

    /// The variants that were asked for, and those that they are compared with.
    fn selected(&self, variants: Vec<Variant>) -> Vec<Variant> {
        let asked = |variant: &Variant| variant.to_string().contains(&self.arguments.only);
        let beside = |variant: &Variant| {
            let compared = variants.iter().filter(|one| asked(one));
            compared.flat_map(|one| [one.floor(), one.peer()]).any(|other| other == Some(*variant))
        };
        variants.iter().copied().filter(|variant| asked(variant) || beside(variant)).collect()
    }

    /// Measures all servers in turns, so that a disturbance of the machine falls on all of them.
    async fn measure(&self, body: Body, variants: &[Variant], workload: Workload) -> Vec<Measured> {
        let _: String = self.redis.query(&["FLUSHALL"]).await;
        let folder = tempfile::tempdir_in(&self.folder).expect("there is room for a file");
        let mut servers = Vec::new();
        for (number, variant) in variants.iter().enumerate() {
            let places = self.places(number, *variant, folder.path()).await;
            servers.push(Server::start(*variant, self.server_core, &places));
        }
        let load = |workload, first| Load {
            connections: CONNECTIONS,
            body,
            workload,
            first,
            warm_up: WARM_UP,
            seconds: self.arguments.seconds,
        };
        for server in &servers {
            server.load(&load(Workload::Completing, 0), self.redis_process);
        }
        let mut measured: Vec<Measured> =
            variants.iter().map(|variant| Measured { variant: *variant, rounds: Vec::new() }).collect();
        for round in 0..ROUNDS {
            for (server, measured) in servers.iter().zip(&mut measured) {
                let first = COMPLETED + round * KEYS;
                measured.rounds.push(server.load(&load(workload, first), self.redis_process));
            }
        }
        measured
    }

    /// Empty databases for one server.
    async fn places(&self, number: usize, variant: Variant, folder: &Path) -> Places {
        let mut postgres = self.postgres.url();
        if variant.backend() == Some(Backend::Postgres) {
            postgres = self.postgres.new_database().await;
            let store = PostgresStore::new(&postgres, "bench").expect("the address is valid");
            store.migrate().await.expect("it creates the tables");
            psql(&postgres, PlainPostgres::TABLE).await.expect("psql creates the baseline's table");
        }
        Places {
            redis: format!("{}{number}", self.redis.url()),
            postgres,
            sqlite: folder.join(format!("{variant}.db")),
        }
    }
}
