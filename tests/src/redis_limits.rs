//! Measures the writes that Redis loses in a failover, by eviction, and when its process is killed.

#![expect(clippy::missing_panics_doc, reason = "a measurement that cannot go on panics")]

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use idempotency_core::store::redis::{Durability, RedisStore};
use idempotency_core::store::{Claimed, Store as _};
use tokio::sync::Semaphore;

use crate::proxy::FaultProxy;
use crate::redis_case::{claim, key, store};
use crate::redis_cluster::replicated;
use crate::redis_server::RedisServer;

/// How long a durable grant waits for a replica that is stalled.
const WAIT: Duration = Duration::from_millis(200);
/// How long it waits for one that confirms. It is longer than the slowest machine needs.
const PATIENT: Duration = Duration::from_secs(60);

/// Fewer bytes than any server needs for a claim: its record and the record's name are longer.
const BYTES_PER_CLAIM: u64 = 80;

/// One line of the table.
#[derive(Debug)]
#[non_exhaustive]
pub struct Row {
    /// The case.
    pub case: String,
    /// The number of claims.
    pub claims: usize,
    /// The number of claims that were granted.
    pub granted: usize,
    /// The number of granted claims that are forgotten: another owner is granted the key, or its record is gone.
    pub forgotten: usize,
    /// The findings of the health check before the first claim, and those after the last one if there are more.
    pub findings: Vec<String>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, claims, granted, forgotten, findings } = self;
        write!(f, "| {case} | {claims} | {granted} | {forgotten} | {} |", findings.join("; "))
    }
}

/// The head of the table.
pub const HEAD: &str =
    "| Case | Claims | Granted | Of these forgotten | The health check says |\n|---|---|---|---|---|";

/// A failover to a replica with a stalled link: counts the claims granted before or during the stall, and those that the
/// new master grants again.
pub async fn failover(claims: usize) -> Vec<Row> {
    let master =
        RedisServer::start_with(&["--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"])
            .await;
    let link = FaultProxy::start(master.port()).await;
    let port = link.url().trim_start_matches("redis://127.0.0.1:").trim_end_matches('/').to_owned();
    let replica = RedisServer::start_with(&["--replicaof", "127.0.0.1", &port]).await;
    replicated(&master, &replica).await;

    let local = store(&master.url());
    let durable = |timeout| local.clone().with_durability(Durability::Replicas { count: 1, timeout });
    let findings = findings(&local).await;
    let confirmed = granted(&durable(PATIENT), "confirmed", claims).await;
    link.swallow();
    let stalled_local = granted(&local, "local", claims).await;
    let stalled_durable = granted(&durable(WAIT), "durable", claims).await;
    master.kill();
    let _: String = replica.query(&["REPLICAOF", "NO", "ONE"]).await;
    let new_master = store(&replica.url());
    let mut rows = Vec::new();
    for (case, names) in [
        ("failover, `Local`, granted while the replica was stalled", stalled_local),
        ("failover, `Replicas(1)`, asked while the replica was stalled", stalled_durable),
        ("failover, `Replicas(1)`, granted before", confirmed),
    ] {
        let mut forgotten = 0;
        for name in &names {
            let answer = new_master.claim(&claim(name, 2)).await.expect("the new master answers");
            forgotten += usize::from(matches!(answer, Claimed::Granted(_)));
        }
        let (case, findings) = (case.to_owned(), findings.clone());
        rows.push(Row { case, claims, granted: names.len(), forgotten, findings });
    }
    rows
}

/// Claims on a server with too little memory, under each eviction policy.
pub async fn eviction(claims: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for policy in
        ["noeviction", "allkeys-lru", "allkeys-random", "volatile-lru", "volatile-lfu", "volatile-ttl"]
    {
        let server = RedisServer::start_with(&["--maxmemory-policy", policy]).await;
        let room = u64::try_from(claims).expect("a number of claims") * BYTES_PER_CLAIM;
        let maxmemory = (server.info("used_memory").await + room).to_string();
        let _: String = server.query(&["CONFIG", "SET", "maxmemory", &maxmemory]).await;
        let store = store(&server.url());
        let mut findings = findings(&store).await;
        let names = granted(&store, "k", claims).await;
        for finding in self::findings(&store).await {
            if !findings.contains(&finding) {
                findings.push(finding);
            }
        }
        let forgotten = lost(&store, &names).await;
        let case = format!("room for {BYTES_PER_CLAIM} bytes a claim, `{policy}`");
        rows.push(Row { case, claims, granted: names.len(), forgotten, findings });
    }
    rows
}

/// Claims, `kill -9`, and a restart with the same files, under each kind of persistence.
pub async fn killed(claims: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    for (case, arguments) in [
        ("no persistence", &["--appendonly", "no"][..]),
        ("snapshots only (`save 60 1`)", &["--save", "60 1"][..]),
        ("`appendfsync no`", &["--appendonly", "yes", "--appendfsync", "no"][..]),
        ("`appendfsync everysec`", &["--appendonly", "yes", "--appendfsync", "everysec"][..]),
        ("`appendfsync always`", &["--appendonly", "yes", "--appendfsync", "always"][..]),
    ] {
        let server = RedisServer::start_with(arguments).await;
        let store = store(&server.url());
        let findings = findings(&store).await;
        let names = granted(&store, "k", claims).await;
        // While the previous fsync is under way, Redis answers first and writes later, for up to two seconds.
        while server.info("aof_buffer_length").await > 0 {}
        server.restart().await;
        let _ = store.load(key("k").digest()).await; // fails on the dead connection
        let forgotten = lost(&store, &names).await;
        let case = format!("`kill -9`, {case}");
        rows.push(Row { case, claims, granted: names.len(), forgotten, findings });
    }
    rows
}

async fn findings(store: &RedisStore) -> Vec<String> {
    let findings = store.check_health().await.expect("the server answers");
    findings.iter().map(|finding| format!("{finding:?}")).map(|text| name_of(&text)).collect()
}

fn name_of(finding: &str) -> String {
    finding.split([' ', '{']).next().unwrap_or_default().to_owned()
}

/// Makes this many claims and returns the names of the granted ones.
async fn granted(store: &RedisStore, prefix: &str, claims: usize) -> Vec<String> {
    let room = Arc::new(Semaphore::new(64));
    let tasks: Vec<_> = (0..claims)
        .map(|number| {
            let (store, room) = (store.clone(), Arc::clone(&room));
            let name = format!("{prefix} {number}");
            tokio::spawn(async move {
                let _room = room.acquire().await.expect("the semaphore is never closed");
                let answer = store.claim(&claim(&name, 1)).await;
                matches!(answer, Ok(Claimed::Granted(_))).then_some(name)
            })
        })
        .collect();
    let mut names = Vec::new();
    for task in tasks {
        names.extend(task.await.expect("no claim panics"));
    }
    names
}

async fn lost(store: &RedisStore, names: &[String]) -> usize {
    let mut lost = 0;
    for name in names {
        lost += usize::from(store.load(key(name).digest()).await.expect("the server answers").is_none());
    }
    lost
}
