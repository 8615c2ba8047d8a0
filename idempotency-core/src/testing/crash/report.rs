//! The report: what happened in each schedule.

use std::collections::BTreeMap;
use std::fmt;

use super::effects::EffectKey;

/// The most schedules that a report prints.
const MAX_PRINTED: usize = 20;

/// The effects of a delivery in each schedule.
///
/// It prints as a table of the schedules in which an effect did not happen exactly once, or another rule was broken.
#[derive(Clone)]
pub struct CrashReport {
    runs: Vec<CrashRun>,
    points: Vec<String>,
    left_out: usize,
    unreached: usize,
}

/// One schedule, and what happened in it.
#[derive(Clone, Debug)]
pub struct CrashRun {
    pub(super) schedule: String,
    pub(super) is_acknowledged: bool,
    pub(super) is_in_doubt: bool,
    pub(super) effects: BTreeMap<EffectKey, usize>,
    pub(super) broken: Vec<&'static str>,
}

impl CrashReport {
    pub(super) fn new(runs: Vec<CrashRun>, points: Vec<String>, left_out: usize, unreached: usize) -> Self {
        Self { runs, points, left_out, unreached }
    }

    /// The points of the handler in their order, such as `after store call 2 (complete), reply lost`.
    #[must_use]
    pub fn points(&self) -> &[String] {
        &self.points
    }

    /// The schedules that were run. The first has no fault.
    #[must_use]
    pub fn runs(&self) -> &[CrashRun] {
        &self.runs
    }

    /// The number of pairs of points that [`CrashKit::with_max_takeovers`](super::CrashKit::with_max_takeovers) left
    /// out.
    #[must_use]
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    /// The number of schedules that did not reach their points.
    ///
    /// Most are pairs whose second copy had less to do, because the first one had completed. A handler whose path
    /// differs from run to run, for example by a random number, adds to them. If such a handler misses the point of a
    /// crash or of a single pause, every assertion fails. They do not fail for this
    /// [in real time](super::CrashKit::in_real_time), where the number of awaits depends on the machine.
    #[must_use]
    pub fn unreached(&self) -> usize {
        self.unreached
    }

    /// Asserts that each effect happened exactly once in every schedule, for handlers whose effects recognize a repeat.
    ///
    /// The effects are those of the run without a fault. A key in doubt may lack effects, because an operator
    /// settles it. See also [the rules](super#what-each-assertion-checks) of every assertion.
    ///
    /// # Panics
    /// If the assertion fails, with a table of the failing schedules.
    #[track_caller]
    pub fn assert_each_effect_once(&self) {
        self.assert("each effect to happen once", |run| run.has_lost() || run.max_count() > 1);
    }

    /// Asserts that no acknowledged delivery lacks an effect, and that each delivery is in the end acknowledged or in
    /// doubt.
    ///
    /// # Panics
    /// If the assertion fails, with a table of the failing schedules.
    #[track_caller]
    pub fn assert_no_event_lost(&self) {
        self.assert("no event to be lost", CrashRun::has_lost);
    }

    /// Asserts that no effect happened more than `count` times for its key.
    ///
    /// # Panics
    /// If the assertion fails, with a table of the failing schedules.
    #[track_caller]
    pub fn assert_at_most(&self, count: usize) {
        self.assert(&format!("each effect to happen at most {count} times"), |run| run.max_count() > count);
    }

    #[track_caller]
    fn assert(&self, expected: &str, fails: impl Fn(&CrashRun) -> bool) {
        let is_failing = |run: &&CrashRun| fails(run) || !run.broken.is_empty();
        let failing: Vec<_> = self.runs.iter().filter(is_failing).collect();
        assert!(failing.is_empty(), "expected {expected}\n{}", Table { report: self, failing });
    }
}

impl CrashRun {
    /// The schedule in words, such as `crash after effect 1 (charge)`.
    #[must_use]
    pub fn schedule(&self) -> &str {
        &self.schedule
    }

    /// Whether the delivery was acknowledged in the end.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.is_acknowledged
    }

    /// Whether the key ended in doubt, so that an operator must settle it.
    #[must_use]
    pub fn is_in_doubt(&self) -> bool {
        self.is_in_doubt
    }

    /// The name, key and count of each effect, sorted. A missing effect has the count 0.
    pub fn effects(&self) -> impl Iterator<Item = (&str, &str, usize)> {
        self.effects.iter().map(|((name, key), count)| (&**name, &**key, *count))
    }

    /// The other rules that were broken, such as `a duplicate of the acknowledged delivery was executed`.
    #[must_use]
    pub fn broken(&self) -> &[&'static str] {
        &self.broken
    }

    fn max_count(&self) -> usize {
        self.effects.values().copied().max().unwrap_or(0)
    }

    fn has_lost(&self) -> bool {
        !self.is_in_doubt && (!self.is_acknowledged || self.effects.values().any(|count| *count == 0))
    }

    fn ending(&self) -> &'static str {
        match (self.is_acknowledged, self.is_in_doubt) {
            (true, _) => "acknowledged",
            (false, true) => "in doubt",
            (false, false) => "NOT ACKNOWLEDGED",
        }
    }
}

impl fmt::Display for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_failing = |run: &&CrashRun| run.has_lost() || run.max_count() > 1 || !run.broken.is_empty();
        let failing = self.runs.iter().filter(is_failing).collect();
        Table { report: self, failing }.fmt(f)
    }
}

impl fmt::Debug for CrashReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The failing schedules, one a line.
struct Table<'a> {
    report: &'a CrashReport,
    failing: Vec<&'a CrashRun>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { report, failing } = self;
        write!(
            f,
            "{} of {} schedules fail ({} points; {} schedules not reached, {} left out)",
            failing.len(),
            report.runs.len(),
            report.points.len(),
            report.unreached,
            report.left_out
        )?;
        let printed = || failing.iter().take(MAX_PRINTED);
        let width = printed().map(|run| run.schedule.len()).max().unwrap_or(0);
        for run in printed() {
            write!(f, "\n  {:width$}  {}", run.schedule, run.ending())?;
            for (name, key, count) in run.effects() {
                write!(f, ", {name} {key}: {count}")?;
            }
            run.broken.iter().try_for_each(|rule| write!(f, ", {rule}"))?;
        }
        if failing.len() > MAX_PRINTED {
            write!(f, "\n  and {} more", failing.len() - MAX_PRINTED)?;
        }
        Ok(())
    }
}
