//! The points of a process at which the kit can stop it.

use std::fmt;

/// A point that a process has reached. The numbers count from 1, for each process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Point {
    /// The store has not received the call.
    BeforeCall(usize, &'static str),
    /// The call took effect, and its reply has not arrived.
    AfterCall(usize, &'static str),
    /// The handler waits for something.
    HandlerAwait(usize),
    /// The engine waits for something other than the handler and the store, such as a recorder.
    EngineAwait(usize),
    /// The effect has not happened.
    BeforeEffect(usize, String),
    /// The effect has happened, and the handler does not know it.
    AfterEffect(usize, String),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BeforeCall(number, name) => write!(f, "before store call {number} ({name})"),
            Self::AfterCall(number, name) => write!(f, "after store call {number} ({name}), reply lost"),
            Self::HandlerAwait(number) => write!(f, "at await {number} of the handler"),
            Self::EngineAwait(number) => write!(f, "at await {number} of the engine"),
            Self::BeforeEffect(number, name) => write!(f, "before effect {number} ({name})"),
            Self::AfterEffect(number, name) => write!(f, "after effect {number} ({name})"),
        }
    }
}
