//! `PostgresStore` under the faults of its database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use idempotency_core::store::{
    Claim, Claimed, Completion, Hold, Lease, Owner, Release, StateView, Store as _,
};
use idempotency_core::{
    Delivery, Idempotency, Key, Namespace, Order, Outcome, Policy, Resource, Scope, ScopedKey,
    StoreErrorKind, Verified, Version,
};
use idempotency_sqlx::PostgresStore;
use idempotency_tests::postgres_server::{PostgresServer, psql};
use idempotency_tests::proxy::FaultProxy;
use sqlx::postgres::{PgListener, PgPool, PgPoolOptions};
use tokio::task::JoinSet;

/// Longer than the slowest machine needs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn store(url: &str) -> PostgresStore {
    PostgresStore::new(url, "tests").unwrap().with_timeout(PATIENCE)
}

pub(crate) fn key(name: &str) -> ScopedKey {
    ScopedKey::new(&Namespace::new("tests").unwrap(), Scope::endpoint("e"), Key::new(name).unwrap())
}

pub(crate) fn claim(name: &str, owner: u8) -> Claim {
    Claim::new(key(name), Owner::from_bytes([owner; 16]), HOUR, HOUR)
}

pub(crate) async fn granted(store: &PostgresStore, claim: &Claim) -> Lease {
    match store.claim(claim).await.unwrap() {
        Claimed::Granted(grant) => claim.granted(grant.fence),
        answer => panic!("{answer:?}"),
    }
}

pub(crate) fn completion(lease: &Lease) -> Completion {
    Completion::new(lease.clone(), Outcome::new("done"), HOUR)
}

#[tokio::test]
async fn a_store_may_start_before_its_database() {
    let server = PostgresServer::start().await;
    let url = server.url();
    server.kill();
    let store = PostgresStore::new(&url, "tests").unwrap();
    let error = store.claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_executed()), (StoreErrorKind::Unavailable, false), "{error:?}");
    server.restart().await;
    granted(&store.with_timeout(PATIENCE), &claim("k", 1)).await;
}

/// The shortest store timeout of a provider's policy is 1 s. So the engine sees the store's error.
#[tokio::test]
async fn a_store_gives_up_before_the_engine() {
    let server = PostgresServer::start().await;
    let url = server.url();
    let lease = granted(&store(&url), &claim("k", 1)).await;
    let default = PostgresStore::new(&url, "tests").unwrap();
    server.pause();
    let renewed = tokio::time::timeout(Duration::from_secs(1), default.renew(&lease, HOUR)).await;
    let error = renewed.expect("the store gives up first").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "nothing was sent: {error:?}");
    server.resume();
    assert_eq!(store(&url).renew(&lease, HOUR).await.unwrap(), Hold::Held);
}

/// What was acknowledged survives, and connections that the server closed are no error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_at_two_engines_run_once_and_replay_after_a_crash() {
    let server = PostgresServer::start_with(&["-c", "fsync=on"]).await;
    let policy = Policy::webhook().with_wait(PATIENCE).with_waiters_per_key(200);
    let policy = policy.with_store_timeout(PATIENCE);
    let engines = [store(&server.url()), store(&server.url())]
        .map(|store| Arc::new(Idempotency::new(store).with_policy(policy.clone())));
    let runs = Arc::new(AtomicU32::new(0));
    let deliver = |engine: &Arc<Idempotency>| {
        let (engine, runs) = (Arc::clone(engine), Arc::clone(&runs));
        async move {
            let proof = Verified::by_other_means(b"a test");
            let delivery = Delivery::new(&proof, Scope::endpoint("e"), Key::new("evt_1").unwrap());
            let ran = engine
                .run(delivery, move |_| async move { Ok::<_, String>(runs.fetch_add(1, Ordering::Relaxed)) });
            ran.await.unwrap()
        }
    };
    let mut copies = JoinSet::new();
    for copy in 0..200 {
        copies.spawn(deliver(&engines[copy % 2]));
    }
    copies.join_all().await;
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    server.kill();
    server.restart().await;
    for engine in &engines {
        deliver(engine).await;
    }
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

