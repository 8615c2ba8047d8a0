//! Rules for the answer of a completed key: with the outcome come the completing attempt and the times.

use super::Harness;
use super::case::{Case, LEASE, RETENTION};
use crate::{Claim, Completed, Fingerprint, Hold, Outcome, Resolution, StateView};

/// A completed key answers the fence and attempt that completed it, not those of an earlier attempt.
pub async fn a_completed_key_tells_who_completed_it(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_tells_who_completed_it").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second = case.two.grant(&case.claim("k")).await;
    assert_eq!(case.one.complete(&second.lease, "done").await, Hold::Held, "the holder completes");
    let completed = case.one.replayed(&case.claim("k"), b"done").await;
    assert_eq!((completed.fence, completed.attempt), (second.fence(), 2));
}

/// A completed key answers the fingerprint of its record, also to a claim without one.
pub async fn a_completed_key_tells_its_fingerprint(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_tells_its_fingerprint").await;
    for (name, fingerprint) in [("with", Some(Fingerprint::of(b"a"))), ("without", None)] {
        let claim = || Claim { fingerprint, ..case.claim(name) };
        let grant = case.one.grant(&claim()).await;
        assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
        for claim in [claim(), case.claim(name)] {
            let completed = case.two.replayed(&claim, b"done").await;
            assert_eq!(completed.fingerprint, fingerprint, "the fingerprint of a record {name} one");
        }
    }
}

/// A completed key answers the time of its completion, which is after its claim, and the end of its retention. Every
/// claim and every `load` answers the same times.
pub async fn a_completed_key_tells_when_it_was_completed(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completed_key_tells_when_it_was_completed").await;
    let claim = case.claim("k");
    let grant = case.one.grant(&claim).await;
    let claimed_at = case.one.view(&claim.key).await.claimed_at().expect("the record can be read");
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    let completed = case.two.replayed(&case.claim("k"), b"done").await;
    let (since, until) = (completed.completed_at, completed.kept_until);
    assert!(since + super::SLACK >= claimed_at, "completed at {since:?}, but claimed at {claimed_at:?}");
    assert!(since <= claimed_at + super::SLACK, "completed at {since:?}, but claimed at {claimed_at:?}");
    assert_eq!(until - since, RETENTION, "the record must be kept for its retention");
    assert_eq!(case.two.complete(&grant.lease, "again").await, Hold::Held, "a repeat holds");
    for handle in [&case.one, &case.two] {
        assert_eq!(handle.replayed(&case.claim("k"), b"done").await, completed, "the answer has changed");
        assert_eq!(handle.replayed(&claim, b"done").await, completed, "the answer has changed");
        assert_eq!(handle.view(&claim.key).await.state, StateView::Completed(completed.clone()));
    }
}

/// A key that an operator resolved as completed answers the time of the resolution, and a new fence.
pub async fn a_resolved_key_tells_when_it_was_resolved(harness: &dyn Harness) {
    let case = Case::new(harness, "a_resolved_key_tells_when_it_was_resolved").await;
    let grant = case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.two.resolve(grant.lease.key(), &resolution).await, "the lease had run out");
    let completed: Completed = case.one.replayed(&case.claim("k"), b"resolved").await;
    assert!(completed.fence > grant.fence(), "the fence is still the holder's");
    assert_eq!(completed.attempt, 1, "a resolution is no attempt");
    let kept = completed.kept_until - completed.completed_at;
    assert!(kept <= LEASE + RETENTION && kept > RETENTION - LEASE - super::SLACK, "kept for {kept:?}");
    assert_eq!(case.two.view(grant.lease.key()).await.state, StateView::Completed(completed));
}
