//! Rules for unreadable records: they are in doubt, never free (I7).

use super::Harness;
use super::case::{Case, LEASE};
use crate::{Claim, Claimed, Fence, Hold, OnExpired, Outcome, Resolution, StateView};

/// An unreadable record is in doubt for every claim, with any `on_expired`, and every operation of its holder is lost.
///
/// Passes if the harness cannot corrupt a record.
pub async fn an_unreadable_record_is_never_free(harness: &dyn Harness) {
    let case = Case::new(harness, "an_unreadable_record_is_never_free").await;
    let grant = case.one.grant(&case.claim("k")).await;
    if !harness.corrupt(grant.lease.key()).await {
        return;
    }
    for on_expired in [OnExpired::Rerun, OnExpired::InDoubt] {
        for owner in [grant.lease.owner(), super::case::owner()] {
            let claim = Claim { on_expired, owner, ..case.claim("k") };
            assert_eq!(
                case.two.claim(&claim).await,
                Claimed::InDoubt,
                "an unreadable record must be in doubt"
            );
        }
    }
    assert_eq!(case.one.renew(&grant.lease, LEASE).await, Hold::Lost, "an unreadable record has no holder");
    assert_eq!(
        case.one.complete(&grant.lease, "done").await,
        Hold::Lost,
        "an unreadable record has no holder"
    );
    assert_eq!(case.one.release(&grant.lease).await, Hold::Lost, "an unreadable record has no holder");
    let view = case.two.view(grant.lease.key()).await;
    assert_eq!(
        (view.state, view.fence),
        (StateView::Unreadable, Fence::NONE),
        "load must show an unreadable record"
    );
}

/// Only forgetting frees a key whose record is unreadable. Resolving does not change it.
///
/// Passes if the harness cannot corrupt a record.
pub async fn only_forgetting_frees_an_unreadable_record(harness: &dyn Harness) {
    let case = Case::new(harness, "only_forgetting_frees_an_unreadable_record").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let key = grant.lease.key();
    if !harness.corrupt(key).await {
        return;
    }
    for resolution in [Resolution::Released, Resolution::Completed(Outcome::new("resolved"))] {
        assert!(!case.two.resolve(key, &resolution).await, "an unreadable record cannot be resolved");
    }
    assert_eq!(
        case.two.view(key).await.state,
        StateView::Unreadable,
        "a refused resolution changed the record"
    );
    assert!(case.two.forget(key).await, "there was a record");
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 1, "the key is free");
}
