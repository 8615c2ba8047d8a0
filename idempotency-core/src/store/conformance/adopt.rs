//! Rules for adoption: a lease passes to a new owner once, and the old holder has lost it.

use futures_util::future::join;

use super::Harness;
use super::case::{Case, Grant, LEASE, identity, owner};
use crate::{Adopted, Fence, Hold, Lease, Owner, StateView};

/// An adoption gives the lease to the new owner, with a larger fence and the same attempt, and the lease counts from
/// the adoption.
pub async fn an_adoption_passes_the_lease_on(harness: &dyn Harness) {
    let case = Case::new(harness, "an_adoption_passes_the_lease_on").await;
    let first = case.one.grant(&case.claim("k")).await;
    case.advance(LEASE / 2).await;
    let second = case.two.adopted(&first.lease, owner()).await;
    assert!(second.fence() > first.fence(), "an adoption has a larger fence");
    assert_eq!(second.attempt, 1, "an adoption is no attempt");
    case.advance(LEASE / 2 + super::SLACK).await;
    case.one.refused(&case.claim("k")).await;
    assert_eq!(case.one.renew(&second.lease, LEASE).await, Hold::Held, "the new owner renews");
    assert_eq!(case.two.complete(&second.lease, "done").await, Hold::Held, "the new owner completes");
    let completed = case.one.replayed(&case.claim("k"), b"done").await;
    assert_eq!((completed.fence, completed.attempt), (second.fence(), 1), "the new owner completed it");
}

/// The old holder of an adopted lease cannot renew, complete or release it, and changes nothing (I4).
pub async fn the_old_holder_of_an_adopted_lease_has_lost_it(harness: &dyn Harness) {
    let case = Case::new(harness, "the_old_holder_of_an_adopted_lease_has_lost_it").await;
    let (first, second) = adopted(&case).await;
    let before = identity(&case.one.view(first.lease.key()).await);
    assert_eq!(case.one.renew(&first.lease, 100 * LEASE).await, Hold::Lost, "the lease was adopted");
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "the lease was adopted");
    assert_eq!(case.one.release(&first.lease).await, Hold::Lost, "the lease was adopted");
    assert_eq!(
        identity(&case.one.view(first.lease.key()).await),
        before,
        "a lost operation changed the record"
    );
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "the new owner completes");
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "the new owner has completed");
    case.one.replayed(&case.claim("k"), b"second").await;
}

/// A lease is adopted only once: a later adoption by another owner is lost.
pub async fn a_second_adoption_of_a_lease_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "a_second_adoption_of_a_lease_is_lost").await;
    let (first, second) = adopted(&case).await;
    let before = identity(&case.one.view(first.lease.key()).await);
    assert_eq!(case.one.adopt(&first.lease, owner()).await, Adopted::Lost, "it was adopted before");
    assert_eq!(
        identity(&case.one.view(first.lease.key()).await),
        before,
        "a lost adoption changed the record"
    );
    assert_eq!(case.two.complete(&second.lease, "done").await, Hold::Held, "the first adopter completes");
}

/// A repeated adoption by the same new owner answers the same grant, and does not renew the lease.
pub async fn a_repeated_adoption_answers_the_same_grant(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_adoption_answers_the_same_grant").await;
    let (first, second) = adopted(&case).await;
    case.advance(LEASE / 2).await;
    for handle in [&case.one, &case.two] {
        let again = handle.adopted(&first.lease, second.lease.owner()).await;
        assert_eq!((again.fence(), again.attempt), (second.fence(), 1), "a repeat is no new grant");
    }
    case.advance(LEASE / 2 + super::SLACK).await;
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 2, "the lease has run out");
    let late = case.two.adopt(&first.lease, second.lease.owner()).await;
    assert_eq!(late, Adopted::Lost, "a claim took over");
}

/// An adopted lease can be adopted again, with the lease that the first adoption granted.
pub async fn an_adopted_lease_can_be_adopted_again(harness: &dyn Harness) {
    let case = Case::new(harness, "an_adopted_lease_can_be_adopted_again").await;
    let (first, second) = adopted(&case).await;
    let third = case.one.adopted(&second.lease, owner()).await;
    assert!(third.fence() > second.fence(), "every adoption has a larger fence");
    assert_eq!(third.attempt, 1, "an adoption is no attempt");
    for lease in [&first.lease, &second.lease] {
        assert_eq!(case.two.renew(lease, LEASE).await, Hold::Lost, "the lease was adopted");
    }
    assert_eq!(case.two.complete(&third.lease, "done").await, Hold::Held, "the last adopter completes");
}

