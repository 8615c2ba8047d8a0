//! What the knobs are set to.

use std::time::Duration;

use http::StatusCode;

use super::{Attachment, Completing, OnOutage, Policy};
use crate::OnExpired;

impl Policy {
    /// How long a claim lasts unless it is renewed.
    #[must_use]
    pub fn lease(&self) -> Duration {
        self.lease
    }

    /// How long a completed record answers for its key; never shorter than the lease.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.retention.max(self.lease)
    }

    /// How long a duplicate of an in-flight delivery waits.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// How many duplicates of one key may wait at once.
    #[must_use]
    pub fn waiters_per_key(&self) -> usize {
        self.waiters_per_key
    }

    /// How long one operation may take at the store.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.store_timeout
    }

    /// What becomes of a key whose holder died.
    #[must_use]
    pub fn on_expired(&self) -> OnExpired {
        self.on_expired
    }

    /// What happens while the store is out of reach.
    #[must_use]
    pub fn on_outage(&self) -> OnOutage {
        self.on_outage
    }

    /// What becomes of an execution when its caller goes away.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// The longest request body that is read, in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// How long a request's body may take to arrive.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// How long an execution may wait until the inner service is ready.
    #[must_use]
    pub fn ready_timeout(&self) -> Duration {
        self.ready_timeout
    }

    /// Whether records show the text of their keys to operators.
    #[must_use]
    pub fn shows_keys(&self) -> bool {
        self.shows_keys
    }

    /// The most that is recorded of an answer, in bytes.
    #[must_use]
    pub fn recorded_limit(&self) -> usize {
        self.recorded_limit
    }

    /// Which answers of the handler complete an execution.
    #[must_use]
    pub fn completing(&self) -> Completing {
        self.completing
    }

    /// The status for a duplicate still in flight.
    #[must_use]
    pub fn duplicate_in_flight(&self) -> StatusCode {
        self.duplicate_in_flight
    }

    /// The status for a key that was used for another request.
    #[must_use]
    pub fn mismatch(&self) -> StatusCode {
        self.mismatch
    }

    /// The status for a record in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> StatusCode {
        self.in_doubt
    }

    /// Where the API's documentation of its keys is.
    #[must_use]
    pub fn documentation(&self) -> Option<&str> {
        self.documentation.as_deref()
    }
}
