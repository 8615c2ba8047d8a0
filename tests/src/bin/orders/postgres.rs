//! Orders in PostgreSQL.

use std::error::Error;
use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::http::StatusCode;
use axum::routing::post;
use idempotency_sqlx::{IdempotentTransaction, PostgresStore};
use idempotency_tower::Idempotent;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::{PgConnection, Postgres};

const WORK: Duration = Duration::from_millis(80);

#[derive(Clone)]
struct Shop {
    pool: PgPool,
    store: PostgresStore,
}

impl FromRef<Shop> for PostgresStore {
    fn from_ref(shop: &Shop) -> Self {
        shop.store.clone()
    }
}

pub(crate) async fn serve(url: &str, mode: &str) -> Result<(), Box<dyn Error>> {
    let pool = PgPoolOptions::new().max_connections(8).connect_lazy(url)?;
    let store = PostgresStore::from_pool(&pool, "orders")?.with_connections(4);
    let route = if mode == "apart" { post(apart) } else { post(together) };
    super::serve(store.clone(), route, Shop { pool, store }).await
}

async fn together(
    Idempotent(context): Idempotent,
    mut transaction: IdempotentTransaction<Postgres>,
) -> StatusCode {
    insert(&mut transaction, context.key().as_str()).await
}

async fn apart(Idempotent(context): Idempotent, State(shop): State<Shop>) -> StatusCode {
    let Ok(mut connection) = shop.pool.acquire().await else { return StatusCode::SERVICE_UNAVAILABLE };
    insert(&mut connection, context.key().as_str()).await
}

async fn insert(connection: &mut PgConnection, event: &str) -> StatusCode {
    let insert = sqlx::query("INSERT INTO orders VALUES ($1)").bind(event);
    super::answer(insert.execute(connection).await, WORK).await
}
