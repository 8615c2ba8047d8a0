//! The engine on a SQLite store.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use idempotency_core::{Delivery, Idempotency, Key, Policy, Ran, Scope, Verified};
use tokio::sync::Semaphore;

use super::Database;

fn delivery(key: &str) -> Delivery {
    Delivery::new(&Verified::by_other_means(b""), Scope::endpoint("tests"), Key::new(key).unwrap())
}

#[tokio::test]
async fn duplicates_on_two_engines_replay_one_execution() {
    let database = Database::new();
    let policy = Policy::webhook().with_wait(std::time::Duration::from_secs(20));
    let engines =
        [database.store(), database.store()].map(|store| Idempotency::new(store).with_policy(policy.clone()));
    let (runs, gate) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let run = |engine: &Idempotency| {
        let (engine, runs, gate) = (engine.clone(), Arc::clone(&runs), Arc::clone(&gate));
        tokio::spawn(async move {
            let handler = move |_| async move {
                let _open = gate.acquire().await;
                Ok::<_, Infallible>(runs.fetch_add(1, Ordering::Relaxed))
            };
            engine.run(delivery("k"), handler).await.unwrap()
        })
    };
    let running: Vec<_> = engines.iter().chain(&engines).map(run).collect();
    gate.add_permits(4);
    let mut executed = 0;
    for ran in running {
        match ran.await.unwrap() {
            Ran::Executed(0) => executed += 1,
            Ran::Replayed(0) => {}
            ran => panic!("{ran:?}"),
        }
    }
    assert_eq!((executed, runs.load(Ordering::Relaxed)), (1, 1));
    assert_eq!(run(&engines[1]).await.unwrap(), Ran::Replayed(0));
}
