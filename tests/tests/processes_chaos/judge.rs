//! The judge: what the ledger and the sender's log must not show together.

use std::collections::HashMap;

use idempotency_tests::demo::Line;

use super::faults::Fault;
use super::sender::{Event, Sent};

/// Everything that was promised and not kept.
///
/// A fencing token is the moment of its claim in microseconds since 1970, so it can be compared with the sender's.
pub(crate) fn violations(
    events: &[Event],
    sent: &[Sent],
    again: &[Sent],
    lines: &[Line],
    faults: &[Fault],
) -> Vec<String> {
    let case = Case { sent: by_id(sent, |sent| &sent.id), lines: by_id(lines, |line| &line.key), faults };
    let again = by_id(again, |sent| &sent.id);
    let mut found = Vec::new();
    for event in events {
        found.extend(case.not_acknowledged(event));
        found.extend(case.acknowledged_and_not_executed(event));
        found.extend(case.executed_after_it_was_recorded(event));
        found.extend(case.executed_without_a_reason(event));
        found.extend(case.repeated_without_a_reason(event));
        found.extend(case.forgotten(event, &again[event.id.as_str()]));
    }
    found.extend(case.out_of_order(events));
    found.extend(case.stale_for_no_reason(events));
    found
}

struct Case<'a> {
    sent: HashMap<&'a str, Vec<&'a Sent>>,
    lines: HashMap<&'a str, Vec<&'a Line>>,
    faults: &'a [Fault],
}

impl<'a> Case<'a> {
    fn not_acknowledged(&self, event: &Event) -> Option<String> {
        let acknowledged = self.sent_of(event).iter().any(|sent| sent.is_acknowledged());
        (!acknowledged).then(|| format!("{}: never acknowledged", event.id))
    }

    fn acknowledged_and_not_executed(&self, event: &Event) -> Option<String> {
        let stale = self.sent_of(event).iter().any(|sent| sent.is_acknowledged_as("stale"));
        (self.lines_of(event).is_empty() && !stale)
            .then(|| format!("{}: acknowledged, and neither executed nor stale", event.id))
    }

    fn executed_after_it_was_recorded(&self, event: &Event) -> Option<String> {
        let recorded = self.recorded_at(event)?;
        let late = self.lines_of(event).iter().find(|line| line.fence > recorded)?;
        Some(format!("{}: recorded at {recorded}, then executed: {late:?}", event.id))
    }

    /// Each execution but the last was followed by another because something died or was unreachable meanwhile.
    fn executed_without_a_reason(&self, event: &Event) -> Option<String> {
        let lines = self.lines_of(event);
        let explained = lines.windows(2).all(|pair| {
            let [before, after] = [pair[0], pair[1]];
            let grown = before.fence < after.fence && before.attempt < after.attempt;
            let mut faults = self.faults.iter();
            grown && faults.any(|fault| fault.from <= after.fence && fault.to >= before.fence)
        });
        (!explained).then(|| format!("{}: executed more than once for no reason: {lines:?}", event.id))
    }

    /// An attempt that neither executed nor was told to fail was cut short by something.
    fn repeated_without_a_reason(&self, event: &Event) -> Option<String> {
        let sent = self.sent_of(event).iter().map(|sent| sent.at).min()?;
        let line = self.lines_of(event).iter().find(|line| line.attempt > 1 + event.failures)?;
        let explained = self.faults.iter().any(|fault| fault.from <= line.fence && fault.to >= sent);
        (!explained).then(|| format!("{}: too many attempts for no reason: {line:?}", event.id))
    }

    /// After all is over, whatever was recorded answers; what was not may be executed once more.
    fn forgotten(&self, event: &Event, again: &[&Sent]) -> Option<String> {
        let known = |sent: &&Sent| sent.is_acknowledged_as("replayed") || sent.is_acknowledged_as("stale");
        let recorded = self.recorded_at(event).is_some();
        let well = again.iter().all(|sent| sent.is_acknowledged()) && again.iter().skip(1).all(known);
        (!well || (recorded && !again.iter().all(known)))
            .then(|| format!("{}: recorded {recorded}, and later {again:?}", event.id))
    }

    /// No execution of an older snapshot started after the sender knew that a newer one was recorded.
    fn out_of_order(&self, events: &'a [Event]) -> Vec<String> {
        let mut of_users: HashMap<&str, Vec<(u32, &Event)>> = HashMap::new();
        for event in events {
            if let Some((user, version)) = &event.snapshot {
                of_users.entry(user).or_default().push((*version, event));
            }
        }
        let mut found = Vec::new();
        for snapshots in of_users.values() {
            for (version, newer) in snapshots {
                let Some(recorded) = self.recorded_at(newer) else { continue };
                let older = snapshots.iter().filter(|(other, _)| other < version);
                for line in older.flat_map(|(_, event)| self.lines_of(event)) {
                    if line.fence > recorded {
                        found.push(format!(
                            "{} was recorded at {recorded}, then an older one: {line:?}",
                            newer.id
                        ));
                    }
                }
            }
        }
        found
    }

