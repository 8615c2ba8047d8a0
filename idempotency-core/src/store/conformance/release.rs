//! Rules for release: the next claim is granted at once, and the record keeps its fence and attempts.

use super::Harness;
use super::case::{Case, LEASE, identity, owner};
use crate::{Claimed, Fence, Hold, Lease, StateView};

/// A released key is granted at once to the next claim, with a larger fence, as the next attempt.
pub async fn a_released_key_is_granted_at_once(harness: &dyn Harness) {
    let case = Case::new(harness, "a_released_key_is_granted_at_once").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second = case.two.grant(&case.claim("k")).await;
    assert!(second.fence() > first.fence(), "every grant has a larger fence");
    assert_eq!(second.attempt, 2, "attempts survive a release");
    case.one.refused(&case.claim("k")).await;
}

/// A repeated release holds and changes nothing. It is lost once the key has been granted again.
pub async fn a_repeated_release_changes_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_release_changes_nothing").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let before = identity(&case.one.view(first.lease.key()).await);
    assert_eq!(case.two.release(&first.lease).await, Hold::Held, "a repeat holds");
    assert_eq!(identity(&case.one.view(first.lease.key()).await), before, "a repeat changed the record");
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(second.attempt, 2, "a repeat is no attempt");
    assert_eq!(case.one.release(&first.lease).await, Hold::Lost, "the key was granted again");
    case.one.refused(&case.claim("k")).await;
    assert_eq!(case.two.complete(&second.lease, "done").await, Hold::Held, "the new holder completes");
}

/// A release after the lease ran out holds if no other claim has taken over.
pub async fn a_late_release_holds_unless_taken_over(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_release_holds_unless_taken_over").await;
    let first = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "no claim took over");
    let view = case.two.view(first.lease.key()).await;
    assert_eq!(view.state, StateView::Released, "a late release must release the key");
}

/// A released lease can be neither renewed nor completed.
pub async fn a_released_lease_can_be_neither_renewed_nor_completed(harness: &dyn Harness) {
    let case = Case::new(harness, "a_released_lease_can_be_neither_renewed_nor_completed").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    assert_eq!(case.two.renew(&first.lease, LEASE).await, Hold::Lost, "a released lease cannot be renewed");
    assert_eq!(
        case.two.complete(&first.lease, "late").await,
        Hold::Lost,
        "a released lease cannot be completed"
    );
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 2, "the key can still be claimed");
}

/// A copy of a claim that arrives after its release is not granted the key, because no caller waits for the answer.
pub async fn a_late_copy_of_a_claim_does_not_occupy_the_key(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_copy_of_a_claim_does_not_occupy_the_key").await;
    let claim = case.claim("k");
    let first = case.one.grant(&claim).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let copy = case.two.claim(&claim).await;
    assert!(!matches!(copy, Claimed::Granted(_)), "a late copy was granted the key: {copy:?}");
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 2, "the next attempt must be granted at once");
}

/// A release with another owner or fence, or of a key without a record, is lost.
pub async fn a_release_by_a_stranger_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "a_release_by_a_stranger_is_lost").await;
    let grant = case.one.grant(&case.claim("k")).await;
    for lease in strangers(&case, &grant.lease) {
        assert_eq!(case.two.release(&lease).await, Hold::Lost, "{lease:?} was never granted");
    }
    case.one.refused(&case.claim("k")).await;
    let free = case.claim("free").granted(Fence::new(1));
    assert_eq!(case.two.release(&free).await, Hold::Lost, "a free key has no holder");
    assert!(case.two.load(free.key()).await.is_none(), "a lost release created a record");
}

/// Leases of the same key that were never granted: with another owner, an older fence, a newer fence, or none.
pub(super) fn strangers(case: &Case<'_>, lease: &Lease) -> Vec<Lease> {
    let key = || case.key(lease.key().key().as_str());
    let fence = lease.fence().get();
    vec![
        Lease::new(key(), None, owner(), lease.fence()),
        Lease::new(key(), None, lease.owner(), Fence::new(fence - 1)),
        Lease::new(key(), None, lease.owner(), Fence::new(fence + 1)),
        Lease::new(key(), None, lease.owner(), Fence::NONE),
    ]
}
