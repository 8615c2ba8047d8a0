//! Whether it pays to partition the table of records: claims and completions per second, the deletion of expired records, and
//! VACUUM, with a million records in one table and in 16 partitions.

use std::sync::Arc;
use std::time::{Duration, Instant};

use idempotency_benches::contender::Contender;
use idempotency_benches::report::Report;
use idempotency_benches::rounds;
use idempotency_benches::stores::Fresh;
use idempotency_core::store::Store;
use idempotency_sqlx::{PostgresStore, Tables};
use idempotency_tests::postgres_server::PostgresServer;

const RECORDS: u64 = 1_000_000;
const PARTITIONS: u32 = 16;
/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let server = PostgresServer::start_with(&["-c", "fsync=on", "-c", "autovacuum=off"]).await;
    let whole = store(&server, "whole").await;
    let parted = {
        server
            .query(
                "CREATE TABLE parted_records (LIKE whole_records INCLUDING ALL) PARTITION BY HASH (digest)",
            )
            .await;
        for partition in 0..PARTITIONS {
            server
                .query(&format!(
                    "CREATE TABLE parted_records_{partition} PARTITION OF parted_records \
                     FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {partition})"
                ))
                .await;
        }
        store(&server, "parted").await
    };
    for (prefix, seconds) in [("whole", -1), ("parted", -1)] {
        // Completed records, half of which have expired.
        server
            .query(&format!(
                "INSERT INTO {prefix}_records (digest, namespace, state, owner, fence, attempts, retention, expires_at, \
                     completed_at, parts, outcome, revision)
                 SELECT sha256(number::text::bytea), 'bench', 3, '\\x00112233445566778899aabbccddeeff', 1, 1, 604800000000, \
                     now + CASE WHEN number % 2 = 0 THEN {seconds} ELSE 604800000000 END, now, \
                     'stripe:/webhooks/stripe evt_1NG8Du2eZvKYlo2C', repeat('a', 64)::bytea, number
                 FROM generate_series(1, {RECORDS}) AS number, \
                     (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock"
            ))
            .await;
        server.query(&format!("ANALYZE {prefix}_records")).await;
    }

    let mut report = Report::default();
    println!("## Partitions\n\n{RECORDS} records, half of them expired.");
    let contender = |name: &str, store: &PostgresStore| {
        Arc::new(Fresh { name: name.to_owned(), store: Arc::new(store.clone()) as Arc<dyn Store> })
            as Arc<dyn Contender>
    };
    let contenders = [contender("one table", &whole), contender("16 partitions by hash", &parted)];
    let measured = rounds::run(&contenders, 5, 64, 2000).await;
    report.table("PostgreSQL, fresh", 64, &measured);
    for (name, prefix, store) in [("one table", "whole", &whole), ("16 partitions", "parted", &parted)] {
        let start = Instant::now();
        let mut purged = 0;
        loop {
            match store.purge_expired(10_000).await.expect("it purges") {
                0 => break,
                some => purged += some,
            }
        }
        assert!(purged >= RECORDS / 2, "{purged} are deleted");
        report.figure(
            &format!("{name}, expired records deleted in batches of 10,000"),
            purged as f64 / start.elapsed().as_secs_f64(),
            "per second",
        );
        let start = Instant::now();
        server.query(&format!("VACUUM {prefix}_records")).await;
        report.figure(&format!("{name}, VACUUM after that"), start.elapsed().as_secs_f64() * 1000.0, "ms");
    }
}

async fn store(server: &PostgresServer, prefix: &str) -> PostgresStore {
    let store = PostgresStore::new(server.url(), "bench").expect("the address is valid");
    let store =
        store.with_tables(Tables::with_prefix(prefix).expect("it is a prefix")).with_timeout(PATIENCE);
    store.migrate().await.expect("it creates the tables");
    store
}
