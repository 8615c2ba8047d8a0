//! The store under faults of the network and the server, and its errors.

use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claimed, Grant, Hold, Lease, Release, Resolution, StateView, Store as _};
use idempotency_core::{Outcome, StoreError, StoreErrorKind};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_case::{
    LEASE, NAMESPACE, claim, completion, grant, key, ordered, outcome_of, store,
};
use idempotency_tests::redis_server::RedisServer;

/// A store with a connection and an answered health probe.
async fn connected(url: &str, response_timeout: Duration) -> RedisStore {
    // No probe interferes: its silence would count as well.
    let store = store(url).with_response_timeout(response_timeout).without_health_interval();
    store.load(key("warm").digest()).await.unwrap();
    store.check_health().await.unwrap();
    store
}

/// Longer than an answer takes on the slowest machine. Tests without an answer pause time, so that it ends at once.
const PATIENT: Duration = Duration::from_secs(60);

fn kind<T: std::fmt::Debug>(result: Result<T, StoreError>) -> StoreErrorKind {
    result.unwrap_err().kind()
}

async fn complete(store: &RedisStore, lease: &Lease) -> Result<Hold, StoreError> {
    store.complete(&completion(lease, &Outcome::new("done"))).await
}

#[tokio::test]
async fn a_claim_whose_reply_is_lost_is_granted_to_the_same_owner() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    proxy.lose_reply_to("NX");
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unknown);
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
}

#[tokio::test]
async fn every_operation_whose_reply_is_lost_can_be_repeated() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 1)).await;
    // Each script runs once before, so that the lost reply is not a NOSCRIPT error.
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    proxy.lose_reply_to("EVALSHA");
    assert_eq!(kind(store.renew(&lease, LEASE).await), StoreErrorKind::Unknown);
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    let (other, _) = grant(&store, &ordered("l", 1, "r", 1)).await;
    assert_eq!(complete(&store, &other).await.unwrap(), Hold::Held);
    proxy.lose_reply_to("EVALSHA");
    assert_eq!(kind(complete(&store, &lease).await), StoreErrorKind::Unknown);
    assert_eq!(complete(&store, &lease).await.unwrap(), Hold::Held);
    let (lease, _) = grant(&store, &claim("m", 1)).await;
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    let (lease, _) = grant(&store, &claim("m", 2)).await;
    proxy.lose_reply_to("EVALSHA");
    assert_eq!(kind(store.release(&lease, Release::Failed).await), StoreErrorKind::Unknown);
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_claim_that_timed_out_at_a_paused_server_is_granted_to_the_same_owner() {
    let server = RedisServer::start().await;
    let store = connected(&server.url(), PATIENT).await;
    server.pause();
    tokio::time::pause();
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unknown);
    tokio::time::resume();
    server.resume();
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
    assert!(matches!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InFlight { .. }));
}

#[tokio::test]
async fn a_connection_that_swallows_everything_is_rebuilt_after_three_timeouts() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    proxy.swallow();
    tokio::time::pause();
    for _ in 0..3 {
        assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unknown);
    }
    tokio::time::resume();
    let patient = grant(&store, &claim("k", 1)).await;
    assert_eq!(patient.1, 1);
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn a_slow_answer_does_not_cost_the_connection() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    for round in 0..4 {
        proxy.delay(PATIENT + Duration::from_millis(100));
        tokio::time::pause();
        assert_eq!(kind(store.load(key("k").digest()).await), StoreErrorKind::Unknown, "round {round}");
        tokio::time::resume();
        proxy.delay(Duration::ZERO);
        // The late reply is read and dropped. The next reply belongs to the next command.
        while store.claim(&claim("k", 1)).await.is_err() {}
        assert!(store.forget(key("k").digest()).await.unwrap());
    }
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test]
async fn a_cut_connection_costs_one_operation() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    proxy.cut();
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unknown);
    assert_eq!(grant(&store, &claim("k", 1)).await.1, 1);
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn the_first_delivery_after_a_restart_succeeds() {
    let server = RedisServer::start().await;
    let store = connected(&server.url(), PATIENT).await;
    grant(&store, &ordered("before", 1, "r", 1)).await;
    server.kill();
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unknown);
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unavailable);
    assert_eq!(kind(store.wait_for_change(key("k").digest(), PATIENT).await), StoreErrorKind::Unavailable);
    server.restart().await;
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 1)).await;
    assert_eq!(complete(&store, &lease).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_store_starts_before_its_server() {
    let server = RedisServer::start().await;
    server.kill();
    let store = store(&server.url());
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unavailable);
    server.restart().await;
    grant(&store, &claim("k", 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_shares_one_connection_and_one_attempt_to_make_it() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = store(&proxy.url());
    let claims: Vec<_> = (0..500)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move { store.claim(&claim(&format!("k{number}"), 1)).await })
        })
        .collect();
    for claim in claims {
        assert!(matches!(claim.await.unwrap().unwrap(), Claimed::Granted(_)));
    }
    assert_eq!(proxy.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_server_fails_a_stampede_within_one_timeout() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://127.0.0.1:{}/", silent.local_addr().unwrap().port());
    let timeout = Duration::from_millis(300);
    let store = store(&url).with_connect_timeout(timeout);
    let start = tokio::time::Instant::now();
    let claims: Vec<_> = (0..100)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.claim(&claim("k", 1)).await })
        })
        .collect();
    for claim in claims {
        assert_eq!(kind(claim.await.unwrap()), StoreErrorKind::Unavailable);
    }
    let took = start.elapsed();
    assert!(took <= timeout + Duration::from_millis(1), "it took {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_claims_of_one_key_are_granted_once_even_if_some_are_dropped() {
    let server = RedisServer::start().await;
    let store = connected(&server.url(), PATIENT).await;
    for round in 0..20_u64 {
        let name = format!("k{round}");
        let claims: Vec<_> = (1..=50)
            .map(|number| {
                let (store, name) = (store.clone(), name.clone());
                tokio::spawn(async move {
                    let claim = claim(&name, number);
                    // Every third caller drops its claim while it is under way.
                    let patience = if number % 3 == 0 { Duration::from_micros(round * 20) } else { PATIENT };
                    tokio::time::timeout(patience, store.claim(&claim)).await
                })
            })
            .collect();
        let mut grants = 0;
        for claim in claims {
            match claim.await.unwrap() {
                Ok(Ok(Claimed::Granted(Grant { attempt, .. }))) => {
                    assert_eq!(attempt, 1);
                    grants += 1;
                }
                Ok(Ok(Claimed::InFlight { .. })) | Err(_) => {}
                answer => panic!("unexpected {answer:?}"),
            }
        }
        assert!(grants <= 1, "{grants} grants in round {round}");
    }
}

