//! Claims and completions per second of each store, beside the plain statements that they replace, and bytes per record.

use std::sync::Arc;
use std::time::Duration;

use idempotency_benches::contender::Contender;
use idempotency_benches::floors::{
    HandWritten, PlainDuplicate, PlainFresh, PlainMap, PlainPostgres, PlainRedis, PlainSqlite,
};
use idempotency_benches::report::Report;
use idempotency_benches::rounds;
use idempotency_benches::stores::{Duplicate, Fresh, execute};
use idempotency_core::store::Store;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_sqlx::{PostgresStore, SqliteStore};
use idempotency_tests::postgres_server::PostgresServer;
use idempotency_tests::redis_server::RedisServer;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};

const NAMESPACE: &str = "bench";
const ROUNDS: usize = 5;
/// Connections to PostgreSQL, for the store and for its baseline.
const CONNECTIONS: u32 = 8;
/// How many deliveries are under way at a time.
const CONCURRENT: [usize; 3] = [1, 64, 512];
/// Completed records, for duplicates and for the bytes of a record.
const RECORDS: u64 = 20_000;
/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let mut report = Report::default();
    println!("## Stores\n");
    println!(
        "A fresh delivery is a claim and a completion. Each figure is the median of {ROUNDS} rounds in turns."
    );
    redis(&mut report).await;
    postgres(&mut report).await;
    sqlite(&mut report).await;
    memory(&mut report).await;
    if let Some(file) = std::env::args().nth(1) {
        std::fs::write(file, report.into_json().to_string()).expect("the file can be written");
    }
}

/// A store under a name.
fn fresh(name: &str, store: &Arc<dyn Store>) -> Arc<dyn Contender> {
    Arc::new(Fresh { name: name.to_owned(), store: Arc::clone(store) })
}

/// A baseline under a name, with the keys of this store.
fn plain<H>(name: &'static str, floor: &H, store: &Arc<dyn Store>) -> PlainFresh<H>
where
    H: HandWritten,
{
    PlainFresh { name, floor: floor.clone(), store: Arc::clone(store) }
}

async fn redis(report: &mut Report) {
    let server = RedisServer::start().await;
    let store = RedisStore::new(server.url(), NAMESPACE)
        .expect("the address is valid")
        .with_response_timeout(PATIENCE);
    let store: Arc<dyn Store> = Arc::new(store);
    let before = server.info("used_memory").await;
    for key in 0..RECORDS {
        execute(&*store, u64::MAX / 4 + key).await;
    }
    let bytes = (server.info("used_memory").await - before) as f64 / RECORDS as f64;
    let floor = PlainRedis(server.connection().await);
    let floor: Arc<dyn Contender> = Arc::new(plain("SET NX GET PX, and SET PX", &floor, &store));
    for concurrency in CONCURRENT {
        let contenders = [Arc::clone(&floor), fresh("RedisStore", &store)];
        let measured = rounds::run(&contenders, ROUNDS, concurrency, operations(concurrency, 4000)).await;
        report.table("Redis, fresh", concurrency, &measured);
    }
    report.figure("Redis, memory of a completed record", bytes, "bytes");
}

async fn postgres(report: &mut Report) {
    let server = PostgresServer::start_with(&["-c", "fsync=on"]).await;
    let store = PostgresStore::new(server.url(), NAMESPACE).expect("the address is valid");
    let store = store.with_connections(CONNECTIONS).with_timeout(PATIENCE);
    store.migrate().await.expect("it creates the tables");
    let store: Arc<dyn Store> = Arc::new(store);
    server.query(PlainPostgres::TABLE).await;
    let floor = PlainPostgres::connect(&server.url(), CONNECTIONS).await;

    for key in 0..RECORDS {
        execute(&*store, u64::MAX / 4 + key).await;
    }
    let size = async || -> f64 {
        let size = server.query("SELECT pg_total_relation_size('idempotency_records')").await;
        size.parse::<f64>().expect("a number") / RECORDS as f64
    };
    let grown = size().await;
    server.query("VACUUM FULL idempotency_records").await;
    let packed = size().await;

    let statements = || plain("two plain statements", &floor, &store);
    for concurrency in CONCURRENT {
        let contenders = [Arc::new(statements()) as Arc<dyn Contender>, fresh("PostgresStore", &store)];
        let measured = rounds::run(&contenders, ROUNDS, concurrency, operations(concurrency, 2000)).await;
        report.table("PostgreSQL, fresh", concurrency, &measured);
    }
    let completed = 1000;
    let floor: Arc<dyn Contender> =
        Arc::new(PlainDuplicate::new("a plain insert and a read", statements(), completed).await);
    let duplicate = Arc::new(Duplicate::new("PostgresStore", Arc::clone(&store), completed).await);
    for concurrency in CONCURRENT {
        let contenders = [Arc::clone(&floor), Arc::clone(&duplicate) as Arc<dyn Contender>];
        let measured = rounds::run(&contenders, ROUNDS, concurrency, operations(concurrency, 4000)).await;
        report.table("PostgreSQL, duplicate", concurrency, &measured);
    }
    report.figure("PostgreSQL, a completed record with its indexes, after 20,000 deliveries", grown, "bytes");
    report.figure("PostgreSQL, the same after VACUUM FULL", packed, "bytes");
}

async fn sqlite(report: &mut Report) {
    let folder = tempfile::tempdir().expect("there is room for a file");
    let file = folder.path().join("records.db");
    let store: Arc<dyn Store> =
        Arc::new(SqliteStore::new(&file, NAMESPACE).expect("it is a path").with_timeout(PATIENCE));
    for key in 0..RECORDS / 10 {
        execute(&*store, u64::MAX / 4 + key).await;
    }
    let options = SqliteConnectOptions::new().filename(&file).busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.expect("it opens");
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE)")
        .execute(&pool)
        .await
        .expect("it packs");
    let bytes = std::fs::metadata(&file).expect("it is a file").len() as f64 / (RECORDS / 10) as f64;
    let floor = PlainSqlite::open(&folder.path().join("plain.db")).await;
    let floor: Arc<dyn Contender> = Arc::new(plain("two plain statements", &floor, &store));
    for concurrency in [1, 64] {
        let measured = rounds::run(
            &[Arc::clone(&floor), fresh("SqliteStore", &store)],
            ROUNDS,
            concurrency,
            operations(concurrency, 500),
        )
        .await;
        report.table("SQLite, fresh", concurrency, &measured);
    }
    let duplicate = Arc::new(Duplicate::new("SqliteStore", Arc::clone(&store), 1000).await);
    let measured = rounds::run(&[duplicate as Arc<dyn Contender>], ROUNDS, 64, 4000).await;
    report.table("SQLite, duplicate", 64, &measured);
    report.figure("SQLite, a completed record with its indexes", bytes, "bytes");
}

async fn memory(report: &mut Report) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let floor: Arc<dyn Contender> = Arc::new(plain("a DashMap", &PlainMap::default(), &store));
    for concurrency in [1, 64] {
        let contenders = [Arc::clone(&floor), fresh("MemoryStore", &store)];
        let measured = rounds::run(&contenders, ROUNDS, concurrency, 20_000).await;
        report.table("Memory, fresh", concurrency, &measured);
    }
}

/// Operations of a round. One at a time is slower.
fn operations(concurrency: usize, many: u64) -> u64 {
    if concurrency == 1 { many / 4 } else { many }
}
