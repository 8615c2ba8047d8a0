//! Removal: what an operation through this store removes at once, and what one elsewhere leaves until the maximum age.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use super::*;

#[tokio::test]
async fn a_forgotten_key_is_granted_at_once() {
    let case = Case::new();
    case.fill(&claim("k", 1)).await;
    assert!(case.store.forget(key("k").digest()).await.unwrap());
    case.grant(&claim("k", 2)).await;
}

#[tokio::test]
async fn an_answer_that_was_under_way_while_its_key_was_forgotten_is_not_cached() {
    let case = Case::new();
    let lease = case.grant(&claim("k", 1)).await;
    complete(&case.store, lease, "done").await;
    let (executed, release) = case.probe().hold_up("claim");
    let store = case.store.clone();
    let slow = tokio::spawn(async move { store.claim(&claim("k", 2)).await.unwrap() });
    executed.await.unwrap();
    assert!(case.store.forget(key("k").digest()).await.unwrap());
    release.send(()).unwrap();
    assert_eq!(outcome(&slow.await.unwrap()), b"done", "the claim came before");
    assert_eq!(case.store.cached_records(), 0);
    case.grant(&claim("k", 3)).await;
}

#[tokio::test]
async fn an_answer_that_came_while_its_key_was_being_forgotten_is_removed() {
    let case = Case::new();
    let lease = case.grant(&claim("k", 1)).await;
    complete(&case.store, lease, "done").await;
    let (executed, release_claim) = case.probe().hold_up("claim");
    let store = case.store.clone();
    let slow_claim = tokio::spawn(async move { store.claim(&claim("k", 2)).await.unwrap() });
    executed.await.unwrap();
    let (executed, release_forget) = case.probe().hold_up("forget");
    let store = case.store.clone();
    let slow_forget = tokio::spawn(async move { store.forget(key("k").digest()).await });
    executed.await.unwrap();
    release_claim.send(()).unwrap();
    slow_claim.await.unwrap();
    release_forget.send(()).unwrap();
    slow_forget.await.unwrap().unwrap();
    case.grant(&claim("k", 3)).await;
}

#[tokio::test]
async fn a_forget_that_is_dropped_removes_its_key() {
    let case = Case::new();
    case.fill(&claim("k", 1)).await;
    let (executed, _release) = case.probe().hold_up("forget");
    let store = case.store.clone();
    let forget = tokio::spawn(async move { store.forget(key("k").digest()).await });
    executed.await.unwrap();
    forget.abort();
    assert!(forget.await.unwrap_err().is_cancelled());
    case.grant(&claim("k", 2)).await;
}

