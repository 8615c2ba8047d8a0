//! Hand-written floors: what a program without this library would write, on the same server with as many connections.

use async_trait::async_trait;
use idempotency_core::store::{Claim, Store};
use redis::aio::MultiplexedConnection;
use sqlx::{PgPool, SqlitePool};

use crate::contender::Contender;
use crate::stores::{OUTCOME, claim};

/// The columns of a row in flight, in both databases.
const COLUMNS: &str =
    "digest, namespace, state, owner, fence, attempts, deadline, retention, expires_at, parts, revision";

const COMPLETE: &str = "state = 3, deadline = NULL, outcome = $2, completed_at = $3, expires_at = $3 + retention, \
                        revision = revision + 1";

/// The bytes that the store writes for operators: endpoint and key.
fn parts(claim: &Claim) -> Vec<u8> {
    format!("stripe:/webhooks/stripe {}", claim.key.key().as_str()).into_bytes()
}

/// Two plain statements on PostgreSQL: `INSERT … ON CONFLICT DO NOTHING`, and `UPDATE`.
pub struct PostgresFresh(pub PgPool, pub std::sync::Arc<dyn Store>);

/// The table of the floor, like that of the store.
pub const PLAIN_POSTGRES: &str = "CREATE TABLE plain (LIKE idempotency_records INCLUDING ALL)";

/// Inserts the row of a claim in PostgreSQL. Returns whether it was new.
async fn insert(pool: &PgPool, claim: &Claim) -> bool {
    let sql = format!(
        "INSERT INTO plain ({COLUMNS}) SELECT $1, $2, 1, $3, now, 1, now + 30000000, 604800000000, \
         now + 604830000000, $4, now FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint AS now) AS clock \
         ON CONFLICT (digest) DO NOTHING"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(claim.key.digest().as_bytes().to_vec());
    let query = query.bind("bench").bind(claim.owner.as_bytes().to_vec()).bind(parts(claim));
    query.execute(pool).await.expect("it inserts").rows_affected() == 1
}

#[async_trait]
impl Contender for PostgresFresh {
    fn name(&self) -> &str {
        "two plain statements"
    }

    async fn operate(&self, key: u64) {
        let Self(pool, store) = self;
        let claim = claim(&**store, key);
        assert!(insert(pool, &claim).await);
        let update = format!("UPDATE plain SET {COMPLETE} WHERE digest = $1 AND state = 1 AND owner = $4");
        let update = sqlx::query(sqlx::AssertSqlSafe(update)).bind(claim.key.digest().as_bytes().to_vec());
        let update = update.bind(OUTCOME).bind(1_i64).bind(claim.owner.as_bytes().to_vec());
        assert_eq!(update.execute(pool).await.expect("it updates").rows_affected(), 1);
    }
}

/// The insert that finds a row, and the read of its outcome.
pub struct PostgresDuplicate(pub PostgresFresh, pub u64);

#[async_trait]
impl Contender for PostgresDuplicate {
    fn name(&self) -> &str {
        "a plain insert and a read"
    }

    async fn operate(&self, key: u64) {
        let Self(PostgresFresh(pool, store), completed) = self;
        let claim = claim(&**store, u64::MAX / 2 + key % completed);
        assert!(!insert(pool, &claim).await);
        let read = sqlx::query_scalar::<_, Vec<u8>>("SELECT outcome FROM plain WHERE digest = $1");
        let outcome =
            read.bind(claim.key.digest().as_bytes().to_vec()).fetch_one(pool).await.expect("it reads");
        assert_eq!(outcome, OUTCOME);
    }
}

/// Two plain statements on SQLite.
pub struct SqliteFresh(pub SqlitePool, pub std::sync::Arc<dyn Store>);

#[async_trait]
impl Contender for SqliteFresh {
    fn name(&self) -> &str {
        "two plain statements"
    }

    async fn operate(&self, key: u64) {
        let Self(pool, store) = self;
        let claim = claim(&**store, key);
        let sql = format!(
            "INSERT INTO plain ({COLUMNS}) VALUES ($1, $2, 1, $3, $5, 1, $5 + 30000000, 604800000000, \
             $5 + 604830000000, $4, $5) ON CONFLICT (digest) DO NOTHING"
        );
        let digest = claim.key.digest().as_bytes().to_vec();
        let insert = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(digest.clone()).bind("bench");
        let insert = insert.bind(claim.owner.as_bytes().to_vec()).bind(parts(&claim)).bind(1_i64);
        assert_eq!(insert.execute(pool).await.expect("it inserts").rows_affected(), 1);
        let update = format!("UPDATE plain SET {COMPLETE} WHERE digest = $1 AND state = 1 AND owner = $4");
        let update = sqlx::query(sqlx::AssertSqlSafe(update)).bind(digest);
        let update = update.bind(OUTCOME).bind(1_i64).bind(claim.owner.as_bytes().to_vec());
        assert_eq!(update.execute(pool).await.expect("it updates").rows_affected(), 1);
    }
}

/// `SET NX GET PX` and `SET PX` on Redis, on one multiplexed connection.
pub struct RedisFresh(pub MultiplexedConnection, pub std::sync::Arc<dyn Store>);

#[async_trait]
impl Contender for RedisFresh {
    fn name(&self) -> &str {
        "SET NX GET PX, and SET PX"
    }

    async fn operate(&self, key: u64) {
        let mut connection = self.0.clone();
        let claim = claim(&*self.1, key);
        let digest = claim.key.digest();
        let name = [b"plain:".as_slice(), digest.as_bytes()].concat();
        let mut set = redis::cmd("SET");
        set.arg(&name).arg(claim.owner.as_bytes()).arg("NX").arg("GET").arg("PX").arg(604_830_000);
        let before: Option<Vec<u8>> = set.query_async(&mut connection).await.expect("it sets");
        assert_eq!(before, None);
        let mut set = redis::cmd("SET");
        set.arg(&name).arg(OUTCOME).arg("PX").arg(604_800_000);
        let () = set.query_async(&mut connection).await.expect("it sets");
    }
}
