//! Two plain statements on PostgreSQL: `INSERT … ON CONFLICT DO NOTHING`, and `UPDATE`.

use bytes::Bytes;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

use super::{Attempt, COLUMNS, COMPLETE, Found, HandWritten};

/// A baseline on PostgreSQL.
#[derive(Clone)]
pub struct PlainPostgres(PgPool);

impl PlainPostgres {
    /// The table of the baseline, like that of the store, which must exist.
    pub const TABLE: &str = "CREATE TABLE plain (LIKE idempotency_records INCLUDING ALL)";

    /// Connects to the database at this address, with at most this number of connections.
    pub async fn connect(url: &str, connections: u32) -> Self {
        let pool = PgPoolOptions::new().max_connections(connections).test_before_acquire(false);
        Self(pool.connect(url).await.expect("it connects"))
    }
}

impl HandWritten for PlainPostgres {
    async fn claim(&self, attempt: Attempt<'_>) -> Found {
        let sql = format!(
            "INSERT INTO plain ({COLUMNS}) SELECT $1, $2, 1, $3, now, 1, now + 30000000, 604800000000, \
             now + 604830000000, $4, now FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock \
             ON CONFLICT (digest) DO NOTHING"
        );
        let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(attempt.key);
        let query = query.bind("bench").bind(attempt.owner).bind(attempt.parts());
        if query.execute(&self.0).await.expect("it inserts").rows_affected() == 1 {
            return Found::Nothing;
        }
        let read = sqlx::query_scalar::<_, Option<Vec<u8>>>("SELECT outcome FROM plain WHERE digest = $1");
        match read.bind(attempt.key).fetch_one(&self.0).await.expect("it reads") {
            Some(outcome) => Found::Completed(outcome.into()),
            None => Found::InFlight,
        }
    }

    async fn complete(&self, attempt: Attempt<'_>, outcome: &Bytes) {
        let update = format!("UPDATE plain SET {COMPLETE} WHERE digest = $1 AND state = 1 AND owner = $4");
        let update = sqlx::query(sqlx::AssertSqlSafe(update)).bind(attempt.key);
        let update = update.bind(&**outcome).bind(1_i64).bind(attempt.owner);
        assert_eq!(update.execute(&self.0).await.expect("it updates").rows_affected(), 1);
    }
}
