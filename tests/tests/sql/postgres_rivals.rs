//! `PostgresStore` beside other transactions on its rows.

use idempotency_core::store::{Claim, Claimed, Hold, Release, StateView, Store as _};
use idempotency_core::{Namespace, OnExpired, Order, Resource, Scope, Version};
use idempotency_tests::postgres_server::{PostgresServer, psql};
use sqlx::postgres::PgPool;

use crate::postgres::{HOUR, PATIENCE, claim, completion, granted, key, store};

/// As a handler does between its completion and its COMMIT.
#[tokio::test]
async fn a_claim_does_not_wait_for_an_update_that_is_not_committed() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    granted(&store, &claim("k", 1)).await;
    let pool = PgPool::connect(&url).await.unwrap();
    for change in
        ["UPDATE idempotency_records SET state = 3, outcome = ''", "DELETE FROM idempotency_records"]
    {
        let mut transaction = pool.begin().await.unwrap();
        sqlx::query(change).execute(&mut *transaction).await.unwrap();
        let rival = claim("k", 2);
        let answered = tokio::time::timeout(PATIENCE / 3, store.claim(&rival)).await;
        let answer = answered.expect("the claim waits for the transaction").unwrap();
        assert!(matches!(answer, Claimed::InFlight { .. }), "{change}: {answer:?}");
        transaction.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn of_two_claims_of_a_key_in_one_batch_one_is_granted() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let answers = store.claim_many(&[claim("k", 1), claim("k", 2)]).await;
    let granted = answers.iter().filter(|answer| matches!(answer, Ok(Claimed::Granted(_)))).count();
    assert_eq!(granted, 1, "{answers:?}");
}

/// A late replacement of the deleted row must not match the new one.
#[tokio::test]
async fn the_revision_of_a_deleted_row_does_not_come_back() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let revision = async || -> i64 {
        psql(&url, "SELECT revision FROM idempotency_records").await.unwrap().parse().unwrap()
    };
    let lease = granted(&store, &claim("k", 1)).await;
    assert_eq!(store.renew(&lease, HOUR).await.unwrap(), Hold::Held);
    let before = revision().await;
    assert!(store.forget(key("k").digest()).await.unwrap());
    granted(&store, &claim("k", 2)).await;
    assert!(revision().await > before, "{} after {before}", revision().await);
}

fn ordered(name: &str, owner: u8, version: u64) -> Claim {
    let resource = Resource::new(&Scope::endpoint("e"), "kind", "r");
    let order = Order::new(resource, Version::new(version)).scoped(&Namespace::new("tests").unwrap());
    let mut claim = claim(name, owner);
    claim.order = Some(order);
    claim
}

/// A reply may be lost, and the claim is then repeated.
#[tokio::test]
async fn a_stale_takeover_that_is_repeated_leaves_the_key_abandoned() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    granted(&store, &ordered("old", 1, 1)).await;
    psql(&url, "UPDATE idempotency_records SET deadline = 1 WHERE state = 1").await.unwrap();
    let takeover = ordered("old", 2, 1);
    granted(&store, &takeover).await;
    let newer = granted(&store, &ordered("new", 3, 2)).await;
    assert_eq!(store.complete(&completion(&newer)).await.unwrap(), Hold::Held);
    for _ in 0..4 {
        let answer = store.claim(&takeover).await.unwrap();
        assert!(matches!(answer, Claimed::Stale { .. }), "{answer:?}");
        let view = store.load(key("old").digest()).await.unwrap().unwrap();
        assert_eq!((view.state, view.attempts), (StateView::Abandoned, 1));
    }
}

/// A key that may run at most once is never taken over. So a second attempt follows a release.
#[tokio::test]
async fn a_stale_claim_that_is_repeated_after_a_release_puts_no_key_in_doubt() {
    let url = PostgresServer::shared().await.new_database().await;
    let store = store(&url);
    let at_most_once = |owner| {
        let mut claim = ordered("old", owner, 1);
        claim.on_expired = OnExpired::InDoubt;
        claim
    };
    let first = granted(&store, &at_most_once(1)).await;
    assert_eq!(store.release(&first, Release::Failed).await.unwrap(), Hold::Held);
    granted(&store, &at_most_once(2)).await;
    let newer = granted(&store, &ordered("new", 3, 2)).await;
    assert_eq!(store.complete(&completion(&newer)).await.unwrap(), Hold::Held);
    for owner in [2, 2, 4] {
        let answer = store.claim(&at_most_once(owner)).await.unwrap();
        assert!(matches!(answer, Claimed::Stale { .. }), "{owner}: {answer:?}");
    }
}
