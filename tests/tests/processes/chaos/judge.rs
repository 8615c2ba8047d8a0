//! The judge: compares the ledger with the sender's log.

use std::collections::HashMap;
use std::time::Duration;

use idempotency_tests::demo::Line;

use super::LEASE;
use super::journal::Fault;
use super::sender::{Event, Sent};

/// Redis counts leases in milliseconds.
const REDIS_TICK: Duration = Duration::from_millis(1);

/// How long a server tries to reach its store, in microseconds. A server whose claim stays unanswered for that long
/// answers conflict and undoes the claim, which leaves an attempt without an effect. So does a server that, before its
/// handler starts, finds its lease lost or the outcome of another attempt.
const STORE_TIMEOUT: u64 = 1_500_000;

/// All broken promises. `again` has the repeated deliveries after the end of the load.
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
    // A process that was stopped just before it wrote may write after another one.
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
        let again = again.get(event.id.as_str()).map_or(&[][..], Vec::as_slice);
        found.extend(case.forgotten(event, again));
        found.extend(case.answered_wrongly(event, again));
        found.extend(case.answered_differently(event, again));
        found.extend(case.stale_after_it_was_recorded(event));
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

    /// An execution may follow another only if a process died or a server was unreachable in between.
    fn executed_without_a_reason(&self, event: &Event) -> Option<String> {
        let lines = self.lines_of(event);
        let explained = lines.windows(2).all(|pair| {
            let [before, after] = [pair[0], pair[1]];
            let grown = before.fence < after.fence && before.attempt < after.attempt;
            grown && self.is_reason_between(event, before.fence, after.fence)
        });
        (!explained).then(|| format!("{}: executed more than once for no reason: {lines:?}", event.id))
    }

    /// A finished execution is never released: the next attempt takes over after its lease.
    fn executed_within_a_lease(&self, event: &Event) -> Option<String> {
        let lease = u64::try_from((LEASE - REDIS_TICK).as_micros()).expect("it is short");
        let lines = self.lines_of(event);
        let early = lines.windows(2).any(|pair| pair[1].fence < pair[0].fence + lease);
        early.then(|| format!("{}: executed again within the lease: {lines:?}", event.id))
    }

    /// At most one attempt is answered as recorded.
    fn recorded_twice(&self, event: &Event) -> Option<String> {
        let executed = self.sent_of(event).iter().filter(|sent| sent.is_acknowledged_as("executed")).count();
        (executed > 1).then(|| format!("{}: {executed} attempts answered as the recorded one", event.id))
    }

    /// An attempt that neither executed nor was told to fail must have been cut short.
    fn repeated_without_a_reason(&self, event: &Event) -> Option<String> {
        let sent = self.sent_of(event).iter().map(|sent| sent.at).min()?;
        let line = self.lines_of(event).iter().find(|line| line.attempt > 1 + event.failures)?;
        (!self.is_reason_between(event, sent, line.fence)).then(|| {
            format!("{}: too many attempts for no reason: {line:?}, {:?}", event.id, self.sent_of(event))
        })
    }

    /// Whether a fault, an unreachable store or a slow server explains a rerun in this interval. The sender learns of the
    /// last two from its answers: from their content, or from the time until a conflict, a lost lease or a replay.
    fn is_reason_between(&self, event: &Event, from: u64, to: u64) -> bool {
        let is_late = |sent: &Sent| match sent.outcome() {
            "outage" | "executed; stored=?0" | "no answer" => true,
            "conflict" | "lease lost" | "replayed" => sent.answered - sent.at >= STORE_TIMEOUT,
            _ => false,
        };
        self.faults.iter().any(|fault| fault.from <= to && fault.to >= from)
            || self.sent_of(event).iter().any(|sent| is_late(sent) && sent.at <= to && sent.answered >= from)
    }

    /// After the load, a recorded outcome is replayed. An event without one may be executed again.
    fn forgotten(&self, event: &Event, again: &[&Sent]) -> Option<String> {
        let mut recorded = self.recorded_at(event).is_some();
        let well = again.iter().all(|sent| {
            let replayed = sent.is_acknowledged_as("replayed");
            let known = replayed || (!recorded && sent.is_acknowledged_as("stale"));
            let well = known || (!recorded && sent.is_acknowledged());
            recorded |= replayed || sent.is_acknowledged_as("executed");
            well
        });
        (!well).then(|| {
            let recorded = self.recorded_at(event);
            format!("{}: recorded at {recorded:?}, and later {again:?}", event.id)
        })
    }

    /// A 2xx says that the event is stale, or carries the outcome of an execution of it that had begun.
    fn answered_wrongly(&self, event: &Event, again: &[&Sent]) -> Option<String> {
        let is_of_an_execution = |sent: &Sent| {
            sent.receipt.as_ref().is_some_and(|receipt| {
                let begun = |line: &&Line| line.attempt == receipt.attempt && line.fence < sent.answered;
                receipt.received == event.id && self.lines_of(event).iter().copied().any(|line| begun(&line))
            })
        };
        let is_right = |sent: &Sent| match sent.outcome() {
            "executed" | "executed; stored=?0" | "replayed" => is_of_an_execution(sent),
            "stale" => event.snapshot.is_some(),
            _ => false,
        };
        let mut answers = self.sent_of(event).iter().chain(again);
        let wrong = answers.find(|sent| sent.is_acknowledged() && !is_right(sent))?;
        Some(format!("{}: acknowledged by {wrong:?}, and executed: {:?}", event.id, self.lines_of(event)))
    }

    /// All recorded and replayed answers come from one attempt.
    fn answered_differently(&self, event: &Event, again: &[&Sent]) -> Option<String> {
        let recorded =
            |sent: &&&Sent| sent.is_acknowledged_as("executed") || sent.is_acknowledged_as("replayed");
        let mut answers = self.sent_of(event).iter().chain(again).filter(recorded);
        let first = answers.next()?;
        let other = answers.find(|sent| sent.receipt != first.receipt)?;
        Some(format!("{}: answered by {first:?} and by {other:?}", event.id))
    }

    /// A completed record is answered before the order is compared.
    fn stale_after_it_was_recorded(&self, event: &Event) -> Option<String> {
        let recorded = self.recorded_at(event)?;
        let mut stale = self.sent_of(event).iter().filter(|sent| sent.is_acknowledged_as("stale"));
        let late = stale.find(|sent| sent.at > recorded)?;
        Some(format!("{}: recorded at {recorded}, then stale: {late:?}", event.id))
    }

    /// No older snapshot starts after the sender knew that a newer one was recorded.
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

    /// A stale event has a newer snapshot whose execution had begun.
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

    /// The first time at which the sender knew that the outcome was recorded.
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

mod tests;
