//! Rules for takeover: a dead holder blocks its key only for its lease, and changes nothing afterwards.

use super::Harness;
use super::case::{Case, Grant, LEASE, RETENTION, identity};
use crate::{Claim, Claimed, Fence, Hold, OnExpired, StateView};

/// A lease that has run out is taken over, with a larger fence, as the next attempt.
pub async fn an_expired_lease_is_taken_over(harness: &dyn Harness) {
    let case = Case::new(harness, "an_expired_lease_is_taken_over").await;
    let first = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let second = case.two.grant(&case.claim("k")).await;
    assert!(second.fence() > first.fence(), "a takeover has a larger fence");
    assert_eq!(second.attempt, 2, "a takeover is the next attempt");
    case.one.refused(&case.claim("k")).await;
}

/// A dead holder blocks a key until the end of its lease and no longer, independent of the retention (I6).
pub async fn a_dead_holder_blocks_a_key_for_its_lease_only(harness: &dyn Harness) {
    let case = Case::new(harness, "a_dead_holder_blocks_a_key_for_its_lease_only").await;
    case.one.grant(&case.claim("k")).await;
    case.advance(LEASE - super::SLACK).await;
    case.two.refused(&case.claim("k")).await;
    case.advance(2 * super::SLACK).await;
    case.two.grant(&case.claim("k")).await;
}

/// A lease that has run out is in doubt if the claim says so, and the record stays as it is.
pub async fn an_expired_lease_is_in_doubt_where_the_claim_says_so(harness: &dyn Harness) {
    let case = Case::new(harness, "an_expired_lease_is_in_doubt_where_the_claim_says_so").await;
    let cautious = || Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") };
    let first = case.one.grant(&cautious()).await;
    case.two.refused(&cautious()).await;
    case.let_leases_expire().await;
    for _ in 0..2 {
        assert_eq!(case.two.claim(&cautious()).await, Claimed::InDoubt, "an abandoned key is in doubt");
    }
    let view = case.two.view(first.lease.key()).await;
    assert_eq!((view.state, view.attempts), (StateView::Abandoned, 1), "a claim in doubt changed the record");
    assert_eq!(case.one.complete(&first.lease, "late").await, Hold::Held, "its holder may still complete");
    case.two.replayed(&cautious(), b"late").await;
}

/// The owner that holds the key is answered its own grant even after the lease ran out, if no other claim has taken
/// over.
pub async fn an_owner_whose_lease_ran_out_still_has_its_grant(harness: &dyn Harness) {
    let case = Case::new(harness, "an_owner_whose_lease_ran_out_still_has_its_grant").await;
    for on_expired in [OnExpired::Rerun, OnExpired::InDoubt] {
        let claim = Claim { on_expired, ..case.claim(&format!("{on_expired:?}")) };
        let first = case.one.grant(&claim).await;
        case.let_leases_expire().await;
        let again = case.two.grant(&claim).await;
        assert_eq!((again.fence(), again.attempt), (first.fence(), 1), "a repeat is no new grant");
    }
}

/// A superseded holder's renewal is lost, and changes nothing (I4).
pub async fn a_superseded_holder_cannot_renew(harness: &dyn Harness) {
    let case = Case::new(harness, "a_superseded_holder_cannot_renew").await;
    let (first, second) = superseded(&case).await;
    assert_eq!(case.one.renew(&first.lease, 100 * LEASE).await, Hold::Lost, "a superseded renewal is lost");
    case.let_leases_expire().await;
    let third = case.one.grant(&case.claim("k")).await;
    assert!(third.fence() > second.fence(), "the superseded renewal prolonged the new holder's lease");
}

/// A superseded holder's completion is lost, and changes nothing (I4).
pub async fn a_superseded_holder_cannot_complete(harness: &dyn Harness) {
    let case = Case::new(harness, "a_superseded_holder_cannot_complete").await;
    let (first, second) = superseded(&case).await;
    let before = identity(&case.one.view(first.lease.key()).await);
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "a superseded completion is lost");
    assert_eq!(
        identity(&case.one.view(first.lease.key()).await),
        before,
        "a lost completion changed the record"
    );
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "the new holder completes");
    assert_eq!(
        case.one.complete(&first.lease, "first").await,
        Hold::Lost,
        "it is still lost after the new holder's completion"
    );
    case.one.replayed(&case.claim("k"), b"second").await;
}

