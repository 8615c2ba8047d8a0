//! Rules of retention: how long a record answers for its key. Lease and retention are two durations.

use bytes::Bytes;

use super::Harness;
use super::SLACK;
use super::case::{Case, LEASE, RETENTION};
use crate::{Claim, Hold};

/// A completed record answers for its retention, counted from its completion; then the key is free.
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

/// A completion's retention replaces the claim's, be it longer or shorter.
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

/// An abandoned record outlives its lease, so that the takeover knows the attempts; after its retention the key is free.
pub async fn an_abandoned_record_is_kept_for_its_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_record_is_kept_for_its_retention").await;
    case.one.grant(&case.claim("taken over")).await;
    let forgotten = case.one.grant(&case.claim("forgotten")).await;
    case.advance(RETENTION - SLACK).await;
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

/// A record is never gone while its lease is held, however often and long the lease is renewed.
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

/// Every grant keeps the record for its own claim's retention from then on.
pub async fn a_takeover_is_kept_for_its_own_retention(harness: &dyn Harness) {
    let case = Case::new(harness, "a_takeover_is_kept_for_its_own_retention").await;
    case.one.grant(&case.claim("k")).await;
    case.advance(RETENTION - SLACK).await;
    case.one.grant(&case.claim("k")).await;
    case.advance(RETENTION - SLACK).await;
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 3, "the record was kept");
}
