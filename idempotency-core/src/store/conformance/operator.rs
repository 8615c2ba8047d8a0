//! Rules for operators: load, forget and resolve a record.

use super::Harness;
use super::case::{Case, LEASE, RETENTION, identity};
use crate::{Claim, Hold, OnExpired, Outcome, Resolution, StateView, Version};

/// `load` shows each state, the time left of the lease and of the retention, and changes nothing.
pub async fn a_record_can_be_looked_at(harness: &dyn Harness) {
    let case = Case::new(harness, "a_record_can_be_looked_at").await;
    let claim = case.ordered("k", "r", 5);
    assert!(case.one.load(&claim.key).await.is_none(), "there is no record yet");
    let first = case.one.grant(&claim).await;
    let view = case.two.view(&claim.key).await;
    let StateView::InFlight { lease_left } = view.state else { panic!("in flight, not {:?}", view.state) };
    assert!(lease_left <= LEASE && lease_left > LEASE - super::SLACK, "{lease_left:?} left of {LEASE:?}");
    let kept = LEASE + RETENTION;
    assert!(view.expires_in <= kept && view.expires_in > kept - super::SLACK, "{view:?}");
    assert_eq!((view.fence, view.attempts, view.order), (first.fence(), 1, claim.order));

    case.let_leases_expire().await;
    assert_eq!(case.two.view(&claim.key).await.state, StateView::Abandoned);
    assert_eq!(case.two.view(&claim.key).await.attempts, 1, "a load is no attempt");

    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    assert_eq!(case.two.view(&claim.key).await.state, StateView::Released);

    let second = case.one.grant(&case.ordered("k", "r", 5)).await;
    assert_eq!(case.one.complete(&second.lease, "done").await, Hold::Held, "the holder completes");
    let view = case.two.view(&claim.key).await;
    let StateView::Completed(completed) = &view.state else { panic!("completed, not {:?}", view.state) };
    assert_eq!(completed.outcome, Outcome::new("done"));
    assert_eq!((view.fence, view.attempts, view.order), (second.fence(), 2, claim.order));
}

/// `forget` deletes a record in any state, and answers whether there was one. The next claim is attempt 1.
pub async fn a_forgotten_key_is_free(harness: &dyn Harness) {
    let case = Case::new(harness, "a_forgotten_key_is_free").await;
    case.one.grant(&case.claim("abandoned")).await;
    case.let_leases_expire().await;
    case.one.grant(&case.claim("in flight")).await;
    let released = case.one.grant(&case.claim("released")).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    for name in ["abandoned", "in flight", "released", "completed"] {
        assert!(case.two.forget(&case.key(name)).await, "there was a record, {name}");
        assert!(!case.two.forget(&case.key(name)).await, "it was forgotten already");
        assert!(case.one.load(&case.key(name)).await.is_none(), "a forgotten record is still there");
        assert_eq!(case.one.grant(&case.claim(name)).await.attempt, 1, "the key is free");
    }
}

/// The holder of a forgotten record has lost its lease, even after another owner has claimed the key.
pub async fn the_holder_of_a_forgotten_key_has_lost_it(harness: &dyn Harness) {
    let case = Case::new(harness, "the_holder_of_a_forgotten_key_has_lost_it").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert!(case.two.forget(first.lease.key()).await, "there was a record");
    assert_eq!(case.one.renew(&first.lease, LEASE).await, Hold::Lost, "there is nothing to renew");
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "there is nothing to complete");
    assert_eq!(case.one.release(&first.lease).await, Hold::Lost, "there is nothing to release");
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "another owner holds the key");
    assert_eq!(case.one.release(&first.lease).await, Hold::Lost, "another owner holds the key");
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "the new holder completes");
    case.one.replayed(&case.claim("k"), b"second").await;
}

