//! Starts two PostgreSQL servers, pauses one, prints their processes and their directories, and waits to be killed.

use idempotency_tests::postgres_server::PostgresServer;

#[tokio::main]
async fn main() {
    let (shared, own) = (PostgresServer::shared().await, PostgresServer::start().await);
    let ids = [shared.processes(), own.processes()].concat();
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let directories = [shared.query("SHOW data_directory").await, own.query("SHOW data_directory").await];
    own.pause();
    println!("{} {}", ids.join(","), directories.join(" "));
    std::future::pending::<()>().await;
}
