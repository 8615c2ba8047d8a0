//! The event: what the sender sends, and how its handling will go.

use serde::{Deserialize, Serialize};

/// An event in the shape that Standard Webhooks recommend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) id: String,
    #[serde(rename = "type")]
    pub(crate) event_type: String,
    /// Milliseconds since 1970: which state of its user is the newer one.
    pub(crate) timestamp: u64,
    pub(crate) data: User,
    pub(crate) work: Work,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
}

/// How the handling of the event goes: its effect takes place between two stretches of work.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Work {
    pub(crate) millis_before: u64,
    pub(crate) millis_after: u64,
    /// How many executions fail, before the effect, until one succeeds.
    pub(crate) failures: usize,
}
