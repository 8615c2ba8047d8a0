//! The checker's verdicts on handwritten histories.

use idempotency_core::store::Release;

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
fn a_takeover_is_accepted_from_the_earliest_end_of_the_lease() {
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
fn a_completion_without_an_answer_counts_if_a_claim_saw_its_outcome() {
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

/// Whether a history can be explained in which owner 1 completes key 0 of a newer version while owner 2 claims key 1 of
/// an older version, where record and mark change in two steps.
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
fn in_two_steps_the_mark_may_be_ahead_of_the_record_and_never_behind() {
    let stale = Answer::Stale { newest: 2 };
    let held = Some((40, Answer::Held));
    assert!(in_two_steps(held, 50, stale));
    assert!(!in_two_steps(held, 50, granted(6, 1)), "the mark was raised before the record said completed");
    assert!(in_two_steps(None, 50, stale), "the mark was raised before the completion was lost");
    assert!(!in_two_steps(held, 5, stale), "nothing had been completed");
}

#[test]
fn in_two_steps_a_stale_claim_is_granted_briefly() {
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
    assert!(
        seen(Answer::InFlight { retry_after: 980 }),
        "the claim that will give its grant back holds the key"
    );
    assert!(!seen(granted(9, 2)), "the grant that was given back counts no attempt");
}

/// Another owner's answer long before the lease ends, around a failover from 100 to 110.
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
    assert!(
        !check(&granted_again(200, granted(9, 2)), false),
        "a store that knows the first attempt blocks the key"
    );
    let blocked = granted_again(200, Answer::InFlight { retry_after: 810 });
    assert!(check(&blocked, true), "nothing was forgotten");
    let seen_again = at(300, claim(3), Some((310, Answer::InFlight { retry_after: 710 })));
    let [first, second] = forgotten;
    assert!(!check(&[first, second, seen_again], false), "a forgotten write does not come back");
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
    // The record is gone, and with it the grant that was answered at 20.
    let anew = at(200, claim(2), Some((210, granted(9, 1))));
    let all = [&completed(40)[..], &[anew]].concat();
    assert!(check(&all, 20), "both may have taken effect after the cut");
    assert!(!check(&all, 21), "the replica had the grant");
    // The grant is there, and its lease has run out.
    let taken_over = at(1300, claim(2), Some((1310, granted(9, 2))));
    let completion = [&completed(40)[..], &[taken_over]].concat();
    assert!(check(&completion, 40), "the completion may have taken effect after the cut");
    assert!(!check(&completion, 41), "the replica had the completion");
    // Forgotten writes took effect after the cut, so a lease that began then ends later.
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
fn a_store_that_reads_its_clock_early_reports_an_earlier_time() {
    let first = at(10, claim(1), Some((20, granted(5, 1))));
    let renewed = at(1000, Action::Renew { owner: 1, fence: 5, lease: LEASE }, Some((1005, Answer::Held)));
    let seen = |retry_after| at(900, claim(2), Some((1200, Answer::InFlight { retry_after })));
    let check = |retry_after, reads_clock_early| {
        let operations = [first.clone(), renewed.clone(), seen(retry_after)];
        let history = History { reads_clock_early, ..history(operations) };
        matches!(Checker::new().check(&history), Verdict::Explained)
    };
    assert!(check(990, false) && check(990, true), "the clock was read at 1010 or so");
    assert!(!check(1090, false) && check(1090, true), "it was read at 910, before the renewal that was seen");
    assert!(!check(1110, true), "it was read before the call");
}

/// Whether a store that repeats operations can explain these, and whether another can.
fn explained_by(operations: &[Operation]) -> (bool, bool) {
    let check = |history| matches!(Checker::new().check(&history), Verdict::Explained);
    let history = history(operations.to_vec());
    (check(history.clone().repeating_operations()), check(history))
}

#[test]
fn an_operation_may_be_repeated_until_it_is_answered() {
    let first = at(10, claim(1), Some((20, granted(5, 1))));
    let renewed = at(100, Action::Renew { owner: 1, fence: 5, lease: LEASE }, Some((400, Answer::Held)));
    let seen = |call, end: Micros| {
        at(call, claim(2), Some((call + 10, Answer::InFlight { retry_after: end - call })))
    };
    let renewals = [first.clone(), renewed, seen(150, 1120), seen(250, 1220), seen(450, 1390)];
    assert_eq!(explained_by(&renewals), (true, false), "it was renewed three times");
    let late = [&renewals[..], &[seen(500, 1490)]].concat();
    assert_eq!(explained_by(&late), (false, false), "it is not renewed after the answer");

    let release = |answer| at(100, Action::Release { owner: 1, fence: 5, how: Release::Failed }, answer);
    let taken = at(150, claim(2), Some((160, granted(9, 2))));
    let lost = [first.clone(), release(Some((300, Answer::Lost))), taken.clone()];
    assert_eq!(explained_by(&lost), (true, false), "the repeat found the next owner");
    let early = [first.clone(), at(170, release(None).action, Some((300, Answer::Lost))), taken];
    assert_eq!(explained_by(&early), (false, false), "it was not released before it was called");

    let forget = |done| at(100, Action::Forget, Some((300, Answer::Done(done))));
    let anew = at(150, claim(2), Some((160, granted(9, 1))));
    assert_eq!(explained_by(&[first, forget(false), anew]), (true, false));
}

#[test]
fn a_claim_that_is_repeated_is_granted_once() {
    let unanswered = at(10, claim(1), None);
    let released =
        at(70, Action::Release { owner: 2, fence: 9, how: Release::Failed }, Some((80, Answer::Held)));
    let rival = at(30, claim(2), Some((60, granted(9, 1))));
    let again = at(90, claim(3), Some((100, Answer::InFlight { retry_after: LEASE })));
    let operations = [unanswered.clone(), rival, released.clone(), again.clone()];
    assert_eq!(explained_by(&operations), (true, true), "it took effect after the release");
    // It was granted before, as the attempts show.
    let rival = at(30, claim(2), Some((1030, granted(9, 2))));
    let [released, again] = [released, again].map(|operation| Operation {
        call: operation.call + 1000,
        answer: operation.answer.map(|(end, answer)| (end + 1000, answer)),
        ..operation
    });
    assert_eq!(explained_by(&[unanswered, rival, released, again]), (false, false));
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
        panic!("two owners hold the key at once");
    };
    assert_eq!(found.history().operations.len(), 2, "{found}");
    assert_eq!(found.broken().collect::<Vec<_>>(), ["I1: a key is not granted while another holds it"]);
}
