//! Two threads on the memory store, in every possible schedule.

use std::sync::Arc;

use idempotency_core::clock::ManualClock;
use idempotency_core::store::{Claimed, Store as _};
use idempotency_core::{StoreErrorKind, Version};
use idempotency_schedules::case::{
    DAY, LEASE, adopt, claim, claim_of, complete, key, lease, outcome, ready, release, renew, timer, told,
};
use idempotency_schedules::on_loom::MemoryStore;
use loom::future::block_on;
use loom::thread::{Builder, JoinHandle};

/// Runs every schedule and prints how many there are.
fn explore(name: &str, race: impl Fn(MemoryStore, &Arc<ManualClock>) + Sync + Send + 'static) {
    explore_within(name, None, race);
}

/// Runs every schedule with at most this many preemptions.
fn explore_within(
    name: &str,
    preemptions: Option<usize>,
    race: impl Fn(MemoryStore, &Arc<ManualClock>) + Sync + Send + 'static,
) {
    let timer = timer();
    let _entered = timer.enter();
    let race = Arc::new(race);
    let schedules = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&schedules);
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let clock = Arc::new(ManualClock::new());
        let race = Arc::clone(&race);
        on_thread(move || race(MemoryStore::new().with_clock(Arc::clone(&clock)), &clock))
            .join()
            .expect("no assertion of the race fails");
    });
    println!("{name}: {schedules:?} schedules");
}

fn thread<T: Send + 'static>(
    store: &MemoryStore,
    work: impl FnOnce(&MemoryStore) -> T + Send + 'static,
) -> JoinHandle<T> {
    let store = store.clone();
    on_thread(move || work(&store))
}

/// Starts a thread with a stack large enough to build a store on it.
fn on_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().stack_size(1 << 18).spawn(work).expect("loom has room for five threads")
}

#[test]
fn one_of_two_claims_is_granted() {
    explore("two claims", |store, _| {
        let rival = thread(&store, |store| lease(store, &claim("k", 1)));
        let (mine, theirs) = (lease(&store, &claim("k", 2)), rival.join().unwrap());
        assert!(mine.is_some() != theirs.is_some());
        assert_eq!(store.records(), 1);
    });
}

#[test]
fn either_a_late_completion_or_a_takeover_wins() {
    explore("late completion, takeover", |store, clock| {
        let late = lease(&store, &claim("k", 1)).unwrap();
        clock.advance(LEASE);
        let holder = thread(&store, {
            let late = late.clone();
            move |store| complete(store, &late)
        });
        let answer = told(&store, &claim("k", 2));
        match (holder.join().unwrap(), answer) {
            (true, Claimed::Completed(recorded)) => assert_eq!(recorded.outcome, outcome(&late)),
            (false, Claimed::Granted(grant)) => assert!(grant.attempt == 2 && grant.fence > late.fence()),
            (held, answer) => panic!("held: {held}, and {answer:?}"),
        }
    });
}

#[test]
fn either_a_late_renewal_or_a_takeover_wins() {
    explore("late renewal, takeover", |store, clock| {
        let late = lease(&store, &claim("k", 1)).unwrap();
        clock.advance(LEASE);
        let holder = thread(&store, move |store| renew(store, &late));
        let rival = lease(&store, &claim("k", 2));
        assert!(holder.join().unwrap() != rival.is_some());
    });
}

#[test]
fn a_claim_is_never_told_to_wait_longer_than_a_lease() {
    explore("claim, later claim", |store, clock| {
        let clock = Arc::clone(clock);
        let rival = thread(&store, move |store| {
            clock.advance(LEASE / 2);
            told(store, &claim("k", 2))
        });
        for answer in [told(&store, &claim("k", 1)), rival.join().unwrap()] {
            if let Claimed::InFlight { retry_after } = answer {
                assert!(retry_after <= LEASE, "{retry_after:?}");
            }
        }
    });
}

#[test]
fn a_renewal_that_was_overtaken_does_not_shorten_the_lease() {
    explore("renewal, later renewal", |store, clock| {
        let held = lease(&store, &claim("k", 1)).unwrap();
        let later = thread(&store, {
            let (clock, held) = (Arc::clone(clock), held.clone());
            move |store| {
                clock.advance(LEASE / 2);
                renew(store, &held)
            }
        });
        assert!(renew(&store, &held) && later.join().unwrap());
        clock.advance(LEASE * 3 / 4);
        assert!(lease(&store, &claim("k", 2)).is_none(), "the later renewal ends a quarter of a lease later");
    });
}

#[test]
fn a_claim_concurrent_with_a_release_is_granted_a_larger_fence_or_waits() {
    explore("release, claim", |store, _| {
        let first = lease(&store, &claim("k", 1)).unwrap();
        let holder = thread(&store, {
            let first = first.clone();
            move |store| release(store, &first)
        });
        let rival = lease(&store, &claim("k", 2));
        assert!(holder.join().unwrap());
        let second = rival.or_else(|| lease(&store, &claim("k", 3))).unwrap();
        assert!(second.fence() > first.fence());
        assert!(!complete(&store, &first));
    });
}

#[test]
fn one_of_two_takeovers_is_granted() {
    explore("two takeovers", |store, clock| {
        let first = lease(&store, &claim("k", 1)).unwrap();
        clock.advance(LEASE);
        let rival = thread(&store, |store| lease(store, &claim("k", 2)));
        let (mine, theirs) = (lease(&store, &claim("k", 3)), rival.join().unwrap());
        assert!(mine.is_some() != theirs.is_some());
        assert!(mine.or(theirs).unwrap().fence() > first.fence());
    });
}