/// Forgetting a record lowers no mark: an older version is still stale.
pub async fn forgetting_a_record_lowers_no_mark(harness: &dyn Harness) {
    let case = Case::new(harness, "forgetting_a_record_lowers_no_mark").await;
    let newer = case.one.grant(&case.ordered("newer", "r", 2)).await;
    assert_eq!(case.one.complete(&newer.lease, "done").await, Hold::Held, "the holder completes");
    assert!(case.one.forget(newer.lease.key()).await, "there was a record");
    let answer = case.two.claim(&case.ordered("older", "r", 1)).await;
    assert_eq!(answer, crate::Claimed::Stale { newest: Version::new(2) });
}

/// An abandoned record can be resolved as completed. Every later claim answers that outcome.
pub async fn an_abandoned_key_can_be_resolved_as_completed(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_key_can_be_resolved_as_completed").await;
    let claim = Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") };
    case.one.grant(&claim).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.two.resolve(&claim.key, &resolution).await, "the lease had run out");
    case.one.replayed(&case.claim("k"), b"resolved").await;
    assert!(!case.two.resolve(&claim.key, &resolution).await, "it was resolved already");
}

/// An abandoned record can be resolved as released. The next claim is granted, even one with [`OnExpired::InDoubt`].
pub async fn an_abandoned_key_can_be_resolved_as_released(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_key_can_be_resolved_as_released").await;
    let claim = Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") };
    let first = case.one.grant(&claim).await;
    case.let_leases_expire().await;
    assert!(case.two.resolve(&claim.key, &Resolution::Released).await, "the lease had run out");
    let second = case.one.grant(&Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") }).await;
    assert_eq!(second.attempt, 2, "attempts are kept");
    assert!(second.fence() > first.fence(), "every grant has a larger fence");
}

/// Once an operator has resolved a key, the holder that abandoned it has lost it. No answer says that the holder's
/// outcome was recorded (I3).
pub async fn the_holder_of_a_resolved_key_has_lost_it(harness: &dyn Harness) {
    let case = Case::new(harness, "the_holder_of_a_resolved_key_has_lost_it").await;
    let completed = case.one.grant(&case.claim("completed")).await;
    let released = case.one.grant(&case.claim("released")).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.two.resolve(completed.lease.key(), &resolution).await, "the lease had run out");
    assert!(case.two.resolve(released.lease.key(), &Resolution::Released).await, "the lease had run out");
    for lease in [&completed.lease, &released.lease] {
        assert_eq!(case.one.complete(lease, "late").await, Hold::Lost, "the operator resolved the key");
        assert_eq!(case.one.renew(lease, LEASE).await, Hold::Lost, "the operator resolved the key");
    }
    case.one.replayed(&case.claim("completed"), b"resolved").await;
    assert_eq!(case.one.grant(&case.claim("released")).await.attempt, 2, "the key can be claimed");
}

/// Only an abandoned record is resolved. A free key, a live lease, and a released or completed record stay as they are.
pub async fn only_an_abandoned_key_is_resolved(harness: &dyn Harness) {
    let case = Case::new(harness, "only_an_abandoned_key_is_resolved").await;
    let held = case.one.grant(&case.claim("held")).await;
    let released = case.one.grant(&case.claim("released")).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let completed = case.one.grant(&case.claim("completed")).await;
    assert_eq!(case.one.complete(&completed.lease, "done").await, Hold::Held, "the holder completes");
    for resolution in [Resolution::Completed(Outcome::new("resolved")), Resolution::Released] {
        assert!(!case.two.resolve(&case.key("free"), &resolution).await, "a free key is not resolved");
        assert!(case.two.load(&case.key("free")).await.is_none(), "a resolution created a record");
        for name in ["held", "released", "completed"] {
            let before = identity(&case.one.view(&case.key(name)).await);
            assert!(!case.two.resolve(&case.key(name), &resolution).await, "a {name} key is not resolved");
            assert_eq!(
                identity(&case.one.view(&case.key(name)).await),
                before,
                "a refused resolution changed the record"
            );
        }
    }
    assert_eq!(case.one.complete(&held.lease, "done").await, Hold::Held, "the holder completes");
}
