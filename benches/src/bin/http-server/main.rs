//! One server of the comparison, on one core with one worker thread. It ends when its input does.

mod actix;
mod axum;
mod by_hand;
mod handler;
mod library;
#[cfg(feature = "peer")]
mod peer;

use std::net::TcpListener;

use clap::Parser;
use idempotency_benches::floors::{PlainPostgres, PlainRedis, PlainSqlite};
use idempotency_benches::http::cpu;
use idempotency_benches::http::processes::{GREETING, Places};
use idempotency_benches::http::variant::{Framework, Variant};
use redis::{AsyncConnectionConfig, Client};

/// Connections to PostgreSQL, for the library and by hand.
const CONNECTIONS: u32 = 8;

#[derive(Parser)]
struct Arguments {
    #[arg(long)]
    variant: Variant,
    /// The core of all its threads.
    #[arg(long)]
    core: usize,
    #[command(flatten)]
    places: Places,
}

fn main() -> std::io::Result<()> {
    let Arguments { variant, core, places } = Arguments::parse();
    cpu::pin(core);
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    match variant.framework {
        Framework::Axum => axum::serve(variant, places),
        Framework::Actix => actix::serve(variant, places),
    }
}

/// Opens a free loopback port and says so.
fn listen() -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    println!("{GREETING}{}", listener.local_addr()?);
    Ok(listener)
}

/// Connects by hand to Redis, on one connection, which its runtime drives.
async fn plain_redis(places: Places) -> PlainRedis {
    let client = Client::open(&*places.redis).expect("the address is valid");
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(library::PATIENCE));
    PlainRedis(client.get_multiplexed_async_connection_with_config(&patient).await.expect("Redis answers"))
}

async fn plain_postgres(places: Places) -> PlainPostgres {
    PlainPostgres::connect(&places.postgres, CONNECTIONS).await
}

async fn plain_sqlite(places: Places) -> PlainSqlite {
    PlainSqlite::open(&places.sqlite).await
}