/// An adoption after the lease ran out holds if no claim has taken over, and excludes other claims from then on.
pub async fn a_late_adoption_holds_if_no_claim_took_over(harness: &dyn Harness) {
    let case = Case::new(harness, "a_late_adoption_holds_if_no_claim_took_over").await;
    let first = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let second = case.two.adopted(&first.lease, owner()).await;
    assert_eq!(second.attempt, 1, "an adoption is no attempt");
    case.one.refused(&case.claim("k")).await;
    assert_eq!(case.two.complete(&second.lease, "done").await, Hold::Held, "the new owner completes");
}

/// A lease that a claim has taken over cannot be adopted, neither during the takeover's lease nor after its release.
pub async fn an_adoption_after_a_takeover_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "an_adoption_after_a_takeover_is_lost").await;
    let first = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(case.one.adopt(&first.lease, owner()).await, Adopted::Lost, "a claim took over");
    assert_eq!(case.two.release(&second.lease).await, Hold::Held, "the new holder releases");
    assert_eq!(case.one.adopt(&first.lease, owner()).await, Adopted::Lost, "a claim had taken over");
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 3, "the key can be claimed");
}

/// A key that is completed, released, free or held under another lease cannot be adopted, and trying creates no record.
pub async fn an_adoption_of_a_key_that_is_not_held_is_lost(harness: &dyn Harness) {
    let case = Case::new(harness, "an_adoption_of_a_key_that_is_not_held_is_lost").await;
    let released = case.one.grant(&case.claim("released")).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    for lease in [&released.lease, &completed.lease] {
        let before = identity(&case.one.view(lease.key()).await);
        for owner in [owner(), lease.owner()] {
            assert_eq!(case.two.adopt(lease, owner).await, Adopted::Lost, "the key is not held");
        }
        assert_eq!(identity(&case.one.view(lease.key()).await), before, "a lost adoption changed the record");
    }
    let free = case.claim("free").granted(Fence::new(1));
    assert_eq!(case.two.adopt(&free, owner()).await, Adopted::Lost, "a free key has no lease");
    assert!(case.one.load(free.key()).await.is_none(), "a lost adoption created a record");
    let held = case.one.grant(&case.claim("held")).await;
    for lease in super::release::strangers(&case, &held.lease) {
        assert_eq!(case.two.adopt(&lease, owner()).await, Adopted::Lost, "{lease:?} was never granted");
    }
    assert_eq!(case.one.complete(&held.lease, "done").await, Hold::Held, "the holder completes");
}

/// If two owners adopt a lease at once, over two handles, exactly one is granted.
pub async fn of_two_adoptions_at_once_one_is_granted(harness: &dyn Harness) {
    let case = Case::new(harness, "of_two_adoptions_at_once_one_is_granted").await;
    for round in 0..20 {
        let first = case.one.grant(&case.claim(&format!("{round}"))).await;
        let rivals = [owner(), owner()];
        let answers =
            join(case.one.adopt(&first.lease, rivals[0]), case.two.adopt(&first.lease, rivals[1])).await;
        let (winner, grant) = match answers {
            (Adopted::Granted(grant), Adopted::Lost) => (rivals[0], grant),
            (Adopted::Lost, Adopted::Granted(grant)) => (rivals[1], grant),
            answers => {
                panic!("exactly one of two adoptions must be granted, but the answers were {answers:?}")
            }
        };
        let lease = Lease::new(first.lease.key().clone(), None, winner, grant.fence);
        assert_eq!(case.two.complete(&lease, "done").await, Hold::Held, "the adopter completes");
    }
}

/// An adoption that is sent twice at once, over two handles, has the effect and the answer of one.
pub async fn an_adoption_may_be_sent_twice_at_once(harness: &dyn Harness) {
    let case = Case::new(harness, "an_adoption_may_be_sent_twice_at_once").await;
    for round in 0..20 {
        let first = case.one.grant(&case.claim(&format!("{round}"))).await;
        let owner: Owner = owner();
        let (a, b) = join(case.one.adopted(&first.lease, owner), case.two.adopted(&first.lease, owner)).await;
        assert_eq!((a.fence(), a.attempt), (b.fence(), b.attempt), "one owner has one grant");
        let view = case.one.view(first.lease.key()).await;
        assert!(matches!(view.state, StateView::InFlight { .. }) && view.fence == a.fence(), "{view:?}");
        assert_eq!(case.one.complete(&b.lease, "done").await, Hold::Held, "the adopter completes");
    }
}

/// The grants of a first holder, and of the owner that adopted its lease.
async fn adopted(case: &Case<'_>) -> (Grant, Grant) {
    let first = case.one.grant(&case.claim("k")).await;
    let second = case.two.adopted(&first.lease, owner()).await;
    (first, second)
}
