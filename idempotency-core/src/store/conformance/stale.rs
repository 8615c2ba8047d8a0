//! Rules for order: no execution of an older version starts after a newer one has completed (I8).

use std::time::Duration;

use bytes::Bytes;

use super::Harness;
use super::case::{Case, Grant, Handle, LEASE, RETENTION};
use crate::{Claim, Claimed, Hold, Order, Outcome, Resolution, Resource, StateView, Version};

/// A version that is older than the newest completed one is stale. The answer has the newest version, and the claim
/// counts as no attempt.
pub async fn an_older_version_is_stale(harness: &dyn Harness) {
    let case = Case::new(harness, "an_older_version_is_stale").await;
    completed(&case.one, &case.ordered("newer", "r", 7)).await;
    let old = case.ordered("older", "r", 6);
    for handle in [&case.one, &case.two] {
        stale(handle, &old, 7).await;
    }
    // If the mark is checked after the grant, the stale claim leaves a released record without attempts.
    if let Some(view) = case.one.load(&old.key).await {
        assert_eq!(
            (view.state, view.attempts),
            (StateView::Released, 0),
            "a stale claim counts as an attempt"
        );
    }
}

/// An equal or newer version is not stale.
pub async fn an_equal_or_newer_version_is_not_stale(harness: &dyn Harness) {
    let case = Case::new(harness, "an_equal_or_newer_version_is_not_stale").await;
    completed(&case.one, &case.ordered("first", "r", 7)).await;
    completed(&case.two, &case.ordered("equal", "r", 7)).await;
    completed(&case.two, &case.ordered("newer", "r", 8)).await;
    stale(&case.one, &case.ordered("older", "r", 7), 8).await;
}

/// A stale claim takes no lease over.
pub async fn an_older_version_is_not_taken_over(harness: &dyn Harness) {
    let case = Case::new(harness, "an_older_version_is_not_taken_over").await;
    let old = case.one.grant(&case.ordered("older", "r", 1)).await;
    completed(&case.one, &case.ordered("newer", "r", 2)).await;
    case.let_leases_expire().await;
    stale(&case.two, &case.ordered("older", "r", 1), 2).await;
    assert_eq!(case.one.view(old.lease.key()).await.attempts, 1, "a stale claim is no attempt");
}

/// A stale claim of a released key is not granted.
pub async fn an_older_version_is_not_granted_after_a_release(harness: &dyn Harness) {
    let case = Case::new(harness, "an_older_version_is_not_granted_after_a_release").await;
    let old = case.one.grant(&case.ordered("older", "r", 1)).await;
    completed(&case.one, &case.ordered("newer", "r", 2)).await;
    assert_eq!(case.one.release(&old.lease).await, Hold::Held, "the holder releases");
    stale(&case.two, &case.ordered("older", "r", 1), 2).await;
}

/// Only completions raise the mark: a newer version that is in flight, released or abandoned makes no older version
/// stale.
pub async fn only_a_completion_makes_older_versions_stale(harness: &dyn Harness) {
    let case = Case::new(harness, "only_a_completion_makes_older_versions_stale").await;
    let newer = case.one.grant(&case.ordered("newer", "r", 9)).await;
    case.two.grant(&case.ordered("while in flight", "r", 1)).await;
    assert_eq!(case.one.release(&newer.lease).await, Hold::Held, "the holder releases");
    case.two.grant(&case.ordered("after a release", "r", 1)).await;
    case.one.grant(&case.ordered("newer", "r", 9)).await;
    case.let_leases_expire().await;
    case.two.grant(&case.ordered("after an abandonment", "r", 1)).await;
}

/// Resolving a newer version as completed makes older versions stale. Resolving it as released does not.
pub async fn a_resolution_as_completed_raises_the_mark(harness: &dyn Harness) {
    let case = Case::new(harness, "a_resolution_as_completed_raises_the_mark").await;
    let (completed, released) = (case.ordered("completed", "r", 7), case.ordered("released", "s", 7));
    case.one.grant(&completed).await;
    case.one.grant(&released).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.one.resolve(&completed.key, &resolution).await, "the lease had run out");
    assert!(case.one.resolve(&released.key, &Resolution::Released).await, "the lease had run out");
    stale(&case.two, &case.ordered("older", "r", 6), 7).await;
    case.two.grant(&case.ordered("equal", "r", 7)).await;
    case.two.grant(&case.ordered("older and free", "s", 6)).await;
}

/// A resolution never lowers a mark.
pub async fn a_resolution_lowers_no_mark(harness: &dyn Harness) {
    let case = Case::new(harness, "a_resolution_lowers_no_mark").await;
    let old = case.ordered("old", "r", 1);
    case.one.grant(&old).await;
    completed(&case.one, &case.ordered("newer", "r", 3)).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.one.resolve(&old.key, &resolution).await, "the lease had run out");
    stale(&case.two, &case.ordered("between", "r", 2), 3).await;
}

