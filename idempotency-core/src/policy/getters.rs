//! The getters of the policy.

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

    /// How long a completed record answers for its key. Never shorter than the lease.
    #[must_use]
    pub fn retention(&self) -> Duration {
        self.retention.max(self.lease)
    }

    /// How long a duplicate of an in-flight delivery waits.
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.wait
    }

    /// How many duplicates of one key may wait at a time in this process.
    #[must_use]
    pub fn waiters_per_key(&self) -> usize {
        self.waiters_per_key
    }

    /// How long one store operation may take.
    #[must_use]
    pub fn store_timeout(&self) -> Duration {
        self.store_timeout
    }

    /// The treatment of a key whose lease ran out.
    #[must_use]
    pub fn on_expired(&self) -> OnExpired {
        self.on_expired
    }

    /// The treatment of deliveries while the store is out of reach.
    #[must_use]
    pub fn on_outage(&self) -> OnOutage {
        self.on_outage
    }

    /// The treatment of an execution whose caller disconnects.
    #[must_use]
    pub fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// The maximum length of a request body, in bytes.
    #[must_use]
    pub fn body_limit(&self) -> usize {
        self.body_limit
    }

    /// How long a request's body may take to arrive.
    #[must_use]
    pub fn body_timeout(&self) -> Duration {
        self.body_timeout
    }

    /// How long the provider may take to verify a request.
    #[must_use]
    pub fn verification_timeout(&self) -> Duration {
        self.verification_timeout
    }

    /// How long an execution may wait for the inner service to be ready.
    #[must_use]
    pub fn ready_timeout(&self) -> Duration {
        self.ready_timeout
    }

    /// Whether records show the text of their keys to operators.
    #[must_use]
    pub fn records_key_text(&self) -> bool {
        self.records_key_text
    }

    /// The maximum size of a recorded answer, in bytes.
    #[must_use]
    pub fn recorded_limit(&self) -> usize {
        self.recorded_limit
    }

    /// Which answers of the handler complete an execution.
    #[must_use]
    pub fn completing(&self) -> Completing {
        self.completing
    }

    /// The status for a duplicate of an in-flight delivery.
    #[must_use]
    pub fn conflict_status(&self) -> StatusCode {
        self.conflict_status
    }

    /// The status for a key that was used for another request.
    #[must_use]
    pub fn mismatch_status(&self) -> StatusCode {
        self.mismatch_status
    }

    /// The status for a record in doubt.
    #[must_use]
    pub fn in_doubt_status(&self) -> StatusCode {
        self.in_doubt_status
    }

    /// The URL of the API's documentation of its keys.
    #[must_use]
    pub fn documentation(&self) -> Option<&str> {
        self.documentation.as_deref()
    }
}
