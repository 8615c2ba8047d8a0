//! The checker: whether a history can be explained by a store that keeps the contract.

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

/// Searches for an order of the operations in which every answer is right (Wing and Gong, with Lowe's memory of what
/// was tried). Keys of different resources do not touch each other, so each resource has a history of its own.
#[derive(Clone, Debug)]
pub struct Checker {
    limit: usize,
    states: u64,
}

/// What the checker found.
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

    /// Gives a history up after this many states. Default: 200,000, which takes less than a second.
    #[must_use]
    pub fn with_limit(mut self, states: usize) -> Self {
        self.limit = states;
        self
    }

    /// How many states were looked at so far.
    #[must_use]
    pub fn states(&self) -> u64 {
        self.states
    }

    /// Judges a history. One with more than 128 operations or three keys stays undecided.
    ///
    /// Where it has a failover, one timeline survives: the replica that went on has the writes up to some instant, none
    /// later, and every answer must be right on the timeline on which it was given.
    pub fn check(&mut self, history: &History) -> Verdict {
        let steps = history.in_steps();
        match self.explains_steps(&steps) {
            Some(true) => Verdict::Explained,
            Some(false) => Verdict::Violation(Box::new(Counterexample::of(&steps, self))),
            None => Verdict::Undecided,
        }
    }

    /// Whether a history has an explanation, without a word why not; `None` where the search was given up.
    pub fn explains(&mut self, history: &History) -> Option<bool> {
        self.explains_steps(&history.in_steps())
    }

    /// The same of a history whose operations in two steps have been taken apart.
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
