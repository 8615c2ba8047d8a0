//! Schedules: which process is stopped where.

use std::fmt;

/// One way in which a delivery can go.
#[derive(Clone, Debug)]
pub(super) enum Schedule {
    /// Nothing fails.
    Calm,
    /// The process dies at a point. The sender delivers again after the lease.
    Crash(usize),
    /// The process stands still at a point, and a duplicate arrives meanwhile at a second process.
    Overlap(usize),
    /// The process stands still at the first point for longer than its lease. A duplicate arrives at a second process,
    /// which stands still at the second point while the first one continues to its end.
    Takeover(usize, usize),
}

/// All schedules of a handler with this many points, the takeovers last.
///
/// Of more than `max_takeovers`, it takes as many, evenly spread. Also returns how many it left out.
pub(super) fn all(points: usize, max_takeovers: usize) -> (Vec<Schedule>, usize) {
    let pairs = points * points;
    let taken = pairs.min(max_takeovers);
    let takeovers = (0..taken).map(|index| {
        let pair = index * pairs / taken;
        Schedule::Takeover(pair / points, pair % points)
    });
    let crashes = (0..points).map(Schedule::Crash);
    let schedules = crashes.chain((0..points).map(Schedule::Overlap)).chain(takeovers).collect();
    (schedules, pairs - taken)
}

/// A schedule in words, with the points that were reached.
pub(super) struct Described<'a, P> {
    pub(super) schedule: &'a Schedule,
    pub(super) first: Option<P>,
    pub(super) second: Option<P>,
}

impl<P: fmt::Display> fmt::Display for Described<'_, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let never = || "at a point that was not reached".to_owned();
        let first = self.first.as_ref().map_or_else(never, P::to_string);
        match self.schedule {
            Schedule::Calm => write!(f, "no fault"),
            Schedule::Crash(_) => write!(f, "crash {first}"),
            Schedule::Overlap(_) => write!(f, "pause {first}; duplicate meanwhile"),
            Schedule::Takeover(..) => {
                let second = self.second.as_ref().map_or_else(never, P::to_string);
                write!(f, "pause past the lease {first}; second copy paused {second}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takeovers_beyond_the_budget_are_left_out_evenly() {
        let (schedules, left_out) = all(10, 50);
        assert_eq!((schedules.len(), left_out), (10 + 10 + 50, 50));
        let firsts = |first| {
            let is_of = |schedule: &&Schedule| matches!(schedule, Schedule::Takeover(a, _) if *a == first);
            schedules.iter().filter(is_of).count()
        };
        assert!((0..10).all(|first| firsts(first) == 5));
        assert!(matches!(all(10, 100), (schedules, 0) if schedules.len() == 120));
        assert!(matches!(all(10, 0), (schedules, 100) if schedules.len() == 20));
        assert!(matches!(all(0, 100), (schedules, 0) if schedules.is_empty()));
    }
}
