//! Rules for giving up: an unstarted attempt does not count, and the next claim decides about an abandoned one.

use std::time::Duration;

use super::Harness;
use super::case::{Case, LEASE, RETENTION, identity};
use crate::{Claim, Claimed, Hold, OnExpired, Release, StateView};

/// An attempt whose handler never started does not count, but the fence grows.
pub async fn an_unstarted_attempt_does_not_count(harness: &dyn Harness) {
    let case = Case::new(harness, "an_unstarted_attempt_does_not_count").await;
    let mut fence = crate::Fence::NONE;
    for _ in 0..3 {
        let grant = case.one.grant(&cautious(&case)).await;
        assert_eq!(grant.attempt, 1, "no attempt has started before");
        assert!(grant.fence() > fence, "every grant has a larger fence");
        fence = grant.fence();
        let hold = case.two.give_up(&grant.lease, Release::Unstarted).await;
        assert_eq!(hold, Hold::Held, "the holder releases");
    }
    case.one.grant(&case.claim("k")).await;
    case.let_leases_expire().await;
    let takeover = case.two.grant(&case.claim("k")).await;
    assert_eq!(takeover.attempt, 2, "the abandoned attempt had started");
    assert_eq!(case.two.give_up(&takeover.lease, Release::Unstarted).await, Hold::Held);
    assert_eq!(case.one.grant(&case.claim("k")).await.attempt, 2, "the takeover had not started");
}

/// A repeated release of an unstarted attempt holds and changes nothing: the attempt is not subtracted twice.
pub async fn an_unstarted_attempt_is_subtracted_once(harness: &dyn Harness) {
    let case = Case::new(harness, "an_unstarted_attempt_is_subtracted_once").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.give_up(&second.lease, Release::Unstarted).await, Hold::Held);
    let before = identity(&case.one.view(first.lease.key()).await);
    for release in [Release::Unstarted, Release::Failed] {
        assert_eq!(case.two.give_up(&second.lease, release).await, Hold::Held, "a repeat holds");
    }
    assert_eq!(identity(&case.one.view(first.lease.key()).await), before, "a repeat changed the record");
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 2, "the first attempt counts");
}

/// A released record is kept for at most five minutes if no handler has started, and otherwise for its retention.
pub async fn a_record_without_attempts_is_kept_for_at_most_five_minutes(harness: &dyn Harness) {
    let case = Case::new(harness, "a_record_without_attempts_is_kept_for_at_most_five_minutes").await;
    let never = case.one.grant(&case.claim("never")).await;
    assert_eq!(case.one.give_up(&never.lease, Release::Unstarted).await, Hold::Held);
    let first = case.one.grant(&case.claim("once")).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the holder releases");
    let second = case.one.grant(&case.claim("once")).await;
    assert_eq!(case.one.give_up(&second.lease, Release::Unstarted).await, Hold::Held);
    case.advance(Duration::from_secs(300) + super::SLACK).await;
    assert!(
        case.two.load(never.lease.key()).await.is_none(),
        "a record without attempts outlived five minutes"
    );
    assert_eq!(case.two.grant(&case.claim("once")).await.attempt, 2, "the first attempt is known");
}

/// An abandoned lease ends at once: the next claim takes over if it reruns, with a larger fence, as the next attempt.
pub async fn an_abandoned_attempt_is_taken_over_at_once(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_attempt_is_taken_over_at_once").await;
    let first = case.one.grant(&case.claim("k")).await;
    assert_eq!(case.one.give_up(&first.lease, Release::Abandoned).await, Hold::Held, "the holder abandons");
    let second = case.two.grant(&case.claim("k")).await;
    assert!(second.fence() > first.fence(), "every grant has a larger fence");
    assert_eq!(second.attempt, 2, "an abandoned attempt counts");
    assert_eq!(case.one.complete(&first.lease, "late").await, Hold::Lost, "a claim took over");
    assert_eq!(case.one.give_up(&first.lease, Release::Abandoned).await, Hold::Lost, "a claim took over");
    case.one.refused(&case.claim("k")).await;
}

/// An abandoned lease is in doubt at once if the next claim says so, and its record is kept for its retention.
pub async fn an_abandoned_attempt_is_in_doubt_at_once_where_the_claim_says_so(harness: &dyn Harness) {
    let case = Case::new(harness, "an_abandoned_attempt_is_in_doubt_at_once_where_the_claim_says_so").await;
    let first = case.one.grant(&cautious(&case)).await;
    assert_eq!(case.one.give_up(&first.lease, Release::Abandoned).await, Hold::Held, "the holder abandons");
    assert_eq!(
        case.two.claim(&cautious(&case)).await,
        Claimed::InDoubt,
        "the effect of the abandoned attempt is unknown"
    );
    let view = case.two.view(first.lease.key()).await;
    assert_eq!((view.state, view.attempts, view.fence), (StateView::Abandoned, 1, first.fence()));
    case.advance(RETENTION - super::SLACK).await;
    assert_eq!(case.two.claim(&cautious(&case)).await, Claimed::InDoubt, "the key became free by itself");
}

/// A repeated abandonment holds and changes nothing. An abandonment by a stranger is lost.
pub async fn a_repeated_abandonment_changes_nothing(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_abandonment_changes_nothing").await;
    let grant = case.one.grant(&case.claim("k")).await;
    for lease in super::release::strangers(&case, &grant.lease) {
        assert_eq!(
            case.two.give_up(&lease, Release::Abandoned).await,
            Hold::Lost,
            "{lease:?} was never granted"
        );
    }
    case.two.refused(&case.claim("k")).await;
    assert_eq!(case.one.give_up(&grant.lease, Release::Abandoned).await, Hold::Held, "the holder abandons");
    let before = identity(&case.one.view(grant.lease.key()).await);
    case.advance(LEASE).await;
    assert_eq!(case.two.give_up(&grant.lease, Release::Abandoned).await, Hold::Held, "a repeat holds");
    let view = case.one.view(grant.lease.key()).await;
    assert_eq!(identity(&view), before, "a repeat changed the record");
    assert!(view.expires_in <= RETENTION - LEASE, "a repeat keeps the record for {:?} more", view.expires_in);
}

/// A holder that abandoned its lease may still complete it, if no claim has taken over: it may have learned its effect.
pub async fn a_completion_after_an_abandonment_holds_if_no_claim_took_over(harness: &dyn Harness) {
    let case = Case::new(harness, "a_completion_after_an_abandonment_holds_if_no_claim_took_over").await;
    let grant = case.one.grant(&cautious(&case)).await;
    assert_eq!(case.one.give_up(&grant.lease, Release::Abandoned).await, Hold::Held, "the holder abandons");
    assert_eq!(case.two.complete(&grant.lease, "late").await, Hold::Held, "no claim took over");
    case.one.replayed(&cautious(&case), b"late").await;
}

fn cautious(case: &Case<'_>) -> Claim {
    Claim { on_expired: OnExpired::InDoubt, ..case.claim("k") }
}