#[test]
fn one_of_two_adoptions_is_granted() {
    explore("two adoptions", |store, _| {
        let suspended = lease(&store, &claim("k", 1)).unwrap();
        let rival = thread(&store, {
            let suspended = suspended.clone();
            move |store| adopt(store, &suspended, 2)
        });
        let (mine, theirs) = (adopt(&store, &suspended, 3), rival.join().unwrap());
        assert!(mine.is_some() != theirs.is_some());
        assert!(mine.or(theirs).unwrap().fence() > suspended.fence());
    });
}

#[test]
fn either_a_completion_or_an_adoption_wins() {
    explore("completion, adoption", |store, _| {
        let suspended = lease(&store, &claim("k", 1)).unwrap();
        let holder = thread(&store, {
            let suspended = suspended.clone();
            move |store| complete(store, &suspended)
        });
        let adopted = adopt(&store, &suspended, 2);
        assert!(holder.join().unwrap() != adopted.is_some());
    });
}

#[test]
fn a_waiter_is_woken_by_a_completion() {
    explore("completion, waiter", |store, _| {
        let first = lease(&store, &claim("k", 1)).unwrap();
        let waiter = thread(&store, |store| {
            block_on(store.wait_for_change(key("k").digest(), DAY)).unwrap();
            told(store, &claim("k", 2))
        });
        assert!(complete(&store, &first));
        assert!(
            matches!(waiter.join().unwrap(), Claimed::Completed(completed) if completed.outcome == outcome(&first))
        );
    });
}

#[test]
fn a_waiter_is_woken_by_a_release() {
    explore("release, waiter", |store, _| {
        let first = lease(&store, &claim("k", 1)).unwrap();
        let waiter = thread(&store, |store| {
            block_on(store.wait_for_change(key("k").digest(), DAY)).unwrap();
            lease(store, &claim("k", 2))
        });
        assert!(release(&store, &first));
        assert!(waiter.join().unwrap().is_some());
    });
}

#[test]
fn a_waiter_is_woken_by_a_deletion() {
    explore("deletion, waiter", |store, _| {
        let _first = lease(&store, &claim("k", 1)).unwrap();
        let waiter = thread(&store, |store| block_on(store.wait_for_change(key("k").digest(), DAY)).unwrap());
        assert!(ready(store.forget(key("k").digest())).unwrap());
        waiter.join().unwrap();
        assert_eq!(store.records(), 0);
    });
}

#[test]
fn one_of_three_claims_is_granted() {
    explore("three claims", |store, _| {
        let rivals = [1, 2].map(|owner| thread(&store, move |store| lease(store, &claim("k", owner))));
        let mine = lease(&store, &claim("k", 3));
        let leases = rivals.map(|rival| rival.join().unwrap());
        assert_eq!(leases.iter().chain([&mine]).flatten().count(), 1);
    });
}

#[test]
fn two_waiters_are_woken_by_one_release() {
    // Without the limit there are 401,628 schedules, which take minutes.
    explore_within("release, two waiters", Some(3), |store, _| {
        let first = lease(&store, &claim("k", 1)).unwrap();
        let waiters = [2, 3].map(|owner| {
            thread(&store, move |store| {
                block_on(store.wait_for_change(key("k").digest(), DAY)).unwrap();
                // The other waiter may have been granted the key before this one began to wait, so it must complete.
                lease(store, &claim("k", owner)).map(|lease| complete(store, &lease))
            })
        });
        assert!(release(&store, &first));
        let completed = waiters.map(|waiter| waiter.join().unwrap());
        assert_eq!(completed.iter().flatten().collect::<Vec<_>>(), [&true]);
    });
}

#[test]
fn the_last_place_is_given_once() {
    explore("two claims, one place", |store, _| {
        let store = store.with_capacity(1);
        let attempt = |name: &'static str| move |store: &MemoryStore| ready(store.claim(&claim(name, 1)));
        let rival = thread(&store, attempt("a"));
        let answers = [attempt("b")(&store), rival.join().unwrap()];
        let full = answers.iter().filter_map(|answer| answer.as_ref().err()).map(|error| error.kind());
        assert_eq!(full.collect::<Vec<_>>(), [StoreErrorKind::Full]);
        assert_eq!(store.records(), 1);
    });
}

#[test]
fn nothing_older_starts_after_a_newer_version_has_completed() {
    explore("older claim, newer completion", |store, _| {
        let newer = lease(&store, &claim_of("newer", 1, 2)).unwrap();
        let completing = thread(&store, move |store| {
            assert!(complete(store, &newer));
            ready(store.load(key("older").digest())).unwrap().is_some()
        });
        let answer = told(&store, &claim_of("older", 2, 1));
        let (newest, had_started) = (Version::new(2), completing.join().unwrap());
        match answer {
            Claimed::Granted(_) => {
                assert!(had_started, "the older claim was granted after the newer version had completed");
            }
            answer => assert_eq!(answer, Claimed::Stale { newest }),
        }
        assert_eq!(told(&store, &claim_of("oldest", 3, 0)), Claimed::Stale { newest });
    });
}

#[test]
fn the_mark_is_the_newest_of_two_completions() {
    explore("two completions of one resource", |store, _| {
        let older = lease(&store, &claim_of("older", 1, 1)).unwrap();
        let newer = lease(&store, &claim_of("newer", 2, 2)).unwrap();
        let completing = thread(&store, move |store| complete(store, &older));
        assert!(complete(&store, &newer) && completing.join().unwrap());
        let newest = Version::new(2);
        assert_eq!(told(&store, &claim_of("oldest", 3, 1)), Claimed::Stale { newest });
    });
}
