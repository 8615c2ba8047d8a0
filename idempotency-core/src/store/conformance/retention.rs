//! Rules for retention: how long a record answers for its key, independent of the lease.

use bytes::Bytes;

use super::Harness;
use super::SLACK;
use super::case::{Case, LEASE, RETENTION, owner};
use crate::{Claim, Claimed, Hold, OnExpired, StateView};

/// A completed record answers for its retention, counted from its completion. Then the key is free.
pub async fn a_completed_record_is_kept_for_its_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_record_is_kept_for_its_retention").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.advance(LEASE / 2).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    case.advance(RETENTION - SLACK).await;
    case.two.replayed(&case.claim("k"), b"done").await;
    case.advance(2 * SLACK).await;
    assert!(case.one.load(grant.lease.key()).await.is_none(), "the record outlived its retention");
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 1, "the key is free");
}

/// A completion's retention replaces the claim's, whether it is longer or shorter.
pub async fn a_completion_sets_its_own_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completion_sets_its_own_retention").await;
    let brief = Claim { retention: 2 * LEASE, ..case.claim("longer") };
    let longer = case.one.grant(&brief).await;
    let shorter = case.one.grant(&case.claim("shorter")).await;
    let outcome = Bytes::from_static(b"done");
    assert_eq!(case.one.complete_for(&longer.lease, outcome.clone(), RETENTION).await, Hold::Held);
    assert_eq!(case.one.complete_for(&shorter.lease, outcome, 2 * LEASE).await, Hold::Held);
    case.advance(2 * LEASE + SLACK).await;
    case.two.replayed(&case.claim("longer"), b"done").await;
    assert_eq!(case.two.grant(&case.claim("shorter")).await.attempt, 1, "the key is free");
}

/// An abandoned record outlives its lease by its retention, so that a takeover knows the attempts. Then the key is
/// free.
pub async fn an_abandoned_record_is_kept_for_its_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_record_is_kept_for_its_retention").await;
    case.one.grant(&case.claim("taken over")).await;
    let forgotten = case.one.grant(&case.claim("forgotten")).await;
    case.advance(LEASE + RETENTION - SLACK).await;
    assert_eq!(case.two.grant(&case.claim("taken over")).await.attempt, 2, "the first attempt is known");
    case.advance(2 * SLACK).await;
    assert!(case.one.load(forgotten.lease.key()).await.is_none(), "the record outlived its retention");
    assert_eq!(case.two.grant(&case.claim("forgotten")).await.attempt, 1, "the key is free");
    case.one.refused(&case.claim("taken over")).await;
}

/// A released record keeps its attempts for its retention.
pub async fn a_released_record_is_kept_for_its_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_released_record_is_kept_for_its_retention").await;
    for (name, pause, attempt) in [("kept", RETENTION - SLACK, 2), ("gone", RETENTION + SLACK, 1)] {
        let grant = case.one.grant(&case.claim(name)).await;
        assert_eq!(case.one.release(&grant.lease).await, Hold::Held, "the holder releases");
        case.advance(pause).await;
        assert_eq!(case.two.grant(&case.claim(name)).await.attempt, attempt, "{name}");
    }
}

/// A record never expires while its lease is held, even if renewals last longer than the retention.
pub async fn a_held_record_outlives_its_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_held_record_outlives_its_retention").await;
    let claim = Claim { retention: LEASE, ..case.claim("k") };
    let grant = case.one.grant(&claim).await;
    assert_eq!(case.one.renew(&grant.lease, 10 * LEASE).await, Hold::Held, "the holder renews");
    case.advance(5 * LEASE).await;
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    case.two.replayed(&case.claim("k"), b"done").await;
}

/// A key in doubt does not become free within its retention, even if the retention is shorter than the lease. Its fence
/// never falls.
pub async fn a_short_retention_frees_no_key_in_doubt(harness: &dyn Harness) {
    let case = Case::new(harness, "a_short_retention_frees_no_key_in_doubt").await;
    let brief = || Claim { retention: LEASE / 2, ..case.claim("k") };
    let cautious = || Claim { on_expired: OnExpired::InDoubt, ..brief() };
    let first = case.one.grant(&cautious()).await;
    case.let_leases_expire().await;
    assert_eq!(
        case.two.claim(&cautious()).await,
        Claimed::InDoubt,
        "the key is free although its retention has not passed"
    );
    let second = case.two.grant(&brief()).await;
    assert_eq!(second.attempt, 2, "the first attempt is known");
    assert!(second.fence() > first.fence(), "every grant has a larger fence");
    case.let_leases_expire().await;
    assert_eq!(
        case.one.claim(&cautious()).await,
        Claimed::InDoubt,
        "a takeover must be kept for its retention"
    );
    case.advance(LEASE / 2).await;
    assert!(case.one.load(second.lease.key()).await.is_none(), "the record outlived its retention");
    let third = case.one.grant(&cautious()).await;
    assert_eq!(third.attempt, 1, "the key is free");
    assert!(third.fence() > second.fence(), "a fence must never fall");
}

/// Renewing a lease keeps its record longer, because the retention counts from the end of the lease.
pub async fn a_retention_counts_from_the_end_of_the_lease(harness: &dyn Harness) {
    let case = Case::new(harness, "a_retention_counts_from_the_end_of_the_lease").await;
    let claim = |name: &str| Claim { retention: LEASE / 2, ..case.claim(name) };
    let renewed = case.one.grant(&claim("renewed")).await;
    let adopted = case.one.grant(&claim("adopted")).await;
    case.advance(LEASE / 2).await;
    assert_eq!(case.two.renew(&renewed.lease, 10 * LEASE).await, Hold::Held, "the holder renews");
    let adopted = case.two.adopted(&adopted.lease, owner()).await;
    for (lease, kept) in [(&renewed.lease, 10 * LEASE + LEASE / 2), (&adopted.lease, LEASE + LEASE / 2)] {
        let expires_in = case.one.view(lease.key()).await.expires_in;
        assert!(
            expires_in <= kept && expires_in > kept - SLACK,
            "expires in {expires_in:?} instead of {kept:?}"
        );
    }
    case.let_leases_expire().await;
    assert_eq!(
        case.two.view(adopted.lease.key()).await.state,
        StateView::Abandoned,
        "the record must be kept"
    );
    case.advance(9 * LEASE).await;
    assert_eq!(
        case.two.view(renewed.lease.key()).await.state,
        StateView::Abandoned,
        "the record must be kept"
    );
    assert!(case.two.load(adopted.lease.key()).await.is_none(), "the record outlived its retention");
    case.advance(LEASE / 2).await;
    assert!(case.two.load(renewed.lease.key()).await.is_none(), "the record outlived its retention");
}

/// Each grant keeps the record for the retention of its own claim.
pub async fn a_takeover_is_kept_for_its_own_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_takeover_is_kept_for_its_own_retention").await;
    case.one.grant(&case.claim("k")).await;
    case.advance(RETENTION - SLACK).await;
    case.one.grant(&case.claim("k")).await;
    case.advance(RETENTION - SLACK).await;
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 3, "the record was kept");
}
