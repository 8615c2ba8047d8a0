//! Purging: only expired rows are deleted, and not more than asked for.

use std::sync::Arc;

use idempotency_core::clock::ManualClock;
use idempotency_core::store::{Claimed, Completion, Hold, Store as _};
use idempotency_core::{Order, Outcome, Resource, Scope, Version};
use sqlx::Row as _;

use super::{DAY, Database, LEASE, claim, granted};

async fn rows(database: &Database) -> (i64, i64) {
    let count = "SELECT (SELECT count(*) FROM idempotency_records), (SELECT count(*) FROM idempotency_marks)";
    let row = sqlx::query(count).fetch_one(&mut database.connection().await).await.unwrap();
    (row.get(0), row.get(1))
}

#[tokio::test]
async fn a_purge_deletes_a_bounded_number_of_expired_rows() {
    let (database, clock) = (Database::new(), Arc::new(ManualClock::new()));
    let store = database.store().with_clock(Arc::clone(&clock));
    for number in 0..5 {
        granted(&store, &claim(&store, &format!("old{number}"), 1)).await;
    }
    let resource = Resource::new(&Scope::endpoint("sqlite"), "kind", "name");
    let mut ordered = claim(&store, "ordered", 1);
    ordered.order = Some(Order::new(resource, Version::new(7)).scoped(store.namespace()));
    let lease = granted(&store, &ordered).await;
    let completion = Completion::new(lease, Outcome::new("done"), DAY);
    assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held);
    assert_eq!(store.purge_expired(100).await.unwrap(), 0);
    assert_eq!(rows(&database).await, (6, 1));

    clock.advance(DAY + LEASE);
    granted(&store, &claim(&store, "new", 1)).await;
    assert_eq!(store.purge_expired(4).await.unwrap(), 4);
    assert_eq!(rows(&database).await, (3, 1));
    assert_eq!(store.purge_expired(4).await.unwrap(), 3, "two records and the mark");
    assert_eq!(rows(&database).await, (1, 0));
    assert_eq!(store.purge_expired(4).await.unwrap(), 0);
    let answer = store.claim(&claim(&store, "new", 2)).await.unwrap();
    assert!(matches!(answer, Claimed::InFlight { .. }), "{answer:?}");
}
