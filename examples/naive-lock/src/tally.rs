//! The tally: counts the lines of the ledger and of the sender's log.

use std::ops::AddAssign;

use crate::ledger::{Line, What};
use crate::sender::Delivery;
use crate::story::Story;
use crate::workers::Death;

/// Explains the columns of the table.
pub(crate) const DEFINITIONS: &str = "\
doubles  repeated effects of an event, except the excused ones.
excused  repeated effects of an event after the worker of an earlier effect was killed before the sender got a 2xx.
         No record shows the earlier effect, so the event must run again. The handler sees attempt 2.
lost     events without any effect that were acknowledged with a 2xx, or given up. An older state that was discarded
         because a newer one had its effect is not lost.
stale    effects of an older state of a user after the effect of a newer one.";

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) deliveries: usize,
    pub(crate) executions: usize,
    pub(crate) doubles: usize,
    pub(crate) excused: usize,
    pub(crate) lost: usize,
    pub(crate) stale: usize,
}

impl Tally {
    pub(crate) fn is_clean(self) -> bool {
        (self.doubles, self.lost, self.stale) == (0, 0, 0)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.deliveries += other.deliveries;
        self.executions += other.executions;
        self.doubles += other.doubles;
        self.excused += other.excused;
        self.lost += other.lost;
        self.stale += other.stale;
    }
}

/// The evidence of one app's storm.
#[derive(Debug)]
pub(crate) struct Evidence {
    pub(crate) ledger: Vec<Line>,
    pub(crate) deliveries: Vec<Delivery>,
    pub(crate) deaths: Vec<Death>,
}

impl Evidence {
    /// Counts the results of one story.
    pub(crate) fn tally(&self, story: &Story) -> Tally {
        let mut tally = Tally::default();
        let mut newest_effect = None;
        for chapter in &story.chapters {
            let event = &chapter.event;
            tally.deliveries += self.deliveries.iter().filter(|delivery| delivery.event == event.id).count();
            tally.executions += self.lines(What::Started, &event.id).count();
            let effects = self.lines(What::Effect, &event.id).count();
            let unknown =
                self.lines(What::Effect, &event.id).filter(|effect| self.died_unacknowledged(effect)).count();
            let again = effects.saturating_sub(1);
            tally.excused += again.min(unknown);
            tally.doubles += again.saturating_sub(unknown);
            if effects > 0 {
                newest_effect = newest_effect.max(Some(event.timestamp));
            }
        }
        for chapter in &story.chapters {
            let happened = self.lines(What::Effect, &chapter.event.id).next().is_some();
            tally.lost += usize::from(!happened && newest_effect < Some(chapter.event.timestamp));
        }
        tally.stale = self.stale_effects(story);
        tally
    }

    fn lines<'a>(&'a self, what: What, event: &'a str) -> impl Iterator<Item = &'a Line> {
        self.ledger.iter().filter(move |line| line.what == what && line.event == event)
    }

    /// Whether the worker of an effect was killed before the sender got a 2xx.
    fn died_unacknowledged(&self, effect: &Line) -> bool {
        let acknowledged = self.deliveries.iter().filter(|delivery| delivery.event == effect.event);
        let acknowledged = acknowledged.filter_map(|delivery| delivery.acknowledged).min();
        let death = self.deaths.iter().find(|death| death.worker == effect.worker);
        death.is_some_and(|death| acknowledged.is_none_or(|acknowledged| death.at < acknowledged))
    }

    /// Counts effects of an older version after a newer one. The ledger is in the order of the effects.
    fn stale_effects(&self, story: &Story) -> usize {
        let users: Vec<_> = story.chapters.iter().map(|chapter| &chapter.event.data.id).collect();
        let mut newest = 0;
        let mut stale = 0;
        for effect in
            self.ledger.iter().filter(|line| line.what == What::Effect && users.contains(&&line.user))
        {
            stale += usize::from(effect.version < newest);
            newest = effect.version.max(newest);
        }
        stale
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::story::{Scenario, stories};

    fn story(scenario: Scenario) -> Story {
        stories(1, "test").into_iter().find(|story| story.scenario == scenario).unwrap()
    }

    fn line(story: &Story, chapter: usize, what: What, worker: u32) -> Line {
        let event = &story.chapters[chapter].event;
        Line { what, worker, event: event.id.clone(), user: event.data.id.clone(), version: event.timestamp }
    }

    fn evidence(ledger: Vec<Line>) -> Evidence {
        Evidence { ledger, deliveries: Vec::new(), deaths: Vec::new() }
    }

    #[test]
    fn two_effects_are_a_double_and_none_is_a_loss() {
        let story = story(Scenario::Duplicates);
        let effect = || line(&story, 0, What::Effect, 1);
        assert_eq!(evidence(vec![effect(), effect()]).tally(&story).doubles, 1);
        assert_eq!(evidence(vec![]).tally(&story).lost, 1);
        assert!(evidence(vec![effect()]).tally(&story).is_clean());
    }

    #[test]
    fn an_effect_whose_worker_died_is_excused_only_if_it_was_unacknowledged() {
        let story = story(Scenario::DeadWorkers);
        let mut evidence = evidence(vec![line(&story, 0, What::Effect, 1), line(&story, 0, What::Effect, 2)]);
        let now = Instant::now();
        evidence.deaths.push(Death { worker: 1, at: now });
        assert_eq!((evidence.tally(&story).doubles, evidence.tally(&story).excused), (0, 1));
        let acknowledged = now.checked_sub(Duration::from_millis(1));
        evidence.deliveries.push(Delivery { event: story.chapters[0].event.id.clone(), acknowledged });
        assert_eq!(evidence.tally(&story).doubles, 1);
    }

    #[test]
    fn an_older_effect_after_a_newer_one_is_stale_and_a_discarded_older_event_is_not_lost() {
        let story = story(Scenario::OutOfOrder);
        let (newer, older) = (line(&story, 0, What::Effect, 1), line(&story, 1, What::Effect, 1));
        assert_eq!(evidence(vec![newer.clone(), older.clone()]).tally(&story).stale, 1);
        assert!(evidence(vec![older.clone(), newer.clone()]).tally(&story).is_clean());
        assert!(evidence(vec![newer]).tally(&story).is_clean());
        assert_eq!(evidence(vec![older]).tally(&story).lost, 1, "the newer one has no effect");
    }
}
