//! The connections that wait for durable writes: kept while they work, and dropped together.

use std::time::Duration;

use idempotency_core::store::redis::{Durability, RedisStore};
use idempotency_core::store::{Claimed, Hold, Store as _};
use idempotency_core::{Outcome, StoreErrorKind};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    NAMESPACE, claim, completion, grant, key, outcome_of, patient, record_name, store,
};
use idempotency_tests::redis_cluster::{RedisCluster, pair, until};
use idempotency_tests::redis_server::RedisServer;

/// Longer than any test here takes.
const PATIENT: Duration = Duration::from_secs(60);
/// The answer of the server itself confirms the write. The store still waits for it.
const NO_REPLICAS: Durability = Durability::Replicas { count: 0, timeout: PATIENT };
/// A write is sent after a quarter of this at the latest, even if an earlier one still waits.
const ONE: Durability = Durability::Replicas { count: 1, timeout: Duration::from_secs(16) };

/// The `CLIENT LIST` lines of connections whose last command was `WAIT`.
async fn waiting(server: &RedisServer) -> Vec<String> {
    let list: String = server.query(&["CLIENT", "LIST"]).await;
    list.lines().filter(|line| line.contains(" cmd=wait ")).map(str::to_owned).collect()
}

/// Makes two connections and leaves them idle.
async fn make_connections(store: &RedisStore, master: &RedisServer, replica: &RedisServer) {
    replica.pause();
    let (first, second) = (claim("warm 1", 1), claim("warm 2", 1));
    let waits = |count| until(async move || master.info("blocked_clients").await == count);
    let later = async {
        waits(1).await;
        let resumed = async {
            waits(2).await;
            replica.resume();
        };
        tokio::join!(grant(store, &second), resumed)
    };
    tokio::join!(grant(store, &first), later);
    assert_eq!(waiting(master).await.len(), 2);
}

#[tokio::test]
async fn after_one_dead_connection_none_of_the_idle_ones_is_tried() {
    let (master, replica) = pair().await;
    let proxy = FaultProxy::start(master.port()).await;
    let store = store(&proxy.url()).with_durability(ONE);
    make_connections(&store, &master, &replica).await;
    proxy.cut();
    assert_eq!(store.claim(&claim("k", 1)).await.unwrap_err().kind(), StoreErrorKind::Unknown);
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
}

#[tokio::test]
async fn a_wait_that_breaks_takes_the_idle_connections_with_it() {
    let (master, replica) = pair().await;
    let store = store(&master.url()).with_durability(ONE);
    make_connections(&store, &master, &replica).await;
    replica.pause();
    let broken = async {
        until(async || master.info("blocked_clients").await == 1).await;
        let _: i64 = master.query(&["CLIENT", "KILL", "ID", &master.blocked_client().await]).await;
    };
    let claim = claim("k", 1);
    let (claimed, ()) = tokio::join!(store.claim(&claim), broken);
    assert_eq!(claimed.unwrap_err().kind(), StoreErrorKind::Unknown);
    replica.resume();
    until(async || waiting(&master).await.is_empty()).await;
}

#[tokio::test]
async fn an_operation_with_nothing_to_confirm_gives_its_connection_back() {
    let master = RedisServer::start().await;
    let proxy = FaultProxy::start(master.port()).await;
    let store = store(&proxy.url()).with_durability(NO_REPLICAS);
    grant(&store, &claim("k", 1)).await;
    store.load(key("k").digest()).await.unwrap();
    let connections = proxy.connections();
    for _ in 0..10 {
        assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    }
    assert_eq!(proxy.connections(), connections);
}

#[tokio::test]
async fn in_a_cluster_a_durable_write_follows_its_slot() {
    let cluster = RedisCluster::start(3, false).await;
    let store = patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap()).with_durability(NO_REPLICAS);
    let name = record_name("k");
    let slot: u16 = cluster.nodes[0].query(&["CLUSTER", "KEYSLOT", &name]).await;
    let from = cluster.owner(&name, 0).await;
    let to = (from + 1) % 3;
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    cluster.begin_move(slot, from, to).await;
    assert_eq!(cluster.move_names(slot, from, to, 10).await, 1);
    // Redirected once, with `ASKING`.
    assert_eq!(grant(&store, &claim("k", 1)).await.0.fence(), lease.fence());
    cluster.end_move(slot, from, to).await;
    // Redirected permanently.
    assert_eq!(store.complete(&completion(&lease, &Outcome::new("done"))).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
}
