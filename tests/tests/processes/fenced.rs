//! A handler that ignores its lost lease: the store still refuses its outcome.

use std::future::ready;
use std::time::Duration;

use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Delivery, Idempotency, Key, Namespace, Policy, Ran, RunError, Scope, Verified};
use idempotency_tests::demo::{PATIENCE, eventually};
use idempotency_tests::proxy::FaultProxy;
use idempotency_tests::redis_server::RedisServer;
use tokio::sync::oneshot;

fn delivery() -> Delivery {
    let proof = Verified::by_other_means(b"a message from a queue");
    Delivery::new(&proof, Scope::endpoint("orders"), Key::new("order-42").expect("a key"))
}

fn engine(url: &str, lease: Duration) -> Idempotency {
    let policy = Policy::webhook().with_lease(lease).with_wait(Duration::ZERO).with_store_timeout(PATIENCE);
    Idempotency::new(RedisStore::new(url, Namespace::default()).expect("a url")).with_policy(policy)
}

/// Executes until the work is done, without a check of the lease.
async fn execute(
    engine: Idempotency,
    name: &'static str,
    done: impl Future<Output = ()> + Send + 'static,
) -> Ran<(String, u32)> {
    let ran = engine.run(delivery(), move |context| async move {
        done.await;
        Ok::<_, std::io::Error>((name.to_owned(), context.attempt()))
    });
    ran.await.unwrap_or_else(|error: RunError<_>| panic!("{error}"))
}

#[tokio::test]
async fn an_outcome_that_comes_after_a_takeover_is_refused() {
    let redis = RedisServer::start().await;
    let proxy = FaultProxy::start(redis.port()).await;
    let (cut_off, other) =
        (engine(&proxy.url(), Duration::from_secs(1)), engine(&redis.url(), Duration::from_secs(600)));
    let (begun, begins) = oneshot::channel();
    let (finish, finished) = oneshot::channel();
    let work = async move {
        begun.send(()).expect("the test waits for the start");
        finished.await.expect("the test signals the end");
    };
    let late = tokio::spawn(execute(cut_off.clone(), "late", work));
    begins.await.expect("it begins");
    // Its renewals vanish, as when the network or the process hangs.
    proxy.swallow_from_now_on();

    let first =
        eventually("a takeover", PATIENCE, async || match execute(other.clone(), "other", ready(())).await {
            Ran::Conflict { .. } => None,
            ran => Some(ran),
        })
        .await;
    assert_eq!(first, Ran::Executed(("other".to_owned(), 2)));
    // A new connection works again.
    proxy.swallow();
    finish.send(()).expect("the handler still runs");
    assert!(matches!(late.await.unwrap(), Ran::Conflict { .. }), "the late outcome must be refused");
    for engine in [cut_off, other] {
        let again = execute(engine, "again", ready(())).await;
        assert_eq!(again, Ran::Replayed(("other".to_owned(), 2)));
    }
}
