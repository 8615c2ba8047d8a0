//! Many threads on the memory store, in many random schedules.

use std::collections::BTreeSet;
use std::sync::Arc;

use idempotency_core::clock::ManualClock;
use idempotency_core::store::{Claimed, Grant, Store as _};
use idempotency_core::{Fence, Outcome};
use idempotency_schedules::case::{
    DAY, LEASE, claim, claim_of, complete, key, outcome, ready, release, renew, timer, told,
};
use idempotency_schedules::on_shuttle::MemoryStore;
use shuttle::future::block_on;
use shuttle::rand::Rng as _;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::spawn;
use shuttle::{Config, Runner};

/// The number of schedules of each of the two kinds.
const SCHEDULES: usize = 5_000;

/// Runs uniformly random schedules, then schedules with few preemptions, which find deep bugs.
fn explore(crowd: impl Fn() + Send + Sync + Copy + 'static) {
    let timer = timer();
    let _entered = timer.enter();
    let mut config = Config::new();
    // The stack must hold a whole store.
    config.stack_size = 1 << 18;
    Runner::new(RandomScheduler::new(SCHEDULES), config.clone()).run(crowd);
    Runner::new(PctScheduler::new(3, SCHEDULES), config).run(crowd);
}

/// The answers that one thread was given.
#[derive(Default)]
struct Account {
    fences: Vec<Fence>,
    /// The outcome of its completion, if it held the lease.
    completed: Option<Outcome>,
    replayed: Option<Outcome>,
}

/// Claims and waits until the key is completed. Does something random with each lease that it is granted.
fn work(store: &MemoryStore, clock: &ManualClock, thread: u8) -> Account {
    let mut account = Account::default();
    for attempt in 0.. {
        match told(store, &claim("k", 10 * thread + attempt)) {
            Claimed::Granted(Grant { fence, .. }) => {
                account.fences.push(fence);
                let lease = claim("k", 10 * thread + attempt).granted(fence);
                match shuttle::rand::thread_rng().gen_range(0..4) {
                    // The last attempts always complete, so that every schedule ends.
                    kind if kind == 0 || attempt >= 2 => {
                        if complete(store, &lease) {
                            assert!(complete(store, &lease), "a repeated completion is held");
                            account.completed = Some(outcome(&lease));
                        }
                    }
                    1 => {
                        let _ = release(store, &lease);
                        assert!(!complete(store, &lease), "a released lease cannot complete");
                    }
                    2 => {
                        let _ = renew(store, &lease);
                        let _ = release(store, &lease);
                    }
                    _ => clock.advance(LEASE),
                }
            }
            Claimed::Completed(completed) => {
                account.replayed = Some(completed.outcome);
                return account;
            }
            Claimed::InFlight { .. } => {
                block_on(store.wait_for_change(key("k").digest(), DAY))
                    .expect("the memory store does not fail");
            }
            answer => panic!("unexpected answer: {answer:?}"),
        }
    }
    account
}

#[test]
fn many_threads_complete_a_key_once_and_all_replay_it() {
    explore(|| {
        let clock = Arc::new(ManualClock::new());
        let store = MemoryStore::new().with_clock(Arc::clone(&clock));
        let threads = [1, 2, 3].map(|thread| {
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            spawn(move || work(&store, &clock, thread))
        });
        let accounts = threads.map(|thread| thread.join().unwrap());
        let completed: Vec<_> = accounts.iter().filter_map(|account| account.completed.as_ref()).collect();
        assert_eq!(completed.len(), 1);
        assert!(accounts.iter().all(|account| account.replayed.as_ref() == Some(completed[0])));
        let fences: Vec<_> = accounts.iter().flat_map(|account| &account.fences).collect();
        assert_eq!(
            fences.iter().collect::<BTreeSet<_>>().len(),
            fences.len(),
            "every grant has its own fence"
        );
        assert!(accounts.iter().all(|account| account.fences.is_sorted()));
        // One byte of outcome and ten of label.
        assert_eq!((store.records(), store.bytes()), (1, 11));
    });
}

#[test]
fn keys_of_one_resource_never_lower_its_mark() {
    explore(|| {
        let store = MemoryStore::new().with_clock(ManualClock::new());
        let threads = [1, 2, 3].map(|version: u8| {
            let store = store.clone();
            spawn(move || {
                let claim = claim_of(&version.to_string(), version, version.into());
                match told(&store, &claim) {
                    Claimed::Granted(Grant { fence, .. }) => complete(&store, &claim.granted(fence)),
                    Claimed::Stale { newest } => newest <= claim.order.unwrap().version,
                    answer => panic!("unexpected answer: {answer:?}"),
                }
            })
        });
        let done = threads.map(|thread| thread.join().unwrap());
        assert!(done[2], "the newest version is never stale");
        assert!(
            matches!(told(&store, &claim_of("late", 9, 2)), Claimed::Stale { newest } if newest.get() == 3)
        );
    });
}

#[test]
fn a_full_store_counts_its_records_and_bytes() {
    explore(|| {
        let clock = Arc::new(ManualClock::new());
        // Each record has one byte of outcome and its label: the endpoint and a key of one byte.
        let bytes = 2 * (1 + key("1").scope().endpoint_name().len() + 1);
        let store = MemoryStore::new().with_clock(Arc::clone(&clock)).with_capacity(2).with_max_bytes(bytes);
        let threads = [1, 2, 3].map(|owner: u8| {
            let (store, clock) = (store.clone(), Arc::clone(&clock));
            spawn(move || {
                let claim = claim(&owner.to_string(), owner);
                if let Ok(Claimed::Granted(Grant { fence, .. })) = ready(store.claim(&claim)) {
                    let lease = claim.granted(fence);
                    let _ = complete(&store, &lease);
                }
                if owner == 2 {
                    clock.advance(DAY);
                }
                let _ = ready(store.forget(key("1").digest()));
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert!(store.records() <= 2 && store.bytes() <= bytes);
        for owner in ["1", "2", "3"] {
            let _ = ready(store.forget(key(owner).digest()));
        }
        assert_eq!((store.records(), store.bytes()), (0, 0));
    });
}
