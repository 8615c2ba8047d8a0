//! The cost of a delivery at a store, and the memory of a record, by the number of completed records.

use std::convert::identity;
use std::ops::Range;
use std::path::Path;
use std::time::Instant;

use idempotency_benches::figure::Figure;
use idempotency_benches::stores::{claim, execute};
use idempotency_core::Outcome;
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Completion, Hold, Label, Store};
use idempotency_tests::redis_server::RedisServer;

use crate::table::Table;
use crate::{PATIENCE, RETENTION, ROUNDS};

const SIZES: [u64; 5] = [1_000, 10_000, 100_000, 1_000_000, 10_000_000];
/// The sizes at which the server's own memory no longer matters.
const LARGE: Range<usize> = 3..SIZES.len();
/// Deliveries of one measurement.
const DELIVERIES: u64 = 2000;
/// The number of keys written in one round trip.
const FILLING: usize = 256;

/// Measures the memory store.
pub async fn in_memory(folder: &Path) {
    let mut table = Table::new(
        "records-memory",
        "Records in memory",
        ["completed records", "µs per delivery"],
        &["memory, fresh", "memory, duplicate"],
    );
    let (without_text, before) = (unbounded(), resident());
    let mut filled = 0;
    for size in SIZES {
        fill(&without_text, filled..size, Label::without_key).await;
        filled = size;
        table.row(size, &costs(&without_text, size).await);
    }
    let per_record = |before: u64| (resident() - before) as f64 / filled as f64;
    let bytes_without = per_record(before);
    // The first store is kept, so that the second one needs new memory.
    let (with_text, before) = (unbounded(), resident());
    fill(&with_text, 0..filled, identity).await;
    let bytes_with = per_record(before);
    println!(
        "\n- resident memory of a completed record without outcome, at {filled} records: {bytes_without:.0} bytes, \
         and {bytes_with:.0} with its key of 32 bytes"
    );
    table.plot(folder);
}

fn unbounded() -> MemoryStore {
    MemoryStore::new().with_capacity(usize::MAX).with_max_bytes(usize::MAX)
}

/// Measures Redis.
pub async fn in_redis(folder: &Path) {
    let mut table = Table::new(
        "records-redis",
        "Records in Redis",
        ["completed records", "µs per delivery"],
        &["Redis, fresh", "Redis, duplicate"],
    );
    let without_text = Redis::start().await;
    let mut filled = 0;
    let mut memory = Vec::new();
    for size in SIZES {
        fill(&without_text.store, filled..size, Label::without_key).await;
        filled = size;
        table.row(size, &costs(&without_text.store, size).await);
        memory.push((size, without_text.bytes_per_record(size).await));
    }
    drop(without_text);
    println!();
    for (size, bytes_without) in &memory[LARGE] {
        println!(
            "- memory of a completed record without outcome, at {size} records: {bytes_without:.0} bytes"
        );
    }
    let (size, with_text) = (SIZES[LARGE.start], Redis::start().await);
    fill(&with_text.store, 0..size, identity).await;
    let bytes_with = with_text.bytes_per_record(size).await;
    println!("- the same with its key of 32 bytes, at {size} records: {bytes_with:.0} bytes");
    table.plot(folder);
}

/// A server with nothing but the records of one store.
struct Redis {
    server: RedisServer,
    store: RedisStore,
    /// The server's memory before the first record.
    before: u64,
}

impl Redis {
    async fn start() -> Self {
        let server = RedisServer::start().await;
        let store = RedisStore::new(server.url(), "bench").expect("it is an address");
        let before = server.info("used_memory").await;
        Self { server, store: store.with_response_timeout(PATIENCE), before }
    }

    async fn bytes_per_record(&self, records: u64) -> f64 {
        (self.server.info("used_memory").await - self.before) as f64 / records as f64
    }
}

/// Completes keys without an outcome, with or without the key's text in the label.
async fn fill(store: &dyn Store, keys: Range<u64>, label: fn(Label) -> Label) {
    let labelled = |key| {
        let mut claim = claim(store, key);
        claim.label = label(claim.label);
        claim
    };
    for first in keys.clone().step_by(FILLING) {
        let claims: Vec<_> = (first..keys.end).take(FILLING).map(labelled).collect();
        let claimed = store.claim_many(&claims).await;
        let completions = claims.iter().zip(claimed).map(|(claim, claimed)| {
            let Ok(Claimed::Granted(grant)) = claimed else { panic!("a new key is granted: {claimed:?}") };
            Completion::new(claim.granted(grant.fence), Outcome::default(), RETENTION)
        });
        for hold in store.complete_many(&completions.collect::<Vec<_>>()).await {
            assert_eq!(hold.expect("the store answers"), Hold::Held);
        }
    }
}

/// The microseconds of a fresh delivery and of a duplicate, one at a time. Leaves no record behind.
async fn costs(store: &dyn Store, size: u64) -> [f64; 2] {
    let (mut fresh, mut duplicate) = (Figure::default(), Figure::default());
    for _ in 0..ROUNDS {
        let keys = u64::MAX / 2..u64::MAX / 2 + DELIVERIES;
        let start = Instant::now();
        for key in keys.clone() {
            execute(store, key).await;
        }
        fresh.push(micros(start));
        let start = Instant::now();
        for number in 0..DELIVERIES {
            // Steps through all records, so that few are in the processor's cache.
            let answer = store.claim(&claim(store, number * 7_919 % size)).await;
            assert!(matches!(answer, Ok(Claimed::Completed(_))), "{answer:?}");
        }
        duplicate.push(micros(start));
        for key in keys {
            assert!(store.forget(claim(store, key).key.digest()).await.expect("the store answers"));
        }
    }
    [fresh.median(), duplicate.median()]
}

/// The microseconds of each delivery since the start.
fn micros(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e6 / DELIVERIES as f64
}

/// The memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has a size");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("it is a number") * 1024
}
