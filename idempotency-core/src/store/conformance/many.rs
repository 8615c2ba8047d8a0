//! Rules for several keys at once: each is answered as if it came alone, in the order of the arguments.

use std::collections::HashSet;

use super::Harness;
use super::case::{Case, Handle, LEASE, RETENTION};
use crate::{
    Claim, Claimed, Completion, Fingerprint, Hold, KeyDigest, Lease, OnExpired, Outcome, Release, StateView,
    StoreError, Version,
};

/// Each of several claims has the answer of a single claim, in its place, independent of the others.
pub async fn several_claims_are_answered_like_single_ones(harness: &dyn Harness) {
    let case = Case::new(harness, "several_claims_are_answered_like_single_ones").await;
    case.one.grant(&case.claim("abandoned")).await;
    case.one.grant(&case.claim("in doubt")).await;
    case.let_leases_expire().await;
    let held = case.claim("repeated");
    let repeated = case.one.grant(&held).await;
    case.one.grant(&case.claim("in flight")).await;
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    let newer = case.one.grant(&case.ordered("newer", "r", 2)).await;
    assert_eq!(case.one.complete(&newer.lease, "newer").await, Hold::Held, "the holder completes");
    let fingerprint = |of: &[u8]| Some(Fingerprint::of(of));
    case.one.grant(&Claim { fingerprint: fingerprint(b"a"), ..case.claim("mismatch") }).await;

    let claims = [
        case.claim("free"),
        case.claim("completed"),
        case.claim("in flight"),
        Claim { fingerprint: fingerprint(b"b"), ..case.claim("mismatch") },
        case.ordered("stale", "r", 1),
        Claim { on_expired: OnExpired::InDoubt, ..case.claim("in doubt") },
        case.claim("abandoned"),
        held,
    ];
    match all(case.two.store().claim_many(&claims).await).as_slice() {
        [
            Claimed::Granted(free),
            Claimed::Completed(done),
            Claimed::InFlight { retry_after },
            Claimed::Mismatch,
            Claimed::Stale { newest },
            Claimed::InDoubt,
            Claimed::Granted(taken),
            Claimed::Granted(again),
        ] => {
            assert_eq!((free.attempt, taken.attempt, again.attempt), (1, 2, 1));
            assert_eq!(again.fence, repeated.fence(), "a repeat is no new grant");
            assert_eq!(done.outcome, Outcome::new("done"), "the outcome belongs to another key");
            assert_eq!(*newest, Version::new(2));
            assert!(*retry_after <= LEASE, "{retry_after:?} is later than the lease's end");
            let lease = claims[0].granted(free.fence);
            assert_eq!(case.one.complete(&lease, "done").await, Hold::Held, "the holder completes");
        }
        answers => panic!("the answers differ from those of single claims, or in their order: {answers:?}"),
    }
    assert!(case.two.store().claim_many(&[]).await.is_empty(), "an empty call has no answers");
}

/// Each of several renewals has the answer of a single renewal, and renews a lease that is held.
pub async fn several_renewals_are_answered_like_single_ones(harness: &dyn Harness) {
    let case = Case::new(harness, "several_renewals_are_answered_like_single_ones").await;
    let leases = mixed(&case).await;
    case.advance(LEASE / 2).await;
    let holds = all(case.two.store().renew_many(&leases, LEASE).await);
    assert_eq!(holds, [Hold::Held, Hold::Lost, Hold::Held]);
    case.advance(LEASE / 2 + super::SLACK).await;
    for name in ["first", "third"] {
        case.one.refused(&case.claim(name)).await;
    }
    assert!(case.two.store().renew_many(&[], LEASE).await.is_empty(), "an empty call has no answers");
}

