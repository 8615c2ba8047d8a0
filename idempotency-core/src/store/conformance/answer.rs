//! Rules of what a completed key answers beside its outcome: who completed it, and when.

use super::Harness;
use super::case::{Case, LEASE, RETENTION};
use crate::{Completed, Hold, Outcome, Resolution, StateView};

/// A completed key tells the fence and the attempt that completed it, not those of an attempt before.
pub async fn a_completed_key_tells_who_completed_it(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_tells_who_completed_it").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(case.one.complete(&second.lease, "done").await, Hold::Held, "the holder completes");
    let completed = case.one.replayed(&case.claim("k"), b"done").await;
    assert_eq!((completed.fence, completed.attempt), (second.fence(), 2));
}

/// A completed key tells when it was completed, after its claim, and until when it is kept, a retention later. Every claim
/// and every look at it gives the same.
pub async fn a_completed_key_tells_when_it_was_completed(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_tells_when_it_was_completed").await;
    let claim = case.claim("k");
    let grant = case.one.grant(&claim).await;
    let claimed_at = case.one.view(&claim.key).await.claimed_at().expect("a record that can be read");
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    let completed = case.two.replayed(&case.claim("k"), b"done").await;
    let (since, until) = (completed.completed_at, completed.kept_until);
    assert!(since + super::SLACK >= claimed_at, "completed at {since:?}, and claimed at {claimed_at:?}");
    assert!(since <= claimed_at + super::SLACK, "completed at {since:?}, and claimed at {claimed_at:?}");
    assert_eq!(until - since, RETENTION, "it is kept for its retention");
    assert_eq!(case.two.complete(&grant.lease, "again").await, Hold::Held, "a repeat holds");
    for handle in [&case.one, &case.two] {
        assert_eq!(handle.replayed(&case.claim("k"), b"done").await, completed, "another answer than before");
        assert_eq!(handle.replayed(&claim, b"done").await, completed, "another answer than before");
        assert_eq!(handle.view(&claim.key).await.state, StateView::Completed(completed.clone()));
    }
}

/// A key that an operator settled as completed tells when that was, and has a fence of the operator's own.
pub async fn a_resolved_key_tells_when_it_was_resolved(harness: &dyn Harness) {
    let case = Case::new(harness, "a_resolved_key_tells_when_it_was_resolved").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let word = Resolution::Completed(Outcome::new("settled"));
    assert!(case.two.resolve(grant.lease.key(), &word).await, "there was something to settle");
    let completed: Completed = case.one.replayed(&case.claim("k"), b"settled").await;
    assert!(completed.fence > grant.fence(), "it would be taken for the holder's");
    assert_eq!(completed.attempt, 1, "a resolution is no attempt");
    let kept = completed.kept_until - completed.completed_at;
    assert!(kept <= LEASE + RETENTION && kept > RETENTION - LEASE - super::SLACK, "kept for {kept:?}");
    assert_eq!(case.two.view(grant.lease.key()).await.state, StateView::Completed(completed));
}
