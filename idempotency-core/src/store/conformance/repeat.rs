//! Rules for repeats: an operation that is repeated, late or dropped has the effect of one (I5).

use futures_util::FutureExt as _;
use futures_util::future::join;

use super::Harness;
use super::case::{Case, LEASE, RETENTION, WAKE_TIMEOUT, identity};
use crate::{Claimed, Completion, Hold, Outcome};

/// A repeated claim by the owner that holds the key answers the same grant, on any handle.
pub async fn a_repeated_claim_answers_the_same_grant(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_claim_answers_the_same_grant").await;
    let claim = case.claim("k");
    let first = case.one.grant(&claim).await;
    for handle in [&case.one, &case.two, &case.one] {
        let again = handle.grant(&claim).await;
        assert_eq!((again.fence(), again.attempt), (first.fence(), 1), "a repeat is no new grant");
    }
}

/// A repeated claim does not renew the lease, because a copy that the network delayed must not block the key.
pub async fn a_repeated_claim_does_not_prolong_the_lease(harness: &dyn Harness) {
    let case = Case::new(harness, "a_repeated_claim_does_not_prolong_the_lease").await;
    let claim = case.claim("k");
    case.one.grant(&claim).await;
    case.advance(LEASE / 2).await;
    case.two.grant(&claim).await;
    case.advance(LEASE / 2 + super::SLACK).await;
    assert_eq!(case.two.grant(&case.claim("k")).await.attempt, 2, "the lease has run out");
}

/// Every operation that is sent twice at once, over two handles, has the effect and the answer of one.
pub async fn every_operation_may_be_sent_twice_at_once(harness: &dyn Harness) {
    let case = Case::new(harness, "every_operation_may_be_sent_twice_at_once").await;
    for round in 0..20 {
        let claim = case.claim(&format!("{round}"));
        let (a, b) = join(case.one.grant(&claim), case.two.grant(&claim)).await;
        assert_eq!((a.fence(), a.attempt), (b.fence(), b.attempt), "one owner has one grant");
        assert_eq!(a.attempt, 1, "two copies are one attempt");
        let holds = join(case.one.renew(&a.lease, LEASE), case.two.renew(&a.lease, LEASE)).await;
        assert_eq!(holds, (Hold::Held, Hold::Held), "both renewals are the holder's");
        let holds = join(case.one.release(&a.lease), case.two.release(&a.lease)).await;
        assert_eq!(holds, (Hold::Held, Hold::Held), "both releases are the holder's");
        let second = case.one.grant(&case.claim(&format!("{round}"))).await;
        assert_eq!(second.attempt, 2, "two copies are one attempt");
        let lease = &second.lease;
        let holds = join(case.one.complete(lease, "done"), case.two.complete(lease, "done")).await;
        assert_eq!(holds, (Hold::Held, Hold::Held), "both completions are the holder's");
        case.two.replayed(&claim, b"done").await;
    }
}

/// Copies of operations that arrive after later operations on the key change nothing.
pub async fn every_operation_may_arrive_late(harness: &dyn Harness) {
    let case = Case::new(harness, "every_operation_may_arrive_late").await;
    let claim = case.claim("k");
    let first = case.one.grant(&claim).await;
    assert_eq!(case.one.release(&first.lease).await, Hold::Held, "the first holder releases");
    let second_claim = case.claim("k");
    let second = case.one.grant(&second_claim).await;

    case.two.refused(&claim).await;
    assert_eq!(case.two.renew(&first.lease, RETENTION).await, Hold::Lost, "the first lease was released");
    assert_eq!(case.two.release(&first.lease).await, Hold::Lost, "the first lease was released");
    assert_eq!(case.two.complete(&first.lease, "first").await, Hold::Lost, "the first lease was released");

    assert_eq!(case.one.complete(&second.lease, "second").await, Hold::Held, "the second holder completes");
    let before = identity(&case.one.view(&claim.key).await);
    case.two.replayed(&claim, b"second").await;
    case.two.replayed(&second_claim, b"second").await;
    assert_eq!(case.two.renew(&second.lease, LEASE).await, Hold::Lost, "a completed key has no lease");
    assert_eq!(case.two.release(&second.lease).await, Hold::Lost, "a completed key has no lease");
    assert_eq!(case.two.complete(&second.lease, "second").await, Hold::Held, "a repeat holds");
    assert_eq!(identity(&case.one.view(&claim.key).await), before, "a late copy changed the record");
}

/// A claim whose future was dropped can be repeated with the same owner. Both together are attempt 1.
pub async fn a_dropped_claim_can_be_repeated(harness: &dyn Harness) {
    let case = Case::new(harness, "a_dropped_claim_can_be_repeated").await;
    for round in 0..20 {
        let claim = case.claim(&format!("{round}"));
        let _ = case.one.store().claim(&claim).now_or_never();
        let grant = case.two.grant(&claim).await;
        assert_eq!(grant.attempt, 1, "a claim and its repeat are one attempt");
        assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
        case.two.replayed(&case.claim(&format!("{round}")), b"done").await;
    }
}

/// A completion whose future was dropped can be repeated. The outcome is recorded completely or not at all.
pub async fn a_dropped_completion_can_be_repeated(harness: &dyn Harness) {
    let case = Case::new(harness, "a_dropped_completion_can_be_repeated").await;
    for round in 0..20 {
        let claim = case.claim(&format!("{round}"));
        let grant = case.one.grant(&claim).await;
        let outcome = Outcome::new("done");
        let completion = Completion::new(grant.lease.clone(), outcome.clone(), RETENTION);
        let _ = case.one.store().complete(&completion).now_or_never();
        match case.two.claim(&case.claim(&format!("{round}"))).await {
            Claimed::Completed(recorded) => {
                assert_eq!(recorded.outcome, outcome, "the outcome must be complete");
            }
            Claimed::InFlight { .. } => {}
            answer => panic!("a claim after a dropped completion was answered {answer:?}"),
        }
        assert_eq!(case.two.complete(&grant.lease, "done").await, Hold::Held, "the repeat holds");
        case.two.replayed(&claim, b"done").await;
    }
}

/// Dropping a waiter affects neither the record nor other waiters.
pub async fn a_dropped_waiter_disturbs_no_other(harness: &dyn Harness) {
    let case = Case::new(harness, "a_dropped_waiter_disturbs_no_other").await;
    let grant = case.one.grant(&case.claim("k")).await;
    let key = grant.lease.key().clone();
    let handle = case.two.clone();
    let waiter = tokio::spawn({
        let key = key.clone();
        async move { handle.wait_for_change(&key, super::case::WAIT_TIMEOUT).await }
    });
    for _ in 0..20 {
        let _ = case.two.store().wait_for_change(key.digest(), super::case::WAIT_TIMEOUT).now_or_never();
    }
    assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
    let woken = tokio::time::timeout(WAKE_TIMEOUT, waiter).await;
    woken.expect("the remaining waiter must be woken").expect("a waiter does not panic");
}
