//! Rivals: two stores on one file, as in two processes.

use std::sync::Arc;

use idempotency_core::store::{Claim, Claimed, Owner, Store as _};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{DAY, Database, LEASE, key};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_claims_of_a_key_on_two_stores_are_granted_once() {
    let database = Database::new();
    // Neither has opened the file yet.
    let stores = [database.store(), database.store()];
    for round in 0..5 {
        let barrier = Arc::new(Barrier::new(50));
        let mut claims = JoinSet::new();
        for rival in 0..50_u8 {
            let (store, barrier) = (stores[usize::from(rival) % 2].clone(), Arc::clone(&barrier));
            claims.spawn(async move {
                let key = key(&store, &format!("k{round}"));
                let claim = Claim::new(key, Owner::from_bytes([rival; 16]), LEASE, DAY);
                barrier.wait().await;
                store.claim(&claim).await.unwrap()
            });
        }
        let answers = claims.join_all().await;
        let granted = answers.iter().filter(|answer| matches!(answer, Claimed::Granted(_))).count();
        let in_flight = answers.iter().filter(|answer| matches!(answer, Claimed::InFlight { .. })).count();
        assert_eq!((granted, in_flight), (1, 49));
    }
}
