//! Rules for completion: one outcome per key, answered bit for bit while the record is kept.

use bytes::Bytes;

use super::Harness;
use super::case::{Case, LEASE, RETENTION};
use crate::{Claim, Fence, Hold, OnExpired};

/// Once a completion held, every later claim answers its outcome: on any handle, by any owner, at any time (I3).
pub async fn a_completed_key_answers_its_outcome(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_answers_its_outcome").await;
    let claim = case.claim("k");
    let grant = case.one.grant(&claim).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    for _ in 0..2 {
        for handle in [&case.one, &case.two] {
            handle.replayed(&case.claim("k"), b"done").await;
            handle.replayed(&claim, b"done").await;
            let cautious = Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") };
            handle.replayed(&cautious, b"done").await;
        }
        case.let_leases_expire().await;
    }
}

/// An empty outcome is answered like any other.
pub async fn an_empty_outcome_is_an_outcome(harness: &dyn Harness) {
    let case = Case::new(harness, "an_empty_outcome_is_an_outcome").await;
    outcome_survives(&case, Bytes::new()).await;
}

/// An outcome with every byte value, including those that no text has, comes back bit for bit.
pub async fn a_binary_outcome_comes_back_bit_for_bit(harness: &dyn Harness) {
    let case = Case::new(harness, "a_binary_outcome_comes_back_bit_for_bit").await;
    outcome_survives(&case, (0..=255).chain((0..=255).rev()).collect()).await;
}

/// An outcome of 1 MiB comes back bit for bit.
pub async fn a_large_outcome_comes_back_bit_for_bit(harness: &dyn Harness) {
    let case = Case::new(harness, "a_large_outcome_comes_back_bit_for_bit").await;
    let bytes = (0..1_048_576_u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[0]);
    outcome_survives(&case, bytes.collect()).await;
}

/// A completion after the lease ran out holds if no other claim has taken over.
pub async fn a_late_completion_holds_unless_taken_over(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_completion_holds_unless_taken_over").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    assert_eq!(case.one.complete(&grant.lease, "late").await, Hold::Held, "no claim took over");
    case.two.replayed(&case.claim("k"), b"late").await;
}

/// A completion after several renewals holds, because a renewal keeps owner and fence.
pub async fn a_renewed_holder_can_complete(harness: &dyn Harness) {
    let case = Case::new(harness, "a_renewed_holder_can_complete").await;
    let grant = case.one.grant(&case.claim("k")).await;
    for _ in 0..3 {
        case.advance(LEASE / 2).await;
        assert_eq!(case.two.renew(&grant.lease, LEASE).await, Hold::Held, "the holder renews");
    }
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    case.two.replayed(&case.claim("k"), b"done").await;
}

/// A repeated completion holds, and changes neither the outcome nor its retention (I2).
pub async fn a_repeated_completion_changes_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_completion_changes_nothing").await;
    let grant = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    for retention in [LEASE, 10 * RETENTION] {
        let repeat = case.two.complete_for(&grant.lease, Bytes::from_static(b"other"), retention).await;
        assert_eq!(repeat, Hold::Held, "a repeat holds");
        let expires_in = case.one.view(grant.lease.key()).await.expires_in;
        assert!(
            expires_in <= RETENTION && expires_in > RETENTION - super::SLACK,
            "a repeat changed how long the outcome is kept, to {expires_in:?}"
        );
    }
    case.one.replayed(&case.claim("k"), b"done").await;
}

/// A completion with another owner or another fence is lost, both before and after the holder's (I2, I4).
pub async fn a_completion_by_a_stranger_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completion_by_a_stranger_is_lost").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let strangers = super::release::strangers(&case, &grant.lease);
    for lease in &strangers {
        assert_eq!(case.two.complete(lease, "stranger").await, Hold::Lost, "{lease:?} was never granted");
    }
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    for lease in &strangers {
        assert_eq!(case.two.complete(lease, "stranger").await, Hold::Lost, "{lease:?} was never granted");
    }
    case.one.replayed(&case.claim("k"), b"done").await;
}

/// A completion of a key without a record is lost, and creates no record.
pub async fn a_completion_of_a_free_key_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completion_of_a_free_key_is_lost").await;
    let lease = case.claim("k").granted(Fence::new(1));
    assert_eq!(case.one.complete(&lease, "done").await, Hold::Lost, "a free key has no holder");
    assert!(case.one.load(lease.key()).await.is_none(), "a lost completion created a record");
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 1, "the key is free");
}

/// A completed record is never in flight again: its holder can neither renew nor release it.
pub async fn a_completed_key_can_be_neither_renewed_nor_released(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_can_be_neither_renewed_nor_released").await;
    let grant = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    assert_eq!(case.two.renew(&grant.lease, LEASE).await, Hold::Lost, "there is no lease to renew");
    assert_eq!(case.two.release(&grant.lease).await, Hold::Lost, "there is no lease to release");
    case.one.replayed(&case.claim("k"), b"done").await;
}

async fn outcome_survives(case: &Case<'_>, outcome: Bytes) {
    let grant = case.one.grant(&case.claim("k")).await;
    let answer = case.one.complete_for(&grant.lease, outcome.clone(), RETENTION).await;
    assert_eq!(answer, Hold::Held, "the holder completes");
    case.one.replayed(&case.claim("k"), &outcome).await;
    case.two.replayed(&case.claim("k"), &outcome).await;
}
