//! Histories written by hand.

use idempotency_core::Release;

use super::*;
use crate::history::{Action, Answer, Failover, Micros, Operation};

const LEASE: Micros = 1_000;

fn history(operations: impl IntoIterator<Item = Operation>) -> History {
    History { versions: vec![None], operations: operations.into_iter().collect(), ..History::default() }
}

fn claim(owner: u64) -> Action {
    Action::Claim { owner, fingerprint: None, lease: LEASE, in_doubt: false, is_ordered: true }
}

fn at(call: Micros, action: Action, answer: Option<(Micros, Answer)>) -> Operation {
    Operation { key: 0, worker: 0, call, action, answer }
}

fn granted(fence: u64, attempt: u32) -> Answer {
    Answer::Granted { fence, attempt }
}

fn is_explained(operations: impl IntoIterator<Item = Operation>) -> bool {
    match Checker::new().check(&history(operations)) {
        Verdict::Explained => true,
        Verdict::Violation(_) => false,
        Verdict::Undecided => panic!("undecided"),
    }
}

#[test]
fn a_takeover_is_right_from_the_earliest_end_of_the_lease_on() {
    let first = at(10, claim(1), Some((20, granted(5, 1))));
    let takeover = |call, end| at(call, claim(2), Some((end, granted(9, 2))));
    assert!(is_explained([first.clone(), takeover(900, 1010)]));
    assert!(!is_explained([first, takeover(900, 1009)]));
}

#[test]
fn a_lease_blocks_its_key_until_its_latest_end() {
    let first = at(10, claim(1), Some((20, granted(5, 1))));
    let blocked = |call| at(call, claim(2), Some((call + 500, Answer::InFlight { retry_after: 1 })));
    assert!(is_explained([first.clone(), blocked(1019)]));
    assert!(!is_explained([first, blocked(1020)]));
}

#[test]
fn a_claim_without_an_answer_may_have_been_granted_at_any_time() {
    let unanswered = at(10, claim(1), None);
    let granted_to_another = at(20, claim(2), Some((30, granted(5, 1))));
    let released =
        at(40, Action::Release { owner: 2, fence: 5, how: Release::Failed }, Some((50, Answer::Held)));
    let blocked = at(60, claim(3), Some((70, Answer::InFlight { retry_after: LEASE })));
    let operations = [unanswered, granted_to_another, released, blocked];
    assert!(is_explained(operations.clone()));
    assert!(!is_explained(operations.into_iter().skip(1)));
}

#[test]
fn a_completion_without_an_answer_counts_where_somebody_saw_it() {
    let held = at(10, claim(1), Some((20, granted(5, 1))));
    let completed = at(30, Action::Complete { owner: 1, fence: 5, outcome: 7 }, None);
    let seen = |outcome| at(40, claim(2), Some((50, Answer::Completed { outcome })));
    let lost = at(60, claim(3), Some((2000, granted(9, 2))));
    assert!(is_explained([held.clone(), completed.clone(), seen(7)]));
    assert!(!is_explained([held.clone(), completed.clone(), seen(8)]));
    assert!(!is_explained([held, completed, seen(7), lost]));
}

#[test]
fn an_older_version_is_not_granted_after_a_newer_one_completed() {
    let version = |number| Some(idempotency_core::Version::new(number));
    let newer = at(10, claim(1), Some((20, granted(5, 1))));
    let completed = at(30, Action::Complete { owner: 1, fence: 5, outcome: 7 }, Some((40, Answer::Held)));
    let older = |answer| Operation { key: 1, ..at(50, claim(2), Some((60, answer))) };
    let check = |answer| {
        let operations = vec![newer.clone(), completed.clone(), older(answer)];
        let history = History { versions: vec![version(2), version(1)], operations, ..History::default() };
        matches!(Checker::new().check(&history), Verdict::Explained)
    };
    assert!(check(Answer::Stale { newest: 2 }));
    assert!(!check(granted(6, 1)));
}

/// A newer version's key 0 is completed by owner 1, and an older one's key 1 is claimed by owner 2, where record and mark
/// change in two steps.
fn in_two_steps(completed: Option<(Micros, Answer)>, call: Micros, older: Answer) -> bool {
    let version = |number| Some(idempotency_core::Version::new(number));
    let operations = vec![
        at(10, claim(1), Some((20, granted(5, 1)))),
        at(30, Action::Complete { owner: 1, fence: 5, outcome: 7 }, completed),
        Operation { key: 1, ..at(call, claim(2), Some((call + 10, older))) },
    ];
    let history = History { versions: vec![version(2), version(1)], operations, ..History::default() };
    matches!(Checker::new().check(&history.split()), Verdict::Explained)
}

#[test]
fn where_record_and_mark_change_in_two_steps_the_mark_may_be_ahead_and_never_behind() {
    let stale = Answer::Stale { newest: 2 };
    let held = Some((40, Answer::Held));
    assert!(in_two_steps(held, 50, stale));
    assert!(!in_two_steps(held, 50, granted(6, 1)), "the mark was raised before the record said completed");
    assert!(in_two_steps(None, 50, stale), "the mark was raised, and the completion is lost");
    assert!(!in_two_steps(held, 5, stale), "nothing had been completed");
}

