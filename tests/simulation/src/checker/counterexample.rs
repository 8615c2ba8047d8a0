//! The counterexample: the smallest part of a history that cannot be explained.

use std::fmt;

use super::Checker;
use super::search::Search;
use super::spec::{Spec, State};
use crate::history::{History, Micros, Operation};

/// The most states to visit for one question while a counterexample is made smaller.
const STATES: usize = 5_000;

/// The smallest part of a history that cannot be explained.
#[derive(Clone, Debug)]
pub struct Counterexample {
    history: History,
    spec: Spec,
    broken: Vec<(Operation, &'static str)>,
}

impl Counterexample {
    /// Shortens a history that has no explanation, and drops every answer that is not needed for that.
    ///
    /// Both make a history easier to explain, so the rest is as wrong as the whole.
    pub(super) fn of(history: &History, checker: &mut Checker) -> Self {
        let checker = &mut checker.clone().with_limit(STATES);
        let mut ends: Vec<Micros> =
            history.operations.iter().filter_map(|operation| Some(operation.answer?.0)).collect();
        ends.sort_unstable();
        let (mut right, mut wrong) = (0, ends.len().saturating_sub(1));
        while right < wrong {
            let middle = usize::midpoint(right, wrong);
            if checker.explains_steps(&until(history, ends[middle])) == Some(false) {
                wrong = middle;
            } else {
                right = middle + 1;
            }
        }
        let mut shortest = ends.get(wrong).map_or_else(|| history.clone(), |&end| until(history, end));
        for index in (0..shortest.operations.len()).rev() {
            let mut smaller = shortest.clone();
            // An operation that changed nothing can go; one that changed something can only lose its answer.
            match smaller.operations[index].answer.take() {
                Some((_, answer)) if answer.changed_nothing() => drop(smaller.operations.remove(index)),
                _ => {}
            }
            if checker.explains_steps(&smaller) == Some(false) {
                shortest = smaller;
            }
        }
        let mut search =
            Search::new(&shortest, checker.limit).expect("it is part of a history that was searched");
        let _ = search.run();
        let (spec, broken) = search.stuck();
        let broken =
            broken.into_iter().map(|(index, why)| (shortest.operations[index].clone(), why)).collect();
        Self { history: shortest, spec, broken }
    }

    /// The rules broken by the answers that cannot follow the best explanation.
    pub fn broken(&self) -> impl Iterator<Item = &'static str> {
        self.broken.iter().map(|(_, why)| *why)
    }

    /// Whether an operation has an answer, or its attempt appears in another operation.
    fn is_telling(&self, operation: &Operation) -> bool {
        let answered = self.history.operations.iter().filter(|other| other.answer.is_some());
        let owners = answered.filter_map(|other| other.action.owner());
        let mut owners = owners.chain(self.spec.records.iter().map(|record| record.owner));
        operation.answer.is_some()
            || operation.action.owner().is_none_or(|owner| owners.any(|other| other == owner))
    }

    /// The part of the history.
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }
}

/// The history as it was known at an instant.
fn until(history: &History, end: Micros) -> History {
    let operations = history.operations.iter().filter(|operation| operation.call <= end);
    let operations = operations.map(|operation| Operation {
        answer: operation.answer.filter(|(answered, _)| *answered <= end),
        ..operation.clone()
    });
    History { operations: operations.collect(), ..history.clone() }
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "no store that keeps the contract gives these answers (ms; ? = answer unknown or not needed):"
        )?;
        let (shown, hidden): (Vec<_>, Vec<_>) =
            self.history.operations.iter().partition(|operation| self.is_telling(operation));
        for operation in shown {
            writeln!(f, "  {operation}")?;
        }
        if !hidden.is_empty() {
            writeln!(f, "  and {} operations whose effects do not explain it either", hidden.len())?;
        }
        for (key, version) in self.history.versions.iter().enumerate() {
            if let Some(version) = version {
                writeln!(f, "  key {key} has version {}", version.get())?;
            }
        }
        writeln!(f, "the longest explanation ends with")?;
        for (key, record) in self.spec.records.iter().enumerate().take(self.history.versions.len()) {
            write!(f, "  key {key}: ")?;
            match record.state {
                State::Free => writeln!(f, "free")?,
                State::Held { from, to } => writeln!(
                    f,
                    "held by {:04x}/{} until {} to {} ms",
                    record.owner >> 48,
                    record.fence,
                    from / 1000,
                    to / 1000
                )?,
                State::Released => writeln!(f, "released by {:04x}/{}", record.owner >> 48, record.fence)?,
                State::Completed { outcome } => writeln!(
                    f,
                    "completed by {:04x}/{} with {:04x}",
                    record.owner >> 48,
                    record.fence,
                    outcome >> 48
                )?,
            }
        }
        if let Some(mark) = self.spec.mark {
            writeln!(f, "  mark: {mark}")?;
        }
        writeln!(f, "after which nothing fits:")?;
        for (operation, why) in &self.broken {
            writeln!(f, "  {operation}\n    breaks {why}")?;
        }
        Ok(())
    }
}
