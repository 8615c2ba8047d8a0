//! The stories: the parts of a storm, generated before it begins.

use std::time::Duration;

use crate::chance::Chance;
use crate::event::{Event, User, Work};
use crate::ledger::What;

/// One kind of trouble between a sender and a handler.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Scenario {
    Duplicates,
    Redelivered,
    SlowHandlers,
    FailingHandlers,
    HangUps,
    OutOfOrder,
    DeadWorkers,
}

impl Scenario {
    pub(crate) const ALL: [Self; 7] = [
        Self::Duplicates,
        Self::Redelivered,
        Self::SlowHandlers,
        Self::FailingHandlers,
        Self::HangUps,
        Self::OutOfOrder,
        Self::DeadWorkers,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Duplicates => "3 to 5 copies at once",
            Self::Redelivered => "delivered again later",
            Self::SlowHandlers => "handler outlasts sender",
            Self::FailingHandlers => "handler fails first",
            Self::HangUps => "sender hangs up",
            Self::OutOfOrder => "older state arrives last",
            Self::DeadWorkers => "worker killed (SIGKILL)",
        }
    }
}

/// One or more events that are delivered one after the other.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) scenario: Scenario,
    pub(crate) chapters: Vec<Chapter>,
    /// The point of an execution at which its worker is killed.
    pub(crate) killed_at: Option<What>,
}

/// An event and its copies.
#[derive(Clone, Debug)]
pub(crate) struct Chapter {
    pub(crate) event: Event,
    pub(crate) copies: Vec<Copy>,
}

/// One copy of an event: when it is first sent, and how the sender behaves.
#[derive(Clone, Debug)]
pub(crate) struct Copy {
    pub(crate) starts: Duration,
    /// Closes the first connection this long after opening it.
    pub(crate) hangs_up: Option<Duration>,
    /// The pauses before each further try, until the copy gets a 2xx.
    pub(crate) retries: Vec<Duration>,
}

/// Returns all stories of a storm.
pub(crate) fn stories(seed: u64, run: &str) -> Vec<Story> {
    let mut generator = Generator { chance: Chance::seeded(seed), run, count: 0 };
    let mut stories = Vec::new();
    for scenario in Scenario::ALL {
        let count = if scenario == Scenario::DeadWorkers { 12 } else { 20 };
        stories.extend((0..count).map(|_| generator.story(scenario)));
    }
    stories
}

struct Generator<'a> {
    chance: Chance,
    run: &'a str,
    count: u64,
}

impl Generator<'_> {
    fn story(&mut self, scenario: Scenario) -> Story {
        self.count += 1;
        let (copies, work) = match scenario {
            Scenario::Duplicates => {
                let copies = self.chance.within(3..6);
                ((0..copies).map(|_| self.copy(0..30)).collect(), self.work(50..200, 0..50))
            }
            Scenario::Redelivered => {
                (vec![self.copy(0..30), self.copy(2_500..3_500)], self.work(20..100, 0..50))
            }
            Scenario::SlowHandlers => {
                (vec![self.copy(0..30), self.copy(300..1_200)], self.work(1_500..2_600, 0..50))
            }
            Scenario::FailingHandlers => {
                let failures = if self.chance.coin() { 1 } else { 2 };
                let work = Work { failures, ..self.work(50..150, 0..50) };
                (vec![self.copy(0..30), self.copy(0..30)], work)
            }
            Scenario::HangUps => {
                let hangs_up = Some(Duration::from_millis(self.chance.within(50..550)));
                (vec![Copy { hangs_up, ..self.copy(0..30) }], self.work(200..300, 300..400))
            }
            Scenario::OutOfOrder => (vec![self.copy(0..30)], self.work(20..100, 0..50)),
            Scenario::DeadWorkers => (vec![self.copy(0..30)], self.work(300..400, 300..400)),
        };
        let newer = Chapter { event: self.event("user.updated", 2, work), copies };
        let mut chapters = vec![newer];
        if scenario == Scenario::OutOfOrder {
            chapters
                .push(Chapter { event: self.event("user.created", 1, work), copies: vec![self.copy(0..30)] });
        }
        let moment = if self.count.is_multiple_of(2) { What::Started } else { What::Effect };
        let killed_at = (scenario == Scenario::DeadWorkers).then_some(moment);
        Story { scenario, chapters, killed_at }
    }

    fn event(&self, event_type: &str, version: u64, work: Work) -> Event {
        Event {
            id: format!("evt_{}_{}_{version}", self.run, self.count),
            event_type: event_type.to_owned(),
            timestamp: 1_767_225_600_000 + version,
            data: User { id: format!("user_{}_{}", self.run, self.count) },
            work,
        }
    }

    fn work(&mut self, before: std::ops::Range<u64>, after: std::ops::Range<u64>) -> Work {
        Work {
            millis_before: self.chance.within(before),
            millis_after: self.chance.within(after),
            failures: 0,
        }
    }

    /// Returns a copy of an eager or a patient sender.
    ///
    /// The eager sender tries again soon and then doubles its pauses. The first retry of the patient one
    /// comes after the lock has run out.
    fn copy(&mut self, starts: std::ops::Range<u64>) -> Copy {
        let eager = self.chance.coin();
        let retries = match eager {
            true => (0..8).map(|n| (self.chance.within(300..500) << n).min(2_000)).collect::<Vec<_>>(),
            false => (0..3).map(|_| self.chance.within(2_500..3_000)).collect(),
        };
        Copy {
            starts: Duration::from_millis(self.chance.within(starts)),
            hangs_up: None,
            retries: retries.into_iter().map(Duration::from_millis).collect(),
        }
    }
}
