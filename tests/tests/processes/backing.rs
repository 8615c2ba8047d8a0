//! The store behind the processes: a server of Redis or PostgreSQL, or a SQLite file.

use std::sync::Arc;
use std::time::Duration;

use idempotency_core::Namespace;
use idempotency_core::store::Store;
use idempotency_core::store::redis::RedisStore;
use idempotency_sqlx::{PostgresStore, SqliteStore};
use idempotency_tests::demo::NAMESPACE;
use idempotency_tests::postgres_server::PostgresServer;
use idempotency_tests::redis_case::patient;
use idempotency_tests::redis_server::RedisServer;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// Longer than the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A store whose answered writes survive the death of its processes.
pub(crate) enum Backing {
    Redis(RedisServer),
    Postgres(PostgresServer),
    Sqlite(tempfile::TempDir),
}

impl Backing {
    /// A Redis server. Every write that it has answered is in its file, even if its process is killed.
    pub(crate) async fn redis() -> Self {
        Self::Redis(RedisServer::start_with(&["--appendonly", "yes", "--appendfsync", "no"]).await)
    }

    pub(crate) async fn postgres() -> Self {
        Self::Postgres(PostgresServer::start().await)
    }

    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().unwrap())
    }

    /// The value of `--store`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Redis(server) => server.url(),
            Self::Postgres(server) => server.url(),
            Self::Sqlite(_) => format!("sqlite:{}", self.file().display()),
        }
    }

    /// A store of its own on the servers' records.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        let namespace = Namespace::new(NAMESPACE).unwrap();
        match self {
            Self::Redis(server) => Arc::new(patient(RedisStore::new(server.url(), namespace).unwrap())),
            Self::Postgres(server) => {
                Arc::new(PostgresStore::new(server.url(), namespace).unwrap().with_timeout(PATIENCE))
            }
            Self::Sqlite(_) => {
                Arc::new(SqliteStore::new(self.file(), namespace).unwrap().with_timeout(PATIENCE))
            }
        }
    }

    /// Stalls it for this long, like a paused machine. A SQLite file has no server, so another writer locks it instead.
    pub(crate) async fn stall(&self, time: Duration) {
        match self {
            Self::Redis(server) => {
                server.pause();
                tokio::time::sleep(time).await;
                server.resume();
            }
            Self::Postgres(server) => {
                server.pause();
                tokio::time::sleep(time).await;
                server.resume();
            }
            Self::Sqlite(_) => {
                let options = SqliteConnectOptions::new().filename(self.file()).create_if_missing(true);
                let mut connection = options.busy_timeout(PATIENCE).connect().await.unwrap();
                sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
                tokio::time::sleep(time).await;
                connection.close().await.unwrap();
            }
        }
    }

    /// Whether it has processes that can [crash](Self::crash).
    pub(crate) fn has_server(&self) -> bool {
        !matches!(self, Self::Sqlite(_))
    }

    /// Kills its processes and starts them again after this time.
    pub(crate) async fn crash(&self, time: Duration) {
        match self {
            Self::Redis(server) => {
                server.kill();
                tokio::time::sleep(time).await;
                server.restart().await;
            }
            Self::Postgres(server) => {
                server.kill();
                tokio::time::sleep(time).await;
                server.restart().await;
            }
            Self::Sqlite(_) => unreachable!("a file has no process"),
        }
    }

    fn file(&self) -> std::path::PathBuf {
        let Self::Sqlite(directory) = self else { unreachable!("only SQLite has a file") };
        directory.path().join("records.db")
    }
}