#[test]
fn what_is_stale_is_granted_for_a_moment_where_record_and_mark_change_in_two_steps() {
    let version = |number| Some(idempotency_core::Version::new(number));
    let seen = |answer| {
        let operations = vec![
            at(10, claim(1), Some((20, granted(5, 1)))),
            at(30, Action::Complete { owner: 1, fence: 5, outcome: 7 }, Some((40, Answer::Held))),
            Operation { key: 1, ..at(50, claim(2), Some((90, Answer::Stale { newest: 2 }))) },
            Operation { key: 1, ..at(60, claim(3), Some((70, answer))) },
        ];
        let history = History { versions: vec![version(2), version(1)], operations, ..History::default() };
        matches!(Checker::new().check(&history.split()), Verdict::Explained)
    };
    assert!(seen(Answer::InFlight { retry_after: 980 }), "by the claim that is about to give its grant back");
    assert!(!seen(granted(9, 2)), "it was never granted for good");
}

/// What another is granted long before the lease ends, around a failover from 100 to 110.
fn granted_again(call: Micros, answer: Answer) -> [Operation; 2] {
    [at(10, claim(1), Some((20, granted(5, 1)))), at(call, claim(2), Some((call + 50, answer)))]
}

#[test]
fn a_failover_may_forget_the_latest_writes_and_nothing_else() {
    let check = |operations: &[Operation], is_confirmed| {
        let failover = Failover::new(0, 100, 110).with_confirmation(is_confirmed);
        let history = history(operations.to_vec()).with_failover(failover);
        matches!(Checker::new().check(&history), Verdict::Explained)
    };
    let forgotten = granted_again(200, granted(9, 1));
    assert!(!is_explained(forgotten.clone()));
    assert!(check(&forgotten, false), "the grant was on the timeline that died");
    assert!(!check(&forgotten, true), "a replica had it");
    assert!(!check(&granted_again(40, granted(9, 1)), false), "there was no failover yet");
    assert!(!check(&granted_again(200, granted(9, 2)), false), "who knows of the first attempt blocks");
    let blocked = granted_again(200, Answer::InFlight { retry_after: 810 });
    assert!(check(&blocked, true), "nothing was forgotten");
    let seen_again = at(300, claim(3), Some((310, Answer::InFlight { retry_after: 710 })));
    let [first, second] = forgotten;
    assert!(!check(&[first, second, seen_again], false), "what is forgotten does not come back");
}

#[test]
fn a_failover_forgets_nothing_from_before_the_cut() {
    let completed = |end| {
        [
            at(10, claim(1), Some((20, granted(5, 1)))),
            at(30, Action::Complete { owner: 1, fence: 5, outcome: 7 }, Some((end, Answer::Held))),
        ]
    };
    let check = |operations: &[Operation], cut_from| {
        let history = history(operations.to_vec()).with_failover(Failover::new(cut_from, 100, 110));
        matches!(Checker::new().check(&history), Verdict::Explained)
    };
    // Without any record: of the grant as well, whose answer came at 20.
    let anew = at(200, claim(2), Some((210, granted(9, 1))));
    let all = [&completed(40)[..], &[anew]].concat();
    assert!(check(&all, 20), "both may have taken effect after the cut");
    assert!(!check(&all, 21), "the replica had the grant");
    // With the grant, whose lease has run out.
    let taken_over = at(1300, claim(2), Some((1310, granted(9, 2))));
    let completion = [&completed(40)[..], &[taken_over]].concat();
    assert!(check(&completion, 40), "the completion may have taken effect after the cut");
    assert!(!check(&completion, 41), "the replica had the completion");
    // Whatever is forgotten took effect after the cut, and a lease that began then ends later.
    let first = at(10, claim(1), Some((60, granted(5, 1))));
    let second = at(1020, claim(2), Some((1040, granted(9, 2))));
    let third = at(1200, claim(3), Some((1210, granted(11, 1))));
    let check = |cut_from| {
        let operations = [first.clone(), second.clone(), third.clone()];
        let history = history(operations).with_failover(Failover::new(cut_from, 1100, 1110));
        matches!(Checker::new().check(&history), Verdict::Explained)
    };
    assert!(check(40), "the lease was granted at 40, and taken over at 1040");
    assert!(!check(50), "it was granted at 50 or later, and taken over too early");
}

#[test]
fn a_counterexample_has_only_what_is_needed() {
    let operations = [
        at(10, claim(1), Some((20, granted(5, 1)))),
        at(30, claim(3), Some((40, Answer::InFlight { retry_after: 980 }))),
        at(50, claim(2), Some((60, granted(9, 2)))),
        at(70, claim(4), Some((80, Answer::InFlight { retry_after: 980 }))),
    ];
    let Verdict::Violation(found) = Checker::new().check(&history(operations)) else {
        panic!("two hold the key at once");
    };
    assert_eq!(found.history().operations.len(), 2, "{found}");
    assert_eq!(found.broken().collect::<Vec<_>>(), ["I1: a key is not granted while another holds it"]);
}
