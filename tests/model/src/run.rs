//! A run of the checker and its counts.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use stateright::{Checker as _, Expectation, HasDiscoveries, Model as _};

use crate::action::Action;
use crate::model::ClaimModel;
use crate::rule::Rule;

/// The result of a run.
#[derive(Debug)]
#[non_exhaustive]
pub struct Run {
    /// The name of its bounds.
    pub name: &'static str,
    /// Steps taken.
    pub steps: usize,
    /// States reached.
    pub states: usize,
    /// The largest distance of a state from the start.
    pub depth: usize,
    /// Its duration.
    pub time: Duration,
    /// Whether every state within the bounds was reached.
    pub exhausted: bool,
    /// The broken rules, each with a way to break it.
    pub counterexamples: BTreeMap<&'static str, Vec<Action>>,
    /// The events that should have happened and did not.
    pub unreached: Vec<&'static str>,
}

impl Run {
    /// Whether every state was explored, no rule was broken and every event happened.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.exhausted && self.counterexamples.is_empty() && self.unreached.is_empty()
    }
}

/// The limits of a search.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "these are all limits")]
pub struct Search {
    /// Stops when this rule is broken; `None` stops at any.
    pub rule: Option<Rule>,
    /// The largest depth.
    pub depth: Option<usize>,
    /// The longest duration.
    pub limit: Duration,
}

impl Search {
    /// Explores a model breadth first.
    #[must_use]
    pub fn check(self, model: ClaimModel) -> Run {
        let Self { rule, depth, limit } = self;
        let name = model.bounds.name;
        let began = now();
        let until =
            rule.map_or(HasDiscoveries::AnyFailures, |rule| HasDiscoveries::AnyOf([rule.name()].into()));
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut builder = model.checker().threads(threads).timeout(limit).finish_when(until);
        if let Some(depth) = depth {
            builder = builder.target_max_depth(depth);
        }
        let checker = builder.spawn_bfs().join();
        let time = now().saturating_sub(began);
        let mut counterexamples = BTreeMap::new();
        let mut unreached = Vec::new();
        for property in checker.model().properties() {
            match (property.expectation, checker.discovery(property.name)) {
                (Expectation::Always, Some(path)) => {
                    counterexamples.insert(property.name, path.into_actions());
                }
                (Expectation::Sometimes, None) => unreached.push(property.name),
                _ => {}
            }
        }
        Run {
            name,
            steps: checker.state_count(),
            states: checker.unique_state_count(),
            depth: checker.max_depth(),
            time,
            exhausted: counterexamples.is_empty() && depth.is_none() && time < limit,
            counterexamples,
            unreached,
        }
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, steps, states, depth, time, .. } = self;
        let end = if self.exhausted { "all explored" } else { "stopped" };
        write!(
            f,
            "{name}: {states} states, {steps} steps, depth {depth}, {:.1} s, {end}",
            time.as_secs_f64()
        )?;
        for (rule, actions) in &self.counterexamples {
            write!(f, "\n  broken: {rule}")?;
            for action in actions {
                write!(f, "\n    {action:?}")?;
            }
        }
        for name in self.unreached.iter().filter(|_| self.exhausted) {
            write!(f, "\n  never: {name}")?;
        }
        Ok(())
    }
}

/// The time for the counters; no decision depends on it.
fn now() -> Duration {
    idempotency_core::clock::system_unix_time()
}
