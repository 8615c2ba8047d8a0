//! The causes of the latest refusals, for the message of a failed assertion.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::engine::{Event, Observation, WithSources};

/// How many are kept. A test that fails asks for those of its own few deliveries, right after they were made.
const KEPT: usize = 256;

/// The `instance` of each refusal, and its cause as it is logged, which must not show a secret.
///
/// Kept for the whole process, because an app under test may run on other threads than the assertion.
static LATEST: Mutex<VecDeque<(String, String)>> = Mutex::new(VecDeque::new());

/// Keeps the cause, if it is that of a refused request.
pub(crate) fn keep(observation: &Observation<'_>) {
    let (Some(instance), Event::Rejected(rejection)) = (observation.instance, observation.event) else {
        return;
    };
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    if latest.len() == KEPT {
        latest.pop_front();
    }
    latest.push_back((instance.to_string(), WithSources(rejection).to_string()));
}

/// The cause of the refusal with this `instance`. `None` if it was made in another process, or long ago.
pub(super) fn cause(instance: &str) -> Option<String> {
    let latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    latest.iter().rev().find(|(name, _)| name == instance).map(|(_, cause)| cause.clone())
}