    /// Whatever was called stale had a newer snapshot, whose execution had begun by then.
    fn stale_for_no_reason(&self, events: &[Event]) -> Vec<String> {
        let mut found = Vec::new();
        for event in events {
            let Some(snapshot) = &event.snapshot else { continue };
            let stale = self.sent_of(event).iter().filter(|sent| sent.is_acknowledged_as("stale"));
            let Some(first) = stale.map(|sent| sent.answered).min() else { continue };
            let is_newer = |(user, version): &(String, u32)| *user == snapshot.0 && *version > snapshot.1;
            let newer = events.iter().filter(|other| other.snapshot.as_ref().is_some_and(is_newer));
            if !newer.flat_map(|other| self.lines_of(other)).any(|line| line.fence < first) {
                found.push(format!("{}: stale at {first}, and nothing newer was executed", event.id));
            }
        }
        found
    }

    /// When the sender first knew that the outcome was in the store.
    fn recorded_at(&self, event: &Event) -> Option<u64> {
        let recorded =
            |sent: &&&Sent| sent.is_acknowledged_as("executed") || sent.is_acknowledged_as("replayed");
        self.sent_of(event).iter().filter(recorded).map(|sent| sent.answered).min()
    }

    fn sent_of(&self, event: &Event) -> &[&'a Sent] {
        self.sent.get(event.id.as_str()).map_or(&[], Vec::as_slice)
    }

    fn lines_of(&self, event: &Event) -> &[&'a Line] {
        self.lines.get(event.id.as_str()).map_or(&[], Vec::as_slice)
    }
}

fn by_id<T>(all: &[T], id: impl Fn(&T) -> &String) -> HashMap<&str, Vec<&T>> {
    let mut groups: HashMap<&str, Vec<&T>> = HashMap::new();
    for one in all {
        groups.entry(id(one)).or_default().push(one);
    }
    groups
}

/// A judge that finds nothing would let everything pass.
mod tests {
    use super::*;

    fn event(id: &str, snapshot: Option<u32>) -> Event {
        Event {
            id: id.to_owned(),
            snapshot: snapshot.map(|at| ("usr".to_owned(), at)),
            failures: 0,
            delay: 0,
        }
    }

    fn sent(id: &str, answered: u64, mark: &str) -> Sent {
        Sent { id: id.to_owned(), at: 0, answered, answer: Some((200, mark.to_owned())) }
    }

    fn line(id: &str, attempt: u32, fence: u64) -> Line {
        let line = serde_json::json!({ "provider": "p", "key": id, "attempt": attempt, "fence": fence });
        serde_json::from_value(line).expect("a line")
    }

    fn found(events: &[Event], sent: &[Sent], again: &[Sent], lines: &[Line], faults: &[Fault]) -> String {
        violations(events, sent, again, lines, faults).join("\n")
    }

    const FAULT: Fault = Fault { kind: "server killed", from: 150, to: 160 };

    #[test]
    fn it_finds_what_is_not_as_promised() {
        let a = [event("a", None)];
        let (known, executed) = ([sent("a", 900, "replayed")], [sent("a", 200, "executed")]);
        let (once, twice) = ([line("a", 1, 100)], [line("a", 1, 100), line("a", 2, 180)]);
        assert_eq!(found(&a, &executed, &known, &once, &[]), "");
        assert_eq!(found(&a, &executed, &known, &twice, &[FAULT]), "");
        assert!(found(&a, &executed, &known, &twice, &[]).contains("for no reason"));
        let second = [line("a", 2, 170)];
        assert_eq!(found(&a, &executed, &known, &second, &[FAULT]), "");
        assert!(found(&a, &executed, &known, &second, &[]).contains("too many attempts"));
        assert!(found(&a, &executed, &known, &[], &[]).contains("neither executed nor stale"));
        assert!(found(&a, &[], &known, &once, &[]).contains("never acknowledged"));
        assert!(found(&a, &executed, &executed, &once, &[]).contains("and later"));
        let late = [line("a", 1, 100), line("a", 2, 300)];
        assert!(found(&a, &executed, &known, &late, &[FAULT]).contains("recorded at 200, then executed"));
    }

    #[test]
    fn it_finds_an_older_event_that_started_after_a_newer_one_was_recorded() {
        let events = [event("old", Some(1)), event("new", Some(2))];
        let log = [sent("old", 400, "executed"), sent("new", 200, "executed")];
        let known = [sent("old", 900, "replayed"), sent("new", 900, "replayed")];
        let lines = |old| [line("new", 1, 100), line("old", 1, old)];
        assert_eq!(found(&events, &log, &known, &lines(150), &[]), "");
        assert!(found(&events, &log, &known, &lines(250), &[]).contains("then an older one"));
        let log = [sent("old", 90, "stale"), sent("new", 200, "executed")];
        assert!(found(&events, &log, &known, &lines(80), &[]).contains("nothing newer"));
    }
}
