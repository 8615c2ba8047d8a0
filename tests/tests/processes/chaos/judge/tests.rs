//! The judge finds each kind of violation.

use super::super::sender::Receipt;
use super::*;

const FAULT: Fault = Fault { kind: "server killed", point: None, from: 150, to: 160 };

/// A time after the lease of a claim at 100.
const LATER: u64 = 2_000_180;

fn event(id: &str, snapshot: Option<u32>) -> Event {
    Event { id: id.to_owned(), snapshot: snapshot.map(|at| ("usr".to_owned(), at)), failures: 0, delay: 0 }
}

/// An answer of 200, with the receipt of an attempt.
fn sent(id: &str, answered: u64, mark: &str, attempt: u32) -> Sent {
    let receipt = Some(Receipt { received: id.to_owned(), attempt });
    Sent { id: id.to_owned(), at: 0, answered, answer: Some((200, mark.to_owned())), receipt }
}

fn stale(id: &str, at: u64) -> Sent {
    Sent { at, receipt: None, ..sent(id, at, "stale", 0) }
}

fn line(id: &str, attempt: u32, fence: u64) -> Line {
    let line = serde_json::json!({ "provider": "p", "key": id, "attempt": attempt, "fence": fence });
    serde_json::from_value(line).expect("a line")
}

fn found(events: &[Event], sent: &[Sent], again: &[Sent], lines: &[Line], faults: &[Fault]) -> String {
    violations(events, sent, again, lines, faults).join("\n")
}

#[test]
fn it_finds_extra_and_missing_executions() {
    let a = [event("a", None)];
    let known = |attempt| [sent("a", LATER + 900, "replayed", attempt)];
    let executed = |attempt| [sent("a", LATER + 20, "executed", attempt)];
    let (once, twice) = ([line("a", 1, 100)], [line("a", 1, 100), line("a", 2, LATER)]);
    assert_eq!(found(&a, &executed(1), &known(1), &once, &[]), "");
    assert_eq!(found(&a, &executed(2), &known(2), &twice, &[FAULT]), "");
    assert!(found(&a, &executed(2), &known(2), &twice, &[]).contains("for no reason"));
    let soon = [line("a", 1, 100), line("a", 2, 180)];
    assert!(found(&a, &executed(2), &known(2), &soon, &[FAULT]).contains("again within the lease"));
    let second = [line("a", 2, 170)];
    assert_eq!(found(&a, &executed(2), &known(2), &second, &[FAULT]), "");
    assert!(found(&a, &executed(2), &known(2), &second, &[]).contains("too many attempts"));
    let refused = Sent { answer: Some((503, String::new())), receipt: None, ..sent("a", 160, "", 0) };
    let sent_log = [refused, sent("a", 200, "executed", 2)];
    assert_eq!(found(&a, &sent_log, &known(2), &second, &[]), "");
    let conflict =
        |answered| [Sent { answer: Some((503, "conflict".to_owned())), ..sent("a", answered, "", 0) }];
    let sent_log = |answered| [&conflict(answered)[..], &executed(2)].concat();
    assert_eq!(found(&a, &sent_log(1_500_000), &known(2), &second, &[]), "");
    assert!(found(&a, &sent_log(1_499_999), &known(2), &second, &[]).contains("too many attempts"));
    assert!(found(&a, &executed(1), &known(1), &[], &[]).contains("neither executed nor stale"));
    assert!(found(&a, &[], &known(1), &once, &[]).contains("never acknowledged"));
    assert!(found(&a, &executed(1), &executed(1), &once, &[]).contains("and later"));
    let both = [sent("a", 200, "executed", 1), sent("a", 300, "executed", 1)];
    assert!(found(&a, &both, &known(1), &once, &[]).contains("2 attempts answered"));
    let late = [line("a", 1, 100), line("a", 2, LATER + 300)];
    assert!(found(&a, &executed(1), &known(1), &late, &[FAULT]).contains("then executed"));
}

#[test]
fn it_finds_a_false_acknowledgement() {
    let a = [event("a", None)];
    let (executed, once) = ([sent("a", 200, "executed", 1)], [line("a", 1, 100)]);
    let known = |id, attempt| [Sent { id: "a".to_owned(), ..sent(id, 900, "replayed", attempt) }];
    assert!(found(&a, &executed, &known("b", 1), &once, &[]).contains("acknowledged by"));
    assert!(found(&a, &executed, &known("a", 2), &once, &[]).contains("acknowledged by"));
    let early = [sent("a", 90, "executed; stored=?0", 1), sent("a", 200, "replayed", 1)];
    assert!(found(&a, &early, &known("a", 1), &once, &[]).contains("acknowledged by"));
    for mark in ["conflict", "bypassed", ""] {
        let sent_log = [sent("a", 200, mark, 1)];
        assert!(found(&a, &sent_log, &known("a", 1), &once, &[]).contains("acknowledged by"), "{mark}");
    }
    let twice = [line("a", 1, 100), line("a", 2, LATER)];
    let sent_log = [sent("a", LATER + 20, "executed", 1)];
    assert!(found(&a, &sent_log, &known("a", 2), &twice, &[FAULT]).contains("answered by"));
}

#[test]
fn it_finds_an_older_event_that_started_after_a_newer_one_was_recorded() {
    let events = [event("old", Some(1)), event("new", Some(2))];
    let log = [sent("old", 400, "executed", 1), sent("new", 200, "executed", 1)];
    let known = [sent("old", 900, "replayed", 1), sent("new", 900, "replayed", 1)];
    let lines = |old| [line("new", 1, 100), line("old", 1, old)];
    assert_eq!(found(&events, &log, &known, &lines(150), &[]), "");
    assert!(found(&events, &log, &known, &lines(250), &[]).contains("then an older one"));
    let log = [stale("old", 90), sent("new", 200, "executed", 1)];
    assert!(found(&events, &log, &known, &lines(80), &[]).contains("nothing newer"));
}

#[test]
fn it_finds_a_record_that_was_lost_behind_a_newer_one() {
    let events = [event("old", Some(1)), event("new", Some(2))];
    let log = [sent("old", 140, "executed", 1), sent("new", 200, "executed", 1)];
    let lines = [line("old", 1, 90), line("new", 1, 150)];
    let known = [sent("old", 900, "replayed", 1), sent("new", 900, "replayed", 1)];
    assert_eq!(found(&events, &log, &known, &lines, &[]), "");
    let lost = [stale("old", 900), sent("new", 900, "replayed", 1)];
    assert!(found(&events, &log, &lost, &lines, &[]).contains("and later"));
    let mut log = log.to_vec();
    log.push(stale("old", 300));
    assert!(found(&events, &log, &known, &lines, &[]).contains("then stale"));
}
