//! Measures which writes Redis loses, and prints a table.
#![expect(clippy::print_stdout, reason = "it prints a table")]

use idempotency_tests::redis_limits::{HEAD, eviction, failover, killed};

#[tokio::main]
async fn main() {
    println!("{HEAD}");
    let rows = [failover(500).await, eviction(40_000).await, killed(2000).await];
    for row in rows.iter().flatten() {
        println!("{row}");
    }
}
