//! The checker: decides whether a store that keeps the contract can explain a history.

mod counterexample;
mod effect;
mod hasher;
mod search;
mod spec;
#[cfg(test)]
mod tests;

use crate::history::History;

pub use counterexample::Counterexample;

use search::Search;

/// Searches for an order of the operations in which every answer is right (Wing and Gong, with Lowe's cache of tried
/// states). Keys of different resources are independent, so each resource has its own history.
#[derive(Clone, Debug)]
pub struct Checker {
    limit: usize,
    states: u64,
}

/// The result of a check.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Verdict {
    /// There is an explanation.
    Explained,
    /// There is none.
    Violation(Box<Counterexample>),
    /// The search was given up.
    Undecided,
}

impl Checker {
    /// A checker.
    #[must_use]
    pub fn new() -> Self {
        Self { limit: 200_000, states: 0 }
    }

    /// Gives up on a history after this many states. Default: 200,000, which takes less than a second.
    #[must_use]
    pub fn with_limit(mut self, states: usize) -> Self {
        self.limit = states;
        self
    }

    /// The number of states visited so far.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.states
    }

    /// Judges a history. With more than 128 operations or three keys it stays undecided.
    ///
    /// After a failover one timeline survives: the promoted replica has the writes up to some instant and none later.
    /// Every answer must be right on the timeline that gave it.
    pub fn check(&mut self, history: &History) -> Verdict {
        let steps = history.in_steps();
        match self.explains_steps(&steps) {
            Some(true) => Verdict::Explained,
            Some(false) => Verdict::Violation(Box::new(Counterexample::of(&steps, self))),
            None => Verdict::Undecided,
        }
    }

    /// Whether a history has an explanation; `None` if the search was given up. Builds no counterexample.
    pub fn explains(&mut self, history: &History) -> Option<bool> {
        self.explains_steps(&history.in_steps())
    }

    /// The same for a history whose two-step operations have been split.
    fn explains_steps(&mut self, history: &History) -> Option<bool> {
        let mut search = Search::new(history, self.limit)?;
        let explained = search.run();
        self.states += search.states();
        explained
    }
}

impl Default for Checker {
    fn default() -> Self {
        Self::new()
    }
}
