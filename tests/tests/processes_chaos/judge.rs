//! The judge: what the ledger and the sender's log must not show together.

use std::collections::HashMap;
use std::time::Duration;

use idempotency_tests::demo::Line;

use super::LEASE;
use super::journal::Fault;
use super::sender::{Event, Sent};

/// Redis counts leases in milliseconds.
const REDIS_TICK: Duration = Duration::from_millis(1);

/// Everything that was promised and not kept. `again` is of those events that were asked about when all was over.
///
/// A fencing token is the moment of its claim in microseconds since 1970, so it can be compared with the sender's.
pub(crate) fn violations(
    events: &[Event],
    sent: &[Sent],
    again: &[Sent],
    lines: &[Line],
    faults: &[Fault],
) -> Vec<String> {
    let mut case = Case { sent: by_id(sent, |sent| &sent.id), lines: by_id(lines, |line| &line.key), faults };
    // A process that was stopped just before it wrote writes when somebody else already has.
    case.lines.values_mut().for_each(|lines| lines.sort_by_key(|line| line.fence));
    let again = by_id(again, |sent| &sent.id);
    let mut found = Vec::new();
    for event in events {
        found.extend(case.not_acknowledged(event));
        found.extend(case.acknowledged_and_not_executed(event));
        found.extend(case.executed_after_it_was_recorded(event));
        found.extend(case.executed_without_a_reason(event));
        found.extend(case.executed_within_a_lease(event));
        found.extend(case.recorded_twice(event));
        found.extend(case.repeated_without_a_reason(event));
        if let Some(again) = again.get(event.id.as_str()) {
            found.extend(case.forgotten(event, again));
        }
    }
    for snapshots in of_users(events).values() {
        found.extend(case.out_of_order(snapshots));
        found.extend(case.stale_for_no_reason(snapshots));
    }
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
            grown && self.is_reason_between(event, before.fence, after.fence)
        });
        (!explained).then(|| format!("{}: executed more than once for no reason: {lines:?}", event.id))
    }

    /// What has executed is never released: another attempt takes over when its lease has run out.
    fn executed_within_a_lease(&self, event: &Event) -> Option<String> {
        let lease = u64::try_from((LEASE - REDIS_TICK).as_micros()).expect("it is short");
        let lines = self.lines_of(event);
        let early = lines.windows(2).any(|pair| pair[1].fence < pair[0].fence + lease);
        early.then(|| format!("{}: executed again within the lease: {lines:?}", event.id))
    }

    /// Of all attempts one is recorded; the others know that they are not.
    fn recorded_twice(&self, event: &Event) -> Option<String> {
        let executed = self.sent_of(event).iter().filter(|sent| sent.is_acknowledged_as("executed")).count();
        (executed > 1).then(|| format!("{}: {executed} attempts answered as the recorded one", event.id))
    }

    /// An attempt that neither executed nor was told to fail was cut short by something.
    fn repeated_without_a_reason(&self, event: &Event) -> Option<String> {
        let sent = self.sent_of(event).iter().map(|sent| sent.at).min()?;
        let line = self.lines_of(event).iter().find(|line| line.attempt > 1 + event.failures)?;
        (!self.is_reason_between(event, sent, line.fence))
            .then(|| format!("{}: too many attempts for no reason: {line:?}", event.id))
    }

    /// Whether there was a fault, or a store or a server that did not answer in time, of which the sender learned.
    fn is_reason_between(&self, event: &Event, from: u64, to: u64) -> bool {
        let late = ["outage", "executed; stored=?0", "no answer"];
        self.faults.iter().any(|fault| fault.from <= to && fault.to >= from)
            || (self.sent_of(event).iter())
                .any(|sent| late.contains(&sent.outcome()) && sent.at <= to && sent.answered >= from)
    }

    /// After all is over, whatever was recorded answers; what was not may be executed once more.
    fn forgotten(&self, event: &Event, again: &[&Sent]) -> Option<String> {
        let mut recorded = self.recorded_at(event).is_some();
        let well = again.iter().all(|sent| {
            let known = sent.is_answered_from_a_record();
            let well = known || (!recorded && sent.is_acknowledged());
            recorded |= known || sent.is_acknowledged_as("executed");
            well
        });
        (!well).then(|| {
            let recorded = self.recorded_at(event);
            format!("{}: recorded at {recorded:?}, and later {again:?}", event.id)
        })
    }

    /// No execution of an older snapshot started after the sender knew that a newer one was recorded.
    fn out_of_order(&self, snapshots: &[(u32, &Event)]) -> Vec<String> {
        let mut found = Vec::new();
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
        found
    }

    /// Whatever was called stale had a newer snapshot, whose execution had begun by then.
    fn stale_for_no_reason(&self, snapshots: &[(u32, &Event)]) -> Vec<String> {
        let mut found = Vec::new();
        for (version, event) in snapshots {
            let stale = self.sent_of(event).iter().filter(|sent| sent.is_acknowledged_as("stale"));
            let Some(first) = stale.map(|sent| sent.answered).min() else { continue };
            let newer = snapshots.iter().filter(|(other, _)| other > version);
            if !newer.flat_map(|(_, other)| self.lines_of(other)).any(|line| line.fence < first) {
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

/// The snapshots of each user, with their versions.
fn of_users(events: &[Event]) -> HashMap<&str, Vec<(u32, &Event)>> {
    let mut users: HashMap<&str, Vec<_>> = HashMap::new();
    for event in events {
        if let Some((user, version)) = &event.snapshot {
            users.entry(user).or_default().push((*version, event));
        }
    }
    users
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

    const FAULT: Fault = Fault { kind: "server killed", point: None, from: 150, to: 160 };

    /// When a lease of which the claim was at 100 has run out.
    const LATER: u64 = 2_000_180;

    #[test]
    fn it_finds_what_is_not_as_promised() {
        let a = [event("a", None)];
        let (known, executed) = ([sent("a", LATER + 900, "replayed")], [sent("a", LATER + 20, "executed")]);
        let (once, twice) = ([line("a", 1, 100)], [line("a", 1, 100), line("a", 2, LATER)]);
        assert_eq!(found(&a, &executed, &known, &once, &[]), "");
        assert_eq!(found(&a, &executed, &known, &twice, &[FAULT]), "");
        assert!(found(&a, &executed, &known, &twice, &[]).contains("for no reason"));
        let soon = [line("a", 1, 100), line("a", 2, 180)];
        assert!(found(&a, &executed, &known, &soon, &[FAULT]).contains("again within the lease"));
        let second = [line("a", 2, 170)];
        assert_eq!(found(&a, &executed, &known, &second, &[FAULT]), "");
        assert!(found(&a, &executed, &known, &second, &[]).contains("too many attempts"));
        let refused = Sent { answer: Some((503, String::new())), ..sent("a", 160, "") };
        let told = [refused, sent("a", 200, "executed")];
        assert_eq!(found(&a, &told, &known, &second, &[]), "");
        assert!(found(&a, &executed, &known, &[], &[]).contains("neither executed nor stale"));
        assert!(found(&a, &[], &known, &once, &[]).contains("never acknowledged"));
        assert!(found(&a, &executed, &executed, &once, &[]).contains("and later"));
        let both = [sent("a", 200, "executed"), sent("a", 300, "executed")];
        assert!(found(&a, &both, &known, &once, &[]).contains("2 attempts answered"));
        let late = [line("a", 1, 100), line("a", 2, LATER + 300)];
        assert!(found(&a, &executed, &known, &late, &[FAULT]).contains("then executed"));
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
