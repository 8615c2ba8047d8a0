//! The protocol over HTTP as pure functions: what is answered, recorded and replayed. No store, no clock, no `async`.

mod answer;
mod problem;
mod replay;
mod status;

pub use answer::Answer;
pub use problem::Instance;
pub use status::{Status, StoredFlag};

pub(crate) use replay::{Recording, recorded};
