//! Rules under concurrency: at most one of any number of claims is granted (I1).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::task::JoinSet;

use super::Harness;
use super::case::{Case, Handle};
use crate::{Claim, Claimed, Hold};

const RIVALS: usize = 64;
const ROUNDS: usize = 50;

/// Exactly one of 64 concurrent claims of a free key over both handles is granted, for each of 50 keys.
pub async fn of_many_concurrent_claims_one_is_granted(harness: &dyn Harness) {
    let case = Case::new(harness, "of_many_concurrent_claims_one_is_granted").await;
    for round in 0..ROUNDS {
        let name = format!("{round}");
        let granted = race(&case, &name, RIVALS).await;
        assert_eq!(granted, [1], "exactly one of {RIVALS} claims is granted, as attempt 1");
    }
}

/// Exactly one of 64 concurrent claims of an abandoned key takes over, for each of 50 keys.
pub async fn of_many_concurrent_takeovers_one_is_granted(harness: &dyn Harness) {
    let case = Case::new(harness, "of_many_concurrent_takeovers_one_is_granted").await;
    for round in 0..ROUNDS {
        case.one.grant(&case.claim(&format!("{round}"))).await;
    }
    case.let_leases_expire().await;
    for round in 0..ROUNDS {
        let granted = race(&case, &format!("{round}"), RIVALS).await;
        assert_eq!(granted, [2], "exactly one of {RIVALS} claims takes over, as attempt 2");
    }
}

/// If claims race with a release, at most one of them is granted. With one more claim after the release, exactly one
/// is.
pub async fn a_release_racing_claims_lets_one_in(harness: &dyn Harness) {
    let case = Case::new(harness, "a_release_racing_claims_lets_one_in").await;
    for round in 0..ROUNDS {
        let name = format!("{round}");
        let first = case.one.grant(&case.claim(&name)).await;
        let handle = case.two.clone();
        let release = tokio::spawn(async move { handle.release(&first.lease).await });
        let mut granted = race(&case, &name, 8).await;
        assert_eq!(release.await.expect("a release does not panic"), Hold::Held, "the holder releases");
        granted.extend(race(&case, &name, 1).await);
        assert_eq!(granted, [2], "exactly one claim is granted after the release, as attempt 2");
    }
}

/// If a late completion races with takeovers, either it holds and its outcome is answered, or exactly one takeover is
/// granted.
pub async fn a_late_completion_racing_takeovers_has_one_winner(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_completion_racing_takeovers_has_one_winner").await;
    let mut leases = Vec::new();
    for round in 0..ROUNDS {
        leases.push(case.one.grant(&case.claim(&format!("{round}"))).await.lease);
    }
    case.let_leases_expire().await;
    for (round, lease) in leases.into_iter().enumerate() {
        let name = format!("{round}");
        let handle = case.one.clone();
        let completion = tokio::spawn(async move { handle.complete(&lease, "late").await });
        let granted = race(&case, &name, 8).await;
        match completion.await.expect("a completion does not panic") {
            Hold::Held => {
                assert!(granted.is_empty(), "the completion held, and a takeover was granted");
                case.two.replayed(&case.claim(&name), b"late").await;
            }
            Hold::Lost => assert_eq!(granted, [2], "the completion was lost to exactly one takeover"),
        }
    }
}

/// Claims of an older version that start after a newer one has completed are never granted, even in a race (I8).
pub async fn no_older_version_starts_after_a_newer_completed(harness: &dyn Harness) {
    let case = Case::new(harness, "no_older_version_starts_after_a_newer_completed").await;
    for round in 0..ROUNDS {
        let resource = format!("r{round}");
        let newer = case.one.grant(&case.ordered(&format!("{round} newer"), &resource, 2)).await;
        let completed = Arc::new(AtomicBool::new(false));
        let mut rivals = JoinSet::new();
        let mut start = |rival: usize| {
            let claim = case.ordered(&format!("{round} {rival}"), &resource, 1);
            let (handle, completed) = (handle(&case, rival).clone(), Arc::clone(&completed));
            rivals.spawn(async move {
                let was_completed = completed.load(Ordering::SeqCst);
                (was_completed, handle.claim(&claim).await)
            });
        };
        (0..8).for_each(&mut start);
        assert_eq!(case.one.complete(&newer.lease, "done").await, Hold::Held, "the holder completes");
        completed.store(true, Ordering::SeqCst);
        (8..16).for_each(&mut start);
        while let Some(answer) = rivals.join_next().await {
            match answer.expect("a claim does not panic") {
                (_, Claimed::Stale { .. }) | (false, Claimed::Granted(_)) => {}
                (was_completed, answer) => {
                    panic!(
                        "version 2 completed before: {was_completed}, but version 1 was answered {answer:?}"
                    )
                }
            }
        }
    }
}

/// Claims a key concurrently by several owners, and returns the attempts of the granted claims.
async fn race(case: &Case<'_>, name: &str, rivals: usize) -> Vec<u32> {
    let claims: Vec<Claim> = (0..rivals).map(|_| case.claim(name)).collect();
    let mut tasks = JoinSet::new();
    for (rival, claim) in claims.into_iter().enumerate() {
        let handle = handle(case, rival).clone();
        tasks.spawn(async move { handle.claim(&claim).await });
    }
    let mut granted = Vec::new();
    while let Some(answer) = tasks.join_next().await {
        match answer.expect("a claim does not panic") {
            Claimed::Granted(grant) => granted.push(grant.attempt),
            Claimed::InFlight { .. } | Claimed::Completed(_) => {}
            answer => panic!("a concurrent claim was answered {answer:?}"),
        }
    }
    granted
}

fn handle<'a>(case: &'a Case<'_>, rival: usize) -> &'a Handle {
    if rival.is_multiple_of(2) { &case.one } else { &case.two }
}
