//! A handler that does not ask whether its lease is lost: the store refuses its outcome all the same.

use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Delivery, Idempotency, Key, Policy, Ran, RunError, Scope, Verified};
use idempotency_tests::demo::eventually;
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;

fn delivery() -> Delivery {
    let proof = Verified::by_other_means(b"a message from a queue");
    Delivery::new(&proof, Scope::endpoint("orders"), Key::new("order-42").expect("a key"))
}

fn engine(url: &str) -> Idempotency {
    let policy = Policy::webhook().with_lease(Duration::from_secs(1)).with_wait(Duration::ZERO);
    Idempotency::new(RedisStore::new(url).expect("a url")).with_policy(policy)
}

/// Executes, without ever looking at the lease.
async fn execute(engine: Idempotency, name: &'static str, takes: Duration) -> Ran<(String, u32)> {
    let ran = engine.run(delivery(), move |context| async move {
        tokio::time::sleep(takes).await;
        Ok::<_, std::io::Error>((name.to_owned(), context.attempt()))
    });
    ran.await.unwrap_or_else(|error: RunError<_>| panic!("{error}"))
}

#[tokio::test]
async fn an_outcome_that_comes_after_a_takeover_is_refused() {
    let redis = RedisServer::start().await;
    let proxy = FaultProxy::start(redis.port()).await;
    let (cut_off, other) = (engine(&proxy.url()), engine(&redis.url()));
    let late = tokio::spawn(execute(cut_off.clone(), "late", Duration::from_secs(4)));
    eventually("a claim", Duration::from_secs(5), async || {
        (redis.query::<u64>(&["DBSIZE"]).await == 1).then_some(())
    })
    .await;
    // Its renewals vanish, as they do when the network or the process hangs. A new connection works again.
    proxy.swallow();

    let first = eventually("a takeover", Duration::from_secs(4), async || {
        match execute(other.clone(), "other", Duration::ZERO).await {
            Ran::Conflict { .. } => None,
            ran => Some(ran),
        }
    })
    .await;
    assert_eq!(first, Ran::Executed(("other".to_owned(), 2)));
    assert!(matches!(late.await.unwrap(), Ran::Conflict { .. }), "the late outcome must be refused");
    for engine in [cut_off, other] {
        let again = execute(engine, "again", Duration::ZERO).await;
        assert_eq!(again, Ran::Replayed(("other".to_owned(), 2)));
    }
}