/// A lost completion raises no mark.
///
/// Passes if the harness says that record and mark do not change in one step.
pub async fn a_lost_completion_raises_no_mark(harness: &dyn Harness) {
    if !harness.changes_mark_with_record() {
        return;
    }
    let case = Case::new(harness, "a_lost_completion_raises_no_mark").await;
    let first = case.one.grant(&case.ordered("newer", "r", 9)).await;
    case.let_leases_expire().await;
    case.two.grant(&case.ordered("newer", "r", 9)).await;
    assert_eq!(case.one.complete(&first.lease, "late").await, Hold::Lost, "it was superseded");
    case.two.grant(&case.ordered("older", "r", 1)).await;
}

/// A mark never falls: an older version that was in flight already may complete, but does not lower the mark.
pub async fn a_mark_never_falls(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mark_never_falls").await;
    let old = case.one.grant(&case.ordered("older", "r", 1)).await;
    completed(&case.one, &case.ordered("newer", "r", 3)).await;
    assert_eq!(case.one.complete(&old.lease, "old").await, Hold::Held, "the older version started first");
    stale(&case.two, &case.ordered("between", "r", 2), 3).await;
}

/// Resources that differ in name, scope or kind have separate marks.
pub async fn marks_of_two_resources_are_two_marks(harness: &dyn Harness) {
    let case = Case::new(harness, "marks_of_two_resources_are_two_marks").await;
    completed(&case.one, &case.ordered("newer", "r", 9)).await;
    case.two.grant(&case.ordered("other resource", "s", 1)).await;
    let tenant = case.scope.clone().with_tenant("t");
    for (name, resource) in [
        ("other scope", Resource::new(&tenant, "kind", "r")),
        ("other kind", Resource::new(&case.scope, "other kind", "r")),
    ] {
        let order = Order::new(resource, Version::new(1)).scoped(case.two.store().namespace());
        case.two.grant(&Claim { order: Some(order), ..case.claim(name) }).await;
    }
    case.two.grant(&case.claim("no order")).await;
}

/// Only a grant can be stale: an older version still gets a recorded outcome, its own grant, or `InFlight`.
pub async fn a_record_answers_an_older_version_before_stale(harness: &dyn Harness) {
    let case = Case::new(harness, "a_record_answers_an_older_version_before_stale").await;
    completed(&case.one, &case.ordered("completed", "r", 1)).await;
    let claim = case.ordered("in flight", "r", 1);
    let grant = case.one.grant(&claim).await;
    completed(&case.one, &case.ordered("newer", "r", 2)).await;
    case.two.replayed(&case.ordered("completed", "r", 1), b"done").await;
    case.two.refused(&case.ordered("in flight", "r", 1)).await;
    // If the mark is checked after the grant, a repeat cannot know whether the first claim checked it.
    if harness.changes_mark_with_record() {
        let again = case.two.grant(&claim).await;
        assert_eq!(again.fence(), grant.fence(), "a repeat is no new grant");
    }
}

/// Versions are compared exactly, even those that a floating-point number would round.
pub async fn versions_are_compared_exactly(harness: &dyn Harness) {
    let case = Case::new(harness, "versions_are_compared_exactly").await;
    for (resource, newest) in
        [("zero", 1), ("2^53", (1 << 53) + 1), ("2^63", (1 << 63) + 1), ("max", u64::MAX), ("digits", 10)]
    {
        completed(&case.one, &case.ordered(&format!("newer {resource}"), resource, newest)).await;
        stale(&case.two, &case.ordered(&format!("older {resource}"), resource, newest - 1), newest).await;
        case.two.grant(&case.ordered(&format!("equal {resource}"), resource, newest)).await;
    }
}

/// A mark is kept as long as the completion that raised it.
pub async fn a_mark_is_kept_as_long_as_its_completion(harness: &dyn Harness) {
    let case = Case::new(harness, "a_mark_is_kept_as_long_as_its_completion").await;
    completed(&case.one, &case.ordered("newer", "r", 2)).await;
    case.advance(RETENTION - super::SLACK).await;
    stale(&case.two, &case.ordered("older", "r", 1), 2).await;
}

/// A later completion with a shorter retention does not shorten a mark.
pub async fn a_short_retention_does_not_shorten_a_mark(harness: &dyn Harness) {
    let case = Case::new(harness, "a_short_retention_does_not_shorten_a_mark").await;
    let old = case.one.grant(&case.ordered("older", "r", 1)).await;
    completed(&case.one, &case.ordered("newer", "r", 3)).await;
    let outcome = Bytes::from_static(b"old");
    assert_eq!(
        case.one.complete_for(&old.lease, outcome, LEASE).await,
        Hold::Held,
        "the older version started first"
    );
    let equal = case.one.grant(&case.ordered("equal", "r", 3)).await;
    let outcome = Bytes::from_static(b"equal");
    assert_eq!(case.one.complete_for(&equal.lease, outcome, LEASE).await, Hold::Held, "the holder completes");
    case.advance(LEASE + Duration::from_secs(3600)).await;
    stale(&case.two, &case.ordered("between", "r", 2), 3).await;
}

async fn completed(handle: &Handle, claim: &Claim) -> Grant {
    let grant = handle.grant(claim).await;
    assert_eq!(handle.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    grant
}

async fn stale(handle: &Handle, claim: &Claim, newest: u64) {
    let answer = handle.claim(claim).await;
    assert_eq!(answer, Claimed::Stale { newest: Version::new(newest) }, "version {newest} has completed");
}