/// Its holder is about to complete it, or a rival to take it over.
#[tokio::test]
async fn a_locked_row_is_in_flight_at_once() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let lease = granted(&store, &claim("k", 1)).await;
    assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
    let pool = PgPool::connect(&url).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM idempotency_records FOR UPDATE").execute(&mut *transaction).await.unwrap();
    let answer = store.claim(&claim("k", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::InFlight { .. }), "{answer:?}");
    transaction.rollback().await.unwrap();
    granted(&store, &claim("k", 2)).await;
}

/// A read sees the row as of when the server gets its arguments, and the server may execute it later.
#[tokio::test]
async fn a_lease_that_is_renewed_while_an_operator_looks_is_not_abandoned() {
    let server = PostgresServer::shared().await;
    let url = server.new_database().await;
    let (holder, proxy) = (store(&url), FaultProxy::start_postgres(server.port()).await);
    let operator = store(&proxy.route(&url)).with_connections(1);
    // Its connection knows the statement from now on.
    assert_eq!(operator.load(key("k").digest()).await.unwrap(), None);
    let mut first = claim("k", 1);
    first.lease = Duration::from_secs(8);
    let lease = granted(&holder, &first).await;
    proxy.take_requests();
    proxy.hold("AS newest");
    let looking = tokio::spawn(async move { operator.load(key("k").digest()).await.unwrap().unwrap() });
    let looks = async {
        while !proxy.take_requests().contains_key("execute") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looks).await.unwrap();
    let ended = "SELECT extract(epoch FROM clock_timestamp()) * 1000000 > deadline FROM idempotency_records";
    assert_eq!(psql(&url, ended).await.unwrap(), "f", "the machine is too slow");
    let first_end = psql(&url, "SELECT deadline FROM idempotency_records").await.unwrap();
    assert_eq!(holder.renew(&lease, HOUR).await.unwrap(), Hold::Held);
    let ended = format!("SELECT extract(epoch FROM clock_timestamp()) * 1000000 > {first_end}");
    let ends = async { while psql(&url, &ended).await.unwrap() != "t" {} };
    tokio::time::timeout(PATIENCE, ends).await.unwrap();
    proxy.let_go();
    let state = looking.await.unwrap().state;
    assert!(matches!(state, StateView::InFlight { .. }), "{state:?}");
}

#[tokio::test]
async fn a_lost_reply_changes_no_answer() {
    let server = PostgresServer::shared().await;
    let url = server.new_database().await;
    let proxy = FaultProxy::start_postgres(server.port()).await;
    // A first statement on each connection is sent with its text.
    for (number, operation) in
        ["INSERT INTO", "SET state = 3", "SET state = $4", "SET owner = $4"].iter().enumerate()
    {
        let store = store(&proxy.route(&url)).with_connections(1);
        let name = format!("k{number}");
        store.migrate().await.unwrap();
        proxy.lose_reply_to(operation);
        let lease = granted(&store, &claim(&name, 1)).await;
        if number == 3 {
            let adopted = store.adopt(&lease, Owner::from_bytes([2; 16]), HOUR).await.unwrap();
            let again = store.adopt(&lease, Owner::from_bytes([2; 16]), HOUR).await.unwrap();
            assert_eq!(adopted, again);
        } else if number == 2 {
            assert_eq!(store.release(&lease, Release::Failed).await.unwrap(), Hold::Held);
        } else {
            assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
        }
        assert!(proxy.connections() >= 2, "{operation}: the reply was not lost");
    }
}

/// An operator may end every backend (57P01), and a failover does.
#[tokio::test]
async fn ended_backends_change_no_answer() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let lease = granted(&store, &claim("k", 1)).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid()";
    assert_ne!(psql(&url, end).await.unwrap(), "0");
    assert_eq!(store.renew(&lease, HOUR).await.unwrap(), Hold::Held);
    assert_ne!(psql(&url, end).await.unwrap(), "0");
    assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn handlers_that_hold_every_connection_stop_no_claim() {
    let url = PostgresServer::shared().await.new_database().await;
    let pool = PgPoolOptions::new().max_connections(1).connect(&url).await.unwrap();
    let store = PostgresStore::from_pool(&pool, "tests").unwrap().with_timeout(PATIENCE);
    let _handler = pool.acquire().await.unwrap();
    let lease = granted(&store, &claim("k", 1)).await;
    assert_eq!(store.renew(&lease, HOUR).await.unwrap(), Hold::Held);
    assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
}