/// A superseded holder's release is lost, and changes nothing (I4).
pub async fn a_superseded_holder_cannot_release(harness: &dyn Harness) {
    let case = Case::new(harness, "a_superseded_holder_cannot_release").await;
    let (first, second) = superseded(&case).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Lost, "a superseded release is lost");
    case.one.refused(&case.claim("k")).await;
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "the new holder completes");
    assert_eq!(
        case.one.release(&first.lease).await,
        Hold::Lost,
        "it is still lost after the new holder's completion"
    );
    case.one.replayed(&case.claim("k"), b"second").await;
}

/// A superseded owner that claims again is answered like any other.
pub async fn a_superseded_owner_is_not_granted_again(harness: &dyn Harness) {
    let case = Case::new(harness, "a_superseded_owner_is_not_granted_again").await;
    let claim = case.claim("k");
    case.one.grant(&claim).await;
    case.let_leases_expire().await;
    let second = case.two.grant(&case.claim("k")).await;
    case.one.refused(&claim).await;
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "the new holder completes");
}

/// A renewal sets the end of the lease to its duration from now, whether that is later or sooner than before.
pub async fn a_renewal_counts_from_now(harness: &dyn Harness) {
    let case = Case::new(harness, "a_renewal_counts_from_now").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.advance(LEASE / 2).await;
    assert_eq!(case.two.renew(&grant.lease, LEASE).await, Hold::Held, "the holder renews");
    case.advance(LEASE / 2 + super::SLACK).await;
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.renew(&grant.lease, super::SLACK / 2).await, Hold::Held, "the holder renews again");
    case.advance(super::SLACK).await;
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(second.attempt, 2, "a renewal is no attempt");
}

/// A renewal after the lease ran out holds if no other claim has taken over, and excludes other claims from then on.
pub async fn a_late_renewal_holds_unless_taken_over(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_renewal_holds_unless_taken_over").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    assert_eq!(case.one.renew(&grant.lease, LEASE).await, Hold::Held, "no claim took over");
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
}

/// A renewal with another owner or fence, or of a key without a record, is lost.
pub async fn a_renewal_by_a_stranger_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "a_renewal_by_a_stranger_is_lost").await;
    let grant = case.one.grant(&case.claim("k")).await;
    for lease in super::release::strangers(&case, &grant.lease) {
        assert_eq!(case.two.renew(&lease, RETENTION / 2).await, Hold::Lost, "{lease:?} was never granted");
    }
    case.let_leases_expire().await;
    case.two.grant(&case.claim("k")).await;
    let free = case.claim("free").granted(Fence::new(1));
    assert_eq!(case.two.renew(&free, LEASE).await, Hold::Lost, "a free key has no holder");
    assert!(case.two.load(free.key()).await.is_none(), "a lost renewal created a record");
}

/// Fences grow with every grant of a key, both after a release and by takeover (I1). Each grant is the next attempt.
pub async fn fences_grow_with_every_grant(harness: &dyn Harness) {
    let case = Case::new(harness, "fences_grow_with_every_grant").await;
    let mut newest = Fence::NONE;
    for attempt in 1..=100 {
        let grant = case.one.grant(&case.claim("k")).await;
        assert!(grant.fence() > newest, "grant {attempt} has {:?} after {newest:?}", grant.fence());
        assert_eq!(grant.attempt, attempt, "every grant is an attempt");
        newest = grant.fence();
        if attempt % 4 == 0 {
            case.let_leases_expire().await;
        } else {
            assert_eq!(case.two.release(&grant.lease).await, Hold::Held, "the holder releases");
        }
    }
}

/// The grants of a first holder, and of the claim that took over.
async fn superseded(case: &Case<'_>) -> (Grant, Grant) {
    let first = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let second = case.two.grant(&case.claim("k")).await;
    (first, second)
}
