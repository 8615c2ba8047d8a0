//! Rules of records that cannot be read: in doubt, never free (I7).

use super::Harness;
use super::case::{Case, LEASE};
use crate::{Claim, Claimed, Fence, Hold, OnExpired, Outcome, Resolution, StateView};

/// A record that cannot be read is in doubt to every claim, whatever the claim says, and is no holder's any more.
///
/// Passes where the harness cannot make one.
pub async fn an_unreadable_record_is_never_free(harness: &dyn Harness) {
    let case = Case::new(harness, "an_unreadable_record_is_never_free").await;
    let grant = case.one.grant(&case.claim("k")).await;
    if !harness.garble(grant.lease.key()).await {
        return;
    }
    for on_expired in [OnExpired::Rerun, OnExpired::InDoubt] {
        for owner in [grant.lease.owner(), super::case::owner()] {
            let claim = Claim { on_expired, owner, ..case.claim("k") };
            assert_eq!(case.two.claim(&claim).await, Claimed::InDoubt, "nobody can tell what it was");
        }
    }
    assert_eq!(case.one.renew(&grant.lease, LEASE).await, Hold::Lost, "nobody can tell who holds it");
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Lost, "nobody can tell who holds it");
    assert_eq!(case.one.release(&grant.lease).await, Hold::Lost, "nobody can tell who holds it");
    let view = case.two.view(grant.lease.key()).await;
    assert_eq!((view.state, view.fence), (StateView::Unreadable, Fence::NONE), "load says so");
}

/// Only forgetting frees a key whose record cannot be read; resolving leaves it as it is.
///
/// Passes where the harness cannot make one.
pub async fn only_forgetting_frees_an_unreadable_record(harness: &dyn Harness) {
    let case = Case::new(harness, "only_forgetting_frees_an_unreadable_record").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let key = grant.lease.key();
    if !harness.garble(key).await {
        return;
    }
    for word in [Resolution::Released, Resolution::Completed(Outcome::new("settled"))] {
        assert!(!case.two.resolve(key, &word).await, "what cannot be read cannot be settled");
    }
    assert_eq!(case.two.view(key).await.state, StateView::Unreadable, "it was settled all the same");
    assert!(case.two.forget(key).await, "there was a record");
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 1, "the key is free");
}