/// Each of several completions has the answer of a single completion. Each key has its own outcome, and each resource
/// its mark.
pub async fn several_completions_are_answered_like_single_ones(harness: &dyn Harness) {
    let case = Case::new(harness, "several_completions_are_answered_like_single_ones").await;
    let leases = mixed(&case).await;
    let ordered = case.one.grant(&case.ordered("ordered", "r", 7)).await.lease;
    let outcomes: [&[u8]; 4] = [b"1", b"2", b"", b"4"];
    let completions: Vec<Completion> = leases
        .iter()
        .chain([&ordered])
        .zip(outcomes)
        .map(|(lease, outcome)| Completion::new(lease.clone(), Outcome::new(outcome), RETENTION))
        .collect();
    for _ in 0..2 {
        let holds = all(case.two.store().complete_many(&completions).await);
        assert_eq!(
            holds,
            [Hold::Held, Hold::Lost, Hold::Held, Hold::Held],
            "a repeat must have the same answers"
        );
    }
    case.one.replayed(&case.claim("first"), b"1").await;
    case.one.replayed(&case.claim("third"), b"").await;
    case.one.replayed(&case.claim("ordered"), b"4").await;
    assert_eq!(
        case.one.view(&case.key("second")).await.state,
        StateView::Released,
        "the key was released before"
    );
    assert_eq!(case.one.newest(&case.resource("r")).await, Some(Version::new(7)));
    assert!(case.two.store().complete_many(&[]).await.is_empty(), "an empty call has no answers");
}

/// Each of several releases has the answer of a single release, and frees a key that is held.
pub async fn several_releases_are_answered_like_single_ones(harness: &dyn Harness) {
    let case = Case::new(harness, "several_releases_are_answered_like_single_ones").await;
    let mut leases = mixed(&case).await;
    leases.push(case.one.grant(&case.claim("completed")).await.lease);
    assert_eq!(case.one.complete(&leases[3], "done").await, Hold::Held, "the holder completes");
    for _ in 0..2 {
        let holds = all(case.two.store().release_many(&leases, Release::Unstarted).await);
        assert_eq!(
            holds,
            [Hold::Held, Hold::Held, Hold::Held, Hold::Lost],
            "a repeat must have the same answers"
        );
    }
    for (name, attempt) in [("first", 1), ("second", 2), ("third", 1)] {
        assert_eq!(case.one.grant(&case.claim(name)).await.attempt, attempt, "{name}");
    }
    assert!(
        case.two.store().release_many(&[], Release::Failed).await.is_empty(),
        "an empty call has no answers"
    );
}

/// If two callers claim the same keys at once, in opposite order, each key is granted to exactly one of them.
pub async fn of_two_claims_of_several_keys_each_key_has_one_winner(harness: &dyn Harness) {
    let case = Case::new(harness, "of_two_claims_of_several_keys_each_key_has_one_winner").await;
    for round in 0..20 {
        let claims = || (0..20).map(|key| case.claim(&format!("{round} {key}")));
        let (up, down): (Vec<_>, Vec<_>) = (claims().collect(), claims().rev().collect());
        let tasks =
            [tokio::spawn(granted(case.one.clone(), up)), tokio::spawn(granted(case.two.clone(), down))];
        let mut granted = Vec::new();
        for task in tasks {
            granted.extend(task.await.expect("a claim does not panic"));
        }
        assert_eq!(granted.len(), 20, "there must be one grant per key");
        assert_eq!(granted.iter().collect::<HashSet<_>>().len(), 20, "a key was granted twice");
    }
}

/// Claims several keys, and returns the digests of those that are granted.
async fn granted(handle: Handle, claims: Vec<Claim>) -> Vec<KeyDigest> {
    let answers = all(handle.store().claim_many(&claims).await);
    let mut granted = Vec::new();
    for (claim, answer) in claims.into_iter().zip(answers) {
        match answer {
            Claimed::Granted(_) => granted.push(claim.key.digest()),
            Claimed::InFlight { .. } => {}
            answer => panic!("a claim of a held key was answered {answer:?}"),
        }
    }
    granted
}

/// The leases of three keys, the second of which is released.
async fn mixed(case: &Case<'_>) -> Vec<Lease> {
    let mut leases = Vec::new();
    for name in ["first", "second", "third"] {
        leases.push(case.one.grant(&case.claim(name)).await.lease);
    }
    assert_eq!(case.one.release(&leases[1]).await, Hold::Held, "the holder releases");
    leases
}

fn all<T>(answers: Vec<Result<T, StoreError>>) -> Vec<T> {
    answers
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|error| panic!("one of several failed: {error:?}")))
        .collect()
}
