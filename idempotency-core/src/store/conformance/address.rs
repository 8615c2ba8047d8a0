//! Rules for addresses: a record's address depends only on its key, and a mark has an address of its own.

use super::Harness;
use super::case::{Case, LEASE};
use crate::{Claim, Claimed, Hold, OnExpired, Outcome, Release, Resolution, StateView, Version};

/// A key has one record, whether it is claimed with an order, without one, or with another resource. So turning order
/// on or off never makes a known event new.
pub async fn an_order_does_not_move_a_record(harness: &dyn Harness) {
    let case = Case::new(harness, "an_order_does_not_move_a_record").await;
    let plain = |name: &str| case.claim(name);
    let some = |name: &str| case.ordered(name, "r", 5);
    let other = |name: &str| case.ordered(name, "s", 6);
    let claims: [&dyn Fn(&str) -> Claim; 3] = [&plain, &some, &other];
    for (number, first) in claims.into_iter().enumerate() {
        let name = format!("{number}");
        let grant = case.one.grant(&first(&name)).await;
        for claim in claims {
            case.two.refused(&claim(&name)).await;
        }
        assert_eq!(case.one.complete(&grant.lease, "done").await, Hold::Held, "the holder completes");
        for claim in claims {
            case.two.replayed(&claim(&name), b"done").await;
        }
        assert_eq!(case.two.view(&case.key(&name)).await.attempts, 1, "it ran once");
        assert!(case.two.forget(&case.key(&name)).await, "the record is found by its key");
        for claim in claims {
            assert!(case.one.load(&claim(&name).key).await.is_none(), "the key has a second record");
        }
    }
}

/// A takeover, and the next attempt after a release, may have another order than the first claim, or none.
pub async fn a_takeover_may_have_another_order(harness: &dyn Harness) {
    let case = Case::new(harness, "a_takeover_may_have_another_order").await;
    let first = case.one.grant(&case.ordered("k", "r", 5)).await;
    case.let_leases_expire().await;
    let second = case.two.grant(&case.claim("k")).await;
    assert!(second.attempt == 2 && second.fence() > first.fence(), "{second:?} after {first:?}");
    assert_eq!(case.one.complete(&first.lease, "first").await, Hold::Lost, "a claim took over");
    assert_eq!(case.two.release(&second.lease).await, Hold::Held, "the holder releases");
    let third = case.one.grant(&case.ordered("k", "s", 6)).await;
    assert_eq!(third.attempt, 3, "every attempt counts");
    assert_eq!(case.one.complete(&third.lease, "done").await, Hold::Held, "the holder completes");
    if harness.changes_mark_with_record() {
        assert_eq!(case.two.newest(&case.resource("r")).await, None, "no version has completed");
    }
    assert_eq!(case.two.newest(&case.resource("s")).await, Some(Version::new(6)));
}

/// `newest` returns the newest completed version of a resource. Only a completion changes it, and never to an older
/// one.
pub async fn the_newest_version_can_be_asked_for(harness: &dyn Harness) {
    let case = Case::new(harness, "the_newest_version_can_be_asked_for").await;
    let resource = case.resource("r");
    let older = case.one.grant(&case.ordered("older", "r", 3)).await;
    let newer = case.one.grant(&case.ordered("newer", "r", 7)).await;
    assert_eq!(case.two.newest(&resource).await, None, "none has completed");
    assert_eq!(case.one.complete(&newer.lease, "done").await, Hold::Held, "the holder completes");
    for handle in [&case.one, &case.two] {
        assert_eq!(handle.newest(&resource).await, Some(Version::new(7)));
    }
    assert_eq!(case.one.complete(&older.lease, "done").await, Hold::Held, "it started before");
    assert_eq!(case.two.newest(&resource).await, Some(Version::new(7)), "a mark never falls");
    assert_eq!(case.two.newest(&case.resource("s")).await, None, "another resource has a mark of its own");

    case.one.grant(&case.ordered("resolved", "r", 9)).await;
    case.let_leases_expire().await;
    let resolution = Resolution::Completed(Outcome::new("resolved"));
    assert!(case.one.resolve(case.key("resolved").digest(), &resolution).await, "the lease had run out");
    assert_eq!(case.two.newest(&resource).await, Some(Version::new(9)), "a resolution raises the mark");
}

/// A stale claim does not count as an attempt and leaves no key in doubt. It does not change an abandoned record.
pub async fn a_stale_claim_is_no_attempt_and_leaves_nothing_in_doubt(harness: &dyn Harness) {
    let case = Case::new(harness, "a_stale_claim_is_no_attempt_and_leaves_nothing_in_doubt").await;
    let abandoned = case.one.grant(&case.ordered("abandoned", "r", 1)).await;
    let released = case.one.grant(&case.ordered("released", "r", 1)).await;
    assert_eq!(case.one.release(&released.lease).await, Hold::Held, "the holder releases");
    let newer = case.one.grant(&case.ordered("newer", "r", 2)).await;
    assert_eq!(case.one.complete(&newer.lease, "done").await, Hold::Held, "the holder completes");
    let hold = case.one.give_up(&abandoned.lease, Release::Abandoned).await;
    assert_eq!(hold, Hold::Held, "the holder abandons");

    let stale = Claimed::Stale { newest: Version::new(2) };
    let cautious = |claim: Claim| Claim { on_expired: OnExpired::InDoubt, ..claim };
    for name in ["new", "released"] {
        for handle in [&case.one, &case.two] {
            assert_eq!(handle.claim(&cautious(case.ordered(name, "r", 1))).await, stale, "{name}");
        }
    }
    assert_eq!(case.two.claim(&case.ordered("abandoned", "r", 1)).await, stale);
    assert_eq!(case.two.claim(&cautious(case.ordered("abandoned", "r", 1))).await, Claimed::InDoubt);
    assert_eq!(case.one.view(&case.key("abandoned")).await.attempts, 1, "a stale claim is no attempt");
    assert_eq!(
        case.one.view(&case.key("abandoned")).await.state,
        StateView::Abandoned,
        "a stale claim changed the record"
    );

    case.advance(LEASE + super::SLACK).await;
    for (name, attempt) in [("new", 1), ("released", 2)] {
        let grant = case.two.grant(&cautious(case.claim(name))).await;
        assert_eq!(grant.attempt, attempt, "{name}: a stale claim is no attempt");
    }
    let grant = case.two.grant(&case.claim("abandoned")).await;
    assert!(grant.attempt == 2 && grant.fence() > abandoned.fence(), "{grant:?} after {abandoned:?}");
}
