//! Orders in SQLite.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use idempotency_sqlx::{IdempotentTransaction, SqliteStore};
use idempotency_tower::Idempotent;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Sqlite, SqliteConnection};

/// Short, because the transactions happen one after the other.
const WORK_TOGETHER: Duration = Duration::from_millis(5);
const WORK_APART: Duration = Duration::from_millis(80);

#[derive(Clone)]
struct Shop {
    pool: SqlitePool,
    store: SqliteStore,
}

impl FromRef<Shop> for SqliteStore {
    fn from_ref(shop: &Shop) -> Self {
        shop.store.clone()
    }
}

pub(crate) async fn serve(path: &str, mode: &str) -> Result<(), Box<dyn Error>> {
    let options = SqliteConnectOptions::new().filename(path);
    let pool = SqlitePoolOptions::new().max_connections(8).connect_lazy_with(options);
    let store = SqliteStore::from_pool(&pool, "orders")?;
    let route = match mode {
        "apart" => post(apart),
        "stuck" => post(stuck),
        _ => post(together),
    };
    super::serve(store.clone(), route, Shop { pool, store }).await
}

async fn together(
    Idempotent(context): Idempotent,
    mut transaction: IdempotentTransaction<Sqlite>,
) -> StatusCode {
    super::answer(insert(&mut transaction, context.key().as_str()).await, WORK_TOGETHER).await
}

async fn apart(Idempotent(context): Idempotent, State(shop): State<Shop>) -> StatusCode {
    let Ok(mut connection) = shop.pool.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE };
    super::answer(insert(&mut connection, context.key().as_str()).await, WORK_APART).await
}

async fn stuck(
    Idempotent(context): Idempotent,
    mut transaction: IdempotentTransaction<Sqlite>,
) -> StatusCode {
    let Ok(mut handle) = transaction.lock_handle().await else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    handle.set_update_hook(|update| {
        if update.table == "idempotency_records" {
            println!("completing");
            loop {
                std::thread::park();
            }
        }
    });
    drop(handle);
    super::answer(insert(&mut transaction, context.key().as_str()).await, Duration::ZERO).await
}

async fn insert(connection: &mut SqliteConnection, event: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO orders VALUES (?)").bind(event).execute(connection).await.map(drop)
}
