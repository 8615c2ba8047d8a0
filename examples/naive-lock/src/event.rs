//! The event: its content, and how its handling will go.

use serde::{Deserialize, Serialize};

/// An event in the format that Standard Webhooks recommends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// Milliseconds since 1970. The larger one of two is the newer state of the user.
    pub(crate) timestamp: u64,
    pub(crate) data: User,
    pub(crate) work: Work,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
}

/// How the handling of the event goes. The effect takes place between two stretches of work.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) millis_before: u64,
    pub(crate) millis_after: u64,
    /// The number of executions that fail, before their effect, until one succeeds.
    pub(crate) failures: usize,
}
