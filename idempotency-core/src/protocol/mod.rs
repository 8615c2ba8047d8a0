//! The HTTP protocol as pure functions: answers, recording and replay. No store, no clock, no `async`.

mod answer;
mod problem;
mod replay;
mod status;

pub use answer::Answer;
pub use problem::Instance;
pub use status::Status;

pub(crate) use answer::replayed;
pub(crate) use replay::{Recording, recorded};