#[tokio::test]
async fn an_outcome_that_does_not_fit_leaves_its_key_in_doubt_until_it_does() {
    let server = RedisServer::start().await;
    let store = connected(&server.url(), PATIENT).await;
    let (lease, _) = grant(&store, &ordered("k", 1, "r", 1)).await;
    let (other, _) = grant(&store, &claim("l", 1)).await;
    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(kind(store.claim(&claim("new", 1)).await), StoreErrorKind::Full);
    assert_eq!(kind(complete(&store, &lease).await), StoreErrorKind::Full);
    assert_eq!(kind(complete(&store, &other).await), StoreErrorKind::Full);
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Held);
    server.advance(LEASE * 2).await;
    assert_eq!(store.claim(&ordered("k", 2, "r", 1)).await.unwrap(), Claimed::InDoubt);
    assert_eq!(store.load(key("k").digest()).await.unwrap().unwrap().state, StateView::Abandoned);

    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(store.claim(&claim("k", 2)).await.unwrap(), Claimed::InDoubt);
    assert_eq!(complete(&store, &lease).await.unwrap(), Hold::Held);
    assert_eq!(outcome_of(store.claim(&claim("k", 2)).await.unwrap()), Outcome::new("done"));
    let resolution = Resolution::Completed(Outcome::new("by hand"));
    assert!(store.resolve(key("l").digest(), &resolution).await.unwrap());
    assert_eq!(outcome_of(store.claim(&claim("l", 2)).await.unwrap()), Outcome::new("by hand"));
}

#[tokio::test]
async fn a_full_server_still_replays_renews_and_releases() {
    let server = RedisServer::start().await;
    let store = connected(&server.url(), PATIENT).await;
    let (lease, _) = grant(&store, &claim("k", 1)).await;
    let (done, _) = grant(&store, &claim("done", 1)).await;
    assert_eq!(complete(&store, &done).await.unwrap(), Hold::Held);
    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(kind(store.claim(&claim("new", 1)).await), StoreErrorKind::Full);
    assert_eq!(outcome_of(store.claim(&claim("done", 2)).await.unwrap()), Outcome::new("done"));
    assert_eq!(store.renew(&lease, LEASE * 4).await.unwrap(), Hold::Held);
    server.advance(LEASE * 3).await;
    let state = store.load(key("k").digest()).await.unwrap().unwrap().state;
    assert!(matches!(state, StateView::InFlight { .. }), "{state:?}");
    for _ in 0..2 {
        assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    }
    assert_eq!(store.renew(&lease, LEASE).await.unwrap(), Hold::Lost);
    let _: String = server.query(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(grant(&store, &claim("k", 2)).await.1, 2);
}

#[tokio::test]
async fn a_master_that_became_a_replica_is_looked_up_again() {
    let server = RedisServer::start().await;
    let proxy = FaultProxy::start(server.port()).await;
    let store = connected(&proxy.url(), PATIENT).await;
    let _: String = server.query(&["REPLICAOF", "127.0.0.1", "1"]).await;
    assert_eq!(kind(store.claim(&claim("k", 1)).await), StoreErrorKind::Unavailable);
    let _: String = server.query(&["REPLICAOF", "NO", "ONE"]).await;
    grant(&store, &claim("k", 1)).await;
    assert_eq!(proxy.connections(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_refused_and_never_shown() {
    let server = RedisServer::start().await;
    let _: String = server.query(&["CONFIG", "SET", "requirepass", "right"]).await;
    let wrong = server.url().replace("redis://", "redis://:s3cret@");
    let store = store(&wrong);
    let error = store.claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused);
    let texts = format!("{store:?} {error:?} {error}");
    assert!(!texts.contains("s3cret"), "{texts}");
    let none = idempotency_tests::redis_case::store(&server.url());
    assert_eq!(kind(none.claim(&claim("k", 1)).await), StoreErrorKind::Refused);
    assert_eq!(kind(RedisStore::new("not an address", NAMESPACE)), StoreErrorKind::Refused);
}

#[tokio::test]
async fn a_server_that_has_no_room_for_another_client_is_unavailable() {
    let server = RedisServer::start().await;
    let mut first = server.connection().await;
    redis::cmd("CONFIG").arg(&["SET", "maxclients", "1"]).exec_async(&mut first).await.unwrap();
    assert_eq!(kind(store(&server.url()).claim(&claim("k", 1)).await), StoreErrorKind::Unavailable);
}
