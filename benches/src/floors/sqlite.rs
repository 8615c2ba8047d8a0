//! Two plain statements on SQLite.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::{Attempt, COLUMNS, COMPLETE, Found, HandWritten};

/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A baseline on SQLite.
#[derive(Clone)]
pub struct PlainSqlite(SqlitePool);

impl PlainSqlite {
    /// Opens or creates the file, as the store does, with a table like that of the store.
    pub async fn open(file: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(file).create_if_missing(true);
        let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
        let pool = SqlitePoolOptions::new().max_connections(1);
        let pool = pool.connect_with(options.busy_timeout(PATIENCE)).await.expect("it opens");
        let tables = idempotency_sqlx::sqlite::MIGRATION;
        let tables = tables.replace("idempotency_records", "plain").replace("idempotency_", "plain_");
        sqlx::raw_sql(sqlx::AssertSqlSafe(tables)).execute(&pool).await.expect("it creates its tables");
        Self(pool)
    }
}

impl HandWritten for PlainSqlite {
    async fn claim(&self, attempt: Attempt<'_>) -> Found {
        let sql = format!(
            "INSERT INTO plain ({COLUMNS}) VALUES ($1, $2, 1, $3, $5, 1, $5 + 30000000, 604800000000, \
             $5 + 604830000000, $4, $5) ON CONFLICT (digest) DO NOTHING"
        );
        let insert = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(attempt.key).bind("bench");
        let insert = insert.bind(attempt.owner).bind(attempt.parts()).bind(1_i64);
        if insert.execute(&self.0).await.expect("it inserts").rows_affected() == 1 {
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