#[tokio::test]
async fn a_resolution_and_each_operation_on_a_lease_remove_the_key() {
    let case = Case::new();
    for name in ["resolve", "renew", "complete", "release", "adopt"] {
        for together in [false, true] {
            let lease = case.grant(&claim(name, 1)).await;
            complete(&case.store, lease.clone(), "done").await;
            case.claim(&claim(name, 2)).await;
            assert_eq!(case.store.cached_records(), 1);
            let completion = Completion::new(lease.clone(), Outcome::new("again"), DAY);
            let (store, leases) = (&case.store, [lease]);
            match (name, together) {
                ("resolve", _) => {
                    assert!(!store.resolve(key(name).digest(), &Resolution::Released).await.unwrap());
                }
                ("renew", false) => assert_eq!(store.renew(&leases[0], LEASE).await.unwrap(), Hold::Lost),
                ("renew", true) => drop(store.renew_many(&leases, LEASE).await),
                ("complete", false) => assert_eq!(store.complete(&completion).await.unwrap(), Hold::Held),
                ("complete", true) => drop(store.complete_many(&[completion]).await),
                ("release", false) => {
                    assert_eq!(store.release(&leases[0], Release::Failed).await.unwrap(), Hold::Lost);
                }
                ("release", true) => drop(store.release_many(&leases, Release::Failed).await),
                _ => {
                    let owner = Owner::from_bytes([9; 16]);
                    assert_eq!(store.adopt(&leases[0], owner, LEASE).await.unwrap(), Adopted::Lost);
                }
            }
            assert_eq!(store.cached_records(), 0, "{name}, together: {together}");
            store.forget(key(name).digest()).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_forget_in_another_process_is_missed_until_the_maximum_age() {
    let (case, other) = {
        let case = Case::new();
        let other = case.other_process();
        (case, other)
    };
    let answer = case.fill(&claim("k", 1)).await;
    assert!(other.forget(key("k").digest()).await.unwrap());
    let lease = granted(&other, &claim("k", 2)).await;
    complete(&other, lease, "executed again").await;
    case.clock.advance(SECOND - MILLISECOND);
    assert_eq!(case.claim(&claim("k", 3)).await, answer);
    case.clock.advance(MILLISECOND);
    assert_eq!(outcome(&case.claim(&claim("k", 3)).await), b"executed again");
}

/// The completion of an adopted lease is never hidden by an answer from before.
#[tokio::test]
async fn an_operation_on_a_lease_shows_that_the_cached_answer_is_outdated() {
    let (case, other) = {
        let case = Case::new();
        let other = case.other_process();
        (case, other)
    };
    case.fill(&claim("k", 1)).await;
    assert!(other.forget(key("k").digest()).await.unwrap());
    let lease = granted(&other, &claim("k", 2)).await;
    let owner = Owner::from_bytes([3; 16]);
    let Adopted::Granted(grant) = case.store.adopt(&lease, owner, LEASE).await.unwrap() else { panic!() };
    assert!(matches!(case.claim(&claim("k", 4)).await, Claimed::InFlight { .. }));
    complete(&case.store, Lease::new(key("k"), None, owner, grant.fence), "again").await;
    assert_eq!(outcome(&case.claim(&claim("k", 4)).await), b"again");
}

#[tokio::test]
async fn an_inner_answer_that_contradicts_the_cached_one_removes_it() {
    let (case, other) = {
        let case = Case::new();
        let other = case.other_process();
        (case, other)
    };
    case.fill(&claim("k", 1)).await;
    assert!(other.forget(key("k").digest()).await.unwrap());
    case.grant(&with_fingerprint("k", 2, "a")).await;
    assert!(matches!(case.claim(&claim("k", 3)).await, Claimed::InFlight { .. }));
}

/// What the tasks of a race share.
#[derive(Default)]
struct Race {
    /// The next outcome.
    next: AtomicU64,
    /// Every outcome before this one has been forgotten.
    oldest_kept: AtomicU64,
    replays: AtomicU64,
    is_over: AtomicBool,
}

impl Race {
    /// Claims and completes a key in turns, and checks the outcome of each replay.
    async fn run(&self, store: &CachedStore<Probe>, claim: &Claim) {
        while !self.is_over.load(Ordering::SeqCst) {
            let oldest_kept = self.oldest_kept.load(Ordering::SeqCst);
            match store.claim(claim).await.unwrap() {
                Claimed::Granted(grant) => {
                    let number = self.next.fetch_add(1, Ordering::SeqCst);
                    let outcome = Outcome::new(Bytes::copy_from_slice(&number.to_be_bytes()));
                    let completion = Completion::new(claim.granted(grant.fence), outcome, DAY);
                    let _ = store.complete(&completion).await.unwrap();
                }
                Claimed::Completed(completed) => {
                    let number = completed.outcome.as_bytes().as_ref().try_into().unwrap();
                    let number = u64::from_be_bytes(number);
                    assert!(number >= oldest_kept, "outcome {number} was forgotten before the claim");
                    self.replays.fetch_add(1, Ordering::SeqCst);
                }
                _ => {}
            }
            // A cached answer awaits nothing, and the other tasks need a turn.
            tokio::task::yield_now().await;
        }
    }
}

/// A claim that starts after a forget has returned never gets an outcome from before it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_claim_after_a_forget_gets_an_outcome_from_before_it() {
    let (case, race) = (Case::new(), Arc::new(Race::default()));
    let tasks: Vec<_> = (1..=8)
        .map(|owner| {
            let (store, race) = (case.store.clone(), Arc::clone(&race));
            tokio::spawn(async move { race.run(&store, &claim("k", owner)).await })
        })
        .collect();
    for _ in 0..300 {
        let replays = race.replays.load(Ordering::SeqCst);
        while race.replays.load(Ordering::SeqCst) == replays && !tasks.iter().any(|task| task.is_finished()) {
            tokio::task::yield_now().await;
        }
        let next = race.next.load(Ordering::SeqCst);
        case.store.forget(key("k").digest()).await.unwrap();
        race.oldest_kept.store(next, Ordering::SeqCst);
    }
    race.is_over.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test]
async fn a_process_that_holds_a_key_never_answers_it_from_before() {
    let case = Case::new();
    let other = case.other_process();
    let lease = granted(&other, &claim("k", 1)).await;
    complete(&other, lease, "old").await;
    let (executed, release) = case.probe().hold_up("claim");
    let store = case.store.clone();
    let slow = tokio::spawn(async move { store.claim(&claim("k", 2)).await.unwrap() });
    executed.await.unwrap();
    assert!(other.forget(key("k").digest()).await.unwrap());
    let _held = case.grant(&claim("k", 3)).await;
    release.send(()).unwrap();
    slow.await.unwrap();
    let answer = case.claim(&claim("k", 4)).await;
    assert!(matches!(answer, Claimed::InFlight { .. }), "this process holds the key: {answer:?}");
}