#[tokio::test]
async fn a_role_that_must_not_create_tables_uses_those_that_exist() {
    let url = PostgresServer::shared().await.new_database().await;
    let database = url.rsplit('/').next().unwrap();
    let role = format!("app_{database}");
    psql(&url, &format!("CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC"))
        .await
        .unwrap();
    let limited = store(&url.replace("postgres@", &format!("{role}@")));
    let error = limited.claim(&claim("k", 1)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Refused, "{error:?}");
    psql(&url, idempotency_sqlx::postgres::MIGRATION).await.unwrap();
    let grant =
        format!("GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_records, idempotency_marks TO {role}");
    psql(&url, &grant).await.unwrap();
    granted(&limited, &claim("k", 1)).await;
}

/// Each statement decides on committed rows. Under SERIALIZABLE most of these would fail with 40001.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_databases_default_isolation_does_not_matter() {
    let url = PostgresServer::shared().await.new_database().await;
    let database = url.rsplit('/').next().unwrap();
    let set = format!("ALTER DATABASE {database} SET default_transaction_isolation = 'serializable'");
    psql(&url, &set).await.unwrap();
    let store = store(&url);
    let mut rivals = JoinSet::new();
    for owner in 0..50 {
        let store = store.clone();
        rivals.spawn(async move { store.claim(&claim("k", owner)).await.unwrap() });
    }
    let answers = rivals.join_all().await;
    let granted = answers.iter().filter(|answer| matches!(answer, Claimed::Granted(_))).count();
    assert_eq!(granted, 1);
}

#[tokio::test]
async fn a_completion_notifies_other_processes() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let lease = granted(&store, &claim("k", 1)).await;
    let mut listener = PgListener::connect(&url).await.unwrap();
    listener.listen("idempotency_changes").await.unwrap();
    assert_eq!(store.complete(&completion(&lease)).await.unwrap(), Hold::Held);
    let notification = tokio::time::timeout(PATIENCE, listener.recv()).await.unwrap().unwrap();
    assert_eq!(notification.payload(), key("k").digest().to_string());
}

#[tokio::test]
async fn purging_deletes_what_has_expired_in_batches() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    for number in 0..5 {
        granted(&store, &claim(&format!("k{number}"), 1)).await;
    }
    assert_eq!(store.purge_expired(10).await.unwrap(), 0);
    psql(&url, "UPDATE idempotency_records SET expires_at = 0 WHERE attempts > 0").await.unwrap();
    granted(&store, &claim("k0", 2)).await;
    assert_eq!(store.purge_expired(3).await.unwrap(), 3);
    assert_eq!(store.purge_expired(3).await.unwrap(), 1);
    assert_eq!(psql(&url, "SELECT count(*) FROM idempotency_records").await.unwrap(), "1");
}

/// The answer of a completed key needs no mark, and a grant does.
#[tokio::test]
async fn an_unreadable_mark_forbids_only_grants() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let scope = Scope::endpoint("e");
    let order = Order::new(Resource::new(&scope, "kind", "name"), Version::new(1)).scoped(store.namespace());
    let mut completed = claim("completed", 1);
    completed.order = Some(order);
    let mut fresh = claim("fresh", 2);
    fresh.order = Some(order);
    let lease = granted(&store, &completed).await;
    let completion = Completion::new(lease, Outcome::new("done"), HOUR);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    psql(&url, r"UPDATE idempotency_marks SET version = '\xff'").await.unwrap();
    let answer = store.claim(&completed).await.unwrap();
    assert!(matches!(answer, Claimed::Completed(_)), "{answer:?}");
    assert_eq!(store.claim(&fresh).await.unwrap(), Claimed::InDoubt);
    assert!(store.newest(order.resource).await.is_err());
}
