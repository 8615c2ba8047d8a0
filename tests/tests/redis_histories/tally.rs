//! The tally: judges histories one by one and counts the verdicts.

use std::fmt;

use idempotency_simulation::checker::{Checker, Verdict};
use idempotency_simulation::history::{Failover, History, Micros};

/// The counts of the judged histories.
#[derive(Default)]
pub(crate) struct Tally {
    checker: Checker,
    pub(crate) rounds: u64,
    pub(crate) histories: u64,
    pub(crate) operations: usize,
    pub(crate) unanswered: usize,
    pub(crate) undecided: u64,
    /// Histories with answers from before and after the fault.
    pub(crate) across: u64,
    /// Histories that only a failover with lost writes explains.
    pub(crate) forgotten: u64,
}

impl Tally {
    /// Judges a history without a failover.
    pub(crate) fn judge(&mut self, seed: u64, history: &History) {
        self.count(history);
        match self.checker.check(history) {
            Verdict::Explained => {}
            Verdict::Violation(found) => panic!("seed {seed}: {found}\n{}", Whole(history)),
            _ => self.undecided += 1,
        }
    }

    /// Judges a history with a failover: every answer must be right on the surviving timeline.
    pub(crate) fn judge_across(&mut self, seed: u64, history: &History, failover: Failover) {
        self.count_across(history, failover.from, failover.to);
        match self.checker.explains(history) {
            Some(true) => self.count(history),
            without => {
                self.judge(seed, &history.with_failover(failover));
                self.forgotten += u64::from(without == Some(false));
            }
        }
    }

    /// Counts a history that has answers from before and after this interval.
    pub(crate) fn count_across(&mut self, history: &History, from: Micros, to: Micros) {
        let answered = |is_so: &dyn Fn(u64, u64) -> bool| {
            let mut operations = history.operations.iter();
            operations.any(|one| one.answer.is_some_and(|(end, _)| is_so(one.call, end)))
        };
        self.across += u64::from(answered(&|_, end| end < from) && answered(&|call, _| call > to));
    }

    fn count(&mut self, history: &History) {
        self.histories += 1;
        self.operations += history.operations.len();
        self.unanswered += history.operations.iter().filter(|operation| operation.answer.is_none()).count();
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, histories, operations, unanswered, undecided, across, forgotten, .. } = self;
        write!(
            f,
            "{rounds} rounds, {histories} histories, {operations} operations, {unanswered} unanswered, \
             {undecided} undecided, 0 violations"
        )?;
        if *across > 0 {
            write!(f, "; {across} with answers from before and after, {forgotten} with lost writes")?;
        }
        write!(f, "; {} states", self.checker.states())
    }
}

/// A whole history with its failover.
struct Whole<'a>(&'a History);

impl fmt::Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "all of it, with versions {:?} and {:?}:", self.0.versions, self.0.failover)?;
        self.0.operations.iter().try_for_each(|operation| writeln!(f, "{operation}"))
    }
}
