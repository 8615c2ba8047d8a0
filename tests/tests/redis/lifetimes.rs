//! How long a server keeps records, and fences after a record is gone.

use std::time::Duration;

use idempotency_core::OnExpired;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claim, Claimed, Hold, Release, Resolution, StateView, Store as _};
use idempotency_tests::redis_case::{LEASE, NAMESPACE, claim, grant, key, owner, record_name, store};
use idempotency_tests::redis_server::RedisServer;

const SHORT: Duration = Duration::from_secs(100);
const HOUR: Duration = Duration::from_secs(3600);

/// The rest of a record's TTL, which is whole seconds minus the time that the test takes.
async fn ttl(server: &RedisServer, name: &str) -> Duration {
    let millis: u64 = server.query(&["PTTL", &record_name(name)]).await;
    Duration::from_millis(millis)
}

fn about(ttl: Duration, wanted: Duration) {
    assert!(ttl <= wanted && ttl + SHORT / 2 > wanted, "{ttl:?} is not about {wanted:?}");
}

/// With a retention no longer than the lease, the record disappeared with the lease. The key was granted again as attempt
/// 1, and was never in doubt.
#[tokio::test]
async fn an_abandoned_key_is_kept_for_its_retention_even_if_that_is_short() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    let short = |number| Claim::new(key("k"), owner(number), LEASE, SHORT);
    let (first, _) = grant(&store, &short(1)).await;
    about(ttl(&server, "k").await, LEASE + SHORT);
    server.advance(LEASE).await;
    let mut in_doubt = short(2);
    in_doubt.on_expired = OnExpired::InDoubt;
    assert_eq!(store.claim(&in_doubt).await.unwrap(), Claimed::InDoubt);
    let (second, attempt) = grant(&store, &short(3)).await;
    assert_eq!(attempt, 2);
    assert!(second.fence() > first.fence());
    about(ttl(&server, "k").await, LEASE + SHORT);
    server.advance(LEASE / 2).await;
    assert_eq!(store.renew(&second, 2 * LEASE).await.unwrap(), Hold::Held);
    about(ttl(&server, "k").await, 2 * LEASE + SHORT);
    server.advance(2 * LEASE).await;
    assert_eq!(store.load(key("k").digest()).await.unwrap().unwrap().state, StateView::Abandoned);
}

#[tokio::test]
async fn a_release_sets_how_long_the_record_is_kept() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    for (name, release, kept) in [
        ("failed", Release::Failed, HOUR),
        ("unstarted", Release::Unstarted, Duration::from_secs(300)),
        ("abandoned", Release::Abandoned, HOUR),
    ] {
        let (lease, _) = grant(&store, &claim(name, 1)).await;
        for _ in 0..2 {
            assert_eq!(store.release(&lease, release).await.unwrap(), Hold::Held);
            about(ttl(&server, name).await, kept);
        }
    }
    let view = store.load(key("abandoned").digest()).await.unwrap().unwrap();
    assert_eq!((view.state, view.attempts), (StateView::Abandoned, 1));
    assert_eq!(grant(&store, &claim("unstarted", 2)).await.1, 1, "an attempt that never started counts");
    assert_eq!(grant(&store, &claim("failed", 2)).await.1, 2);
    // After a second attempt that never started, the first one still counts.
    let (lease, attempt) = grant(&store, &claim("abandoned", 2)).await;
    assert_eq!(attempt, 2);
    assert_eq!(store.release(&lease, Release::Unstarted).await.unwrap(), Hold::Held);
    about(ttl(&server, "abandoned").await, HOUR);
    assert_eq!(grant(&store, &claim("abandoned", 3)).await.1, 2);
}

#[tokio::test]
async fn a_resolved_record_is_kept_for_its_retention_from_then_on() {
    let server = RedisServer::start().await;
    let store = store(&server.url());
    grant(&store, &claim("k", 1)).await;
    server.advance(LEASE + HOUR / 2).await;
    let outcome = idempotency_core::Outcome::new("by hand");
    assert!(store.resolve(key("k").digest(), &Resolution::Completed(outcome.clone())).await.unwrap());
    about(ttl(&server, "k").await, HOUR);
    let StateView::Completed(completed) = store.load(key("k").digest()).await.unwrap().unwrap().state else {
        panic!("it was not resolved")
    };
    assert_eq!((completed.outcome, completed.kept_until - completed.completed_at), (outcome, HOUR));
}

/// A prefix with a brace broke ordered claims in a cluster, since it changed the slots of names.
#[test]
fn a_namespace_with_a_brace_is_refused_when_the_store_is_made() {
    let url = "redis://127.0.0.1/";
    let made = |namespace: &str| {
        [
            RedisStore::new(url, namespace),
            RedisStore::cluster([url], namespace),
            RedisStore::sentinel([url], "master", namespace),
        ]
    };
    for namespace in ["{shop", "shop}", "a:b", ""] {
        for refused in made(namespace) {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), idempotency_core::StoreErrorKind::Refused);
            let source = std::error::Error::source(&error).expect("it has a source");
            assert!(source.is::<idempotency_core::NamespaceError>(), "{source}");
        }
    }
    assert!(made(NAMESPACE).into_iter().all(|made| made.is_ok()));
}
