//! The store's health check of its server.

use std::time::Duration;

use idempotency_core::StoreErrorKind;
use idempotency_core::store::Store as _;
use idempotency_core::store::redis::{Durability, Finding, HealthError, RedisStore, Severity};
use idempotency_tests::captured::Captured;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{NAMESPACE, claim, grant, key, patient, store};
use idempotency_tests::redis_cluster::{RedisCluster, until};
use idempotency_tests::redis_server::RedisServer;

#[tokio::test]
async fn a_server_that_is_set_up_well_is_verified_without_findings() {
    let server = RedisServer::start_with(&["--appendonly", "yes", "--maxmemory", "100mb"]).await;
    let store = store(&server.url()).verified().await.unwrap();
    assert_eq!(store.check_health().await.unwrap(), []);
    grant(&store, &claim("k", 1)).await;
}

#[tokio::test]
async fn a_server_that_evicts_is_refused_by_name() {
    let server =
        RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"]).await;
    let error = store(&server.url()).verified().await.unwrap_err();
    let text = error.to_string();
    let HealthError::Unfit(findings) = error else { panic!("unexpected {error:?}") };
    let evicts = Finding::Evicts { policy: "volatile-ttl".into() };
    assert_eq!(findings, [evicts.clone(), Finding::NotPersistent]);
    assert_eq!((evicts.severity(), Finding::NotPersistent.severity()), (Severity::Error, Severity::Warning));
    assert!(text.contains("volatile-ttl evicts records"), "{text}");
}

#[tokio::test]
async fn a_server_with_a_weaker_promise_is_still_verified() {
    let server = RedisServer::start().await;
    let store = store(&server.url()).verified().await.unwrap();
    assert_eq!(store.check_health().await.unwrap(), [Finding::NotPersistent]);
}

#[tokio::test]
async fn a_replica_is_refused_and_a_server_that_is_down_is_not_judged() {
    let server = RedisServer::start_with(&["--appendonly", "yes"]).await;
    let _: String = server.query(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let store = store(&server.url());
    assert_eq!(store.check_health().await.unwrap(), [Finding::Replica]);
    server.kill();
    while store.load(key("k").digest()).await.is_err_and(|error| error.kind() == StoreErrorKind::Unknown) {}
    match store.verified().await {
        Err(HealthError::Unchecked(error)) => assert_eq!(error.kind(), StoreErrorKind::Unavailable),
        other => panic!("unexpected {other:?}"),
    }
}

#[tokio::test]
async fn a_master_that_is_down_does_not_hide_the_findings_of_the_others() {
    let cluster = RedisCluster::start(3, false).await;
    let store = patient(RedisStore::cluster(cluster.urls(), NAMESPACE).unwrap());
    assert_eq!(store.check_health().await.unwrap(), [Finding::NotPersistent]);
    cluster.nodes[0].kill();
    let node = format!("127.0.0.1:{}", cluster.nodes[0].port());
    let expected = [Finding::NotPersistent, Finding::Unreachable { node }];
    let checked = |findings: &[Finding]| {
        assert!(findings.len() == 2 && expected.iter().all(|one| findings.contains(one)), "{findings:?}");
    };
    checked(&store.check_health().await.unwrap());
    match store.verified().await {
        Err(HealthError::Unfit(findings)) => checked(&findings),
        other => panic!("unexpected {other:?}"),
    }
}

#[tokio::test]
async fn the_first_connection_checks_the_server_once() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    server.reset_calls().await;
    for number in 0..20 {
        grant(&store, &claim(&format!("k{number}"), 1)).await;
    }
    // The test sends INFO as well. This is its first one, and it does not count itself.
    assert_eq!(server.calls().await.get("info"), Some(&1));
}

#[tokio::test]
async fn a_store_that_only_writes_durably_checks_the_server_as_well() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let durability = Durability::Replicas { count: 0, timeout: Duration::from_secs(60) };
    let store = store(&proxy.url()).with_durability(durability);
    grant(&store, &claim("k", 1)).await;
    until(async || proxy.take_requests().contains_key("info")).await;
}

#[tokio::test]
async fn the_server_is_checked_periodically_while_the_store_lives() {
    let captured = Captured::default();
    let _listening = captured.listen(tracing::Level::INFO);
    let server =
        RedisServer::start_with(&["--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl"]).await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = store(&proxy.url()).with_health_interval(Duration::from_millis(20));
    grant(&store, &claim("k", 1)).await;
    let mut checks = 0;
    until(async || {
        checks += proxy.take_requests().get("info").copied().unwrap_or(0);
        checks >= 5
    })
    .await;
    let log = captured.text();
    for said in
        ["WARN idempotency_core::store::redis::health: ", "ERROR idempotency_core::store::redis::health: "]
    {
        assert_eq!(log.matches(said).count(), 1, "{log}");
    }
    drop(store);
    // The last check may be under way. After it there is none for ten intervals.
    until(async || {
        proxy.take_requests();
        tokio::time::sleep(Duration::from_millis(200)).await;
        !proxy.take_requests().contains_key("info")
    })
    .await;
}
