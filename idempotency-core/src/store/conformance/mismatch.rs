//! Rules for fingerprints: another request under the same key is answered `Mismatch`, and learns nothing else.

use super::Harness;
use super::case::{Case, Grant, identity};
use crate::{Claim, Claimed, Fingerprint, Hold};

/// Another fingerprint is a mismatch while the key is in flight, even for the owner that holds it.
pub async fn a_mismatch_comes_before_in_flight(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mismatch_comes_before_in_flight").await;
    let claim = with_fingerprint(&case, "a");
    case.one.grant(&claim).await;
    mismatches(&case).await;
    let same_owner = Claim { owner: claim.owner, ..with_fingerprint(&case, "b") };
    assert_eq!(case.one.claim(&same_owner).await, Claimed::Mismatch, "the owner must not matter");
}

/// Another fingerprint is a mismatch after the lease ran out, and does not take over.
pub async fn a_mismatch_comes_before_a_takeover(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mismatch_comes_before_a_takeover").await;
    case.one.grant(&with_fingerprint(&case, "a")).await;
    case.let_leases_expire().await;
    mismatches(&case).await;
    assert_eq!(case.two.grant(&with_fingerprint(&case, "a")).await.attempt, 2, "a mismatch is no attempt");
}

/// Another fingerprint is a mismatch on a released key, and is not granted.
pub async fn a_mismatch_comes_before_a_grant_after_release(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mismatch_comes_before_a_grant_after_release").await;
    let grant = case.one.grant(&with_fingerprint(&case, "a")).await;
    assert_eq!(case.one.release(&grant.lease).await, Hold::Held, "the holder releases");
    mismatches(&case).await;
    assert_eq!(case.two.grant(&with_fingerprint(&case, "a")).await.attempt, 2, "a mismatch is no attempt");
}

/// Another fingerprint is a mismatch on a completed key, and does not get the outcome.
pub async fn a_mismatch_comes_before_an_outcome(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mismatch_comes_before_an_outcome").await;
    let grant = case.one.grant(&with_fingerprint(&case, "a")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    mismatches(&case).await;
    case.two.replayed(&with_fingerprint(&case, "a"), b"done").await;
}

/// Another fingerprint is a mismatch even if the delivery is also stale.
pub async fn a_mismatch_comes_before_stale(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mismatch_comes_before_stale").await;
    let old = Claim { fingerprint: Some(Fingerprint::of(b"a")), ..case.ordered("k", "r", 1) };
    let grant = case.one.grant(&old).await;
    assert_eq!(case.one.release(&grant.lease).await, Hold::Held, "the holder releases");
    let newer = case.one.grant(&case.ordered("newer", "r", 2)).await;
    assert_eq!(case.one.complete(&newer.lease, "newer").await, Hold::Held, "the newer version completes");
    let other = Claim { fingerprint: Some(Fingerprint::of(b"b")), ..case.ordered("k", "r", 1) };
    assert_eq!(case.two.claim(&other).await, Claimed::Mismatch);
}

/// There is no mismatch if the record or the claim has no fingerprint.
pub async fn an_absent_fingerprint_matches(harness: &dyn Harness) {
    let case = Case::new(harness, "an_absent_fingerprint_matches").await;
    let without = case.one.grant(&case.claim("without")).await;
    let claim = Claim { key: case.key("without"), ..with_fingerprint(&case, "a") };
    case.two.refused(&claim).await;
    assert_eq!(case.one.complete(&without.lease, "done").await, Hold::Held, "the holder completes");
    case.two.replayed(&claim, b"done").await;

    let with = case.one.grant(&with_fingerprint(&case, "a")).await;
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.complete(&with.lease, "done").await, Hold::Held, "the holder completes");
    case.two.replayed(&case.claim("k"), b"done").await;
}

/// A grant to a claim without a fingerprint keeps the recorded one.
pub async fn a_fingerprint_outlives_a_grant_without_one(harness: &dyn Harness) {
    let case = Case::new(harness, "a_fingerprint_outlives_a_grant_without_one").await;
    let first = case.one.grant(&with_fingerprint(&case, "a")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second: Grant = case.one.grant(&case.claim("k")).await;
    mismatches(&case).await;
    assert_eq!(case.one.complete(&second.lease, "done").await, Hold::Held, "the holder completes");
    mismatches(&case).await;
}

fn with_fingerprint(case: &Case<'_>, of: &str) -> Claim {
    Claim { fingerprint: Some(Fingerprint::of(of.as_bytes())), ..case.claim("k") }
}

/// Claims `k` with another fingerprint than `a`. Panics unless the answer is a mismatch and the record is unchanged.
async fn mismatches(case: &Case<'_>) {
    let key = case.key("k");
    let before = identity(&case.one.view(&key).await);
    for handle in [&case.one, &case.two] {
        let answer = handle.claim(&with_fingerprint(case, "b")).await;
        assert_eq!(answer, Claimed::Mismatch, "another fingerprint must be a mismatch");
    }
    assert_eq!(identity(&case.one.view(&key).await), before, "a mismatch changed the record");
}
