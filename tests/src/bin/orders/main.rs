//! An axum server that inserts one order per delivery. The first argument is the database: a PostgreSQL address, or
//! `sqlite:` and a path. The second argument says when the order is inserted:
//!
//! - `together`: in the transaction of the record.
//! - `apart`: before the record, on its own.
//! - `stuck` (SQLite): in the transaction of the record, which never ends. Prints `completing` once the record is
//!   written in it.
//!
//! Prints its address. Ends when its standard input ends.

mod postgres;
mod sqlite;

use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::MethodRouter;
use idempotency_core::store::Store;
use idempotency_core::{Idempotency, Policy};
use idempotency_tests::http::TestSender;
use idempotency_tower::IdempotencyLayer;
use tokio::io::AsyncReadExt as _;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (database, mode) = (arguments.next(), arguments.next());
    let (database, mode) = (database.ok_or("the address of a database")?, mode.ok_or("a mode")?);
    match database.strip_prefix("sqlite:") {
        Some(path) => sqlite::serve(path, &mode).await,
        None => postgres::serve(&database, &mode).await,
    }
}

/// Serves the route `/orders`, whose records are in this store.
async fn serve<S>(store: impl Store, route: MethodRouter<S>, state: S) -> Result<(), Box<dyn Error>>
where
    S: Clone + Send + Sync + 'static,
{
    // Short, because every crash leaves leases behind.
    let policy = Policy::webhook().with_lease(Duration::from_millis(700)).with_wait(Duration::from_secs(2));
    let layer = IdempotencyLayer::on_engine(&Idempotency::new(store), TestSender::new(policy));
    let app = Router::new().route("/orders", route).layer(layer).with_state(state);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    let (mut input, mut byte) = (tokio::io::stdin(), [0]);
    tokio::select! {
        served = axum::serve(listener, app) => Ok(served?),
        _ = input.read(&mut byte) => Ok(()),
    }
}

/// Answers some time after the order was inserted, so that a crash may come in between.
async fn answer<R>(inserted: Result<R, sqlx::Error>, work: Duration) -> StatusCode {
    if inserted.is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    tokio::time::sleep(work).await;
    StatusCode::CREATED
}
