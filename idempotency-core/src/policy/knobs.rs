//! How the knobs are set.

use std::time::Duration;

use http::StatusCode;

use super::{Attachment, Completing, OnOutage, Policy};
use crate::OnExpired;

impl Policy {
    /// How long a claim lasts unless it is renewed, which happens every third of it; at least 1 ms, in whole
    /// milliseconds.
    ///
    /// Default: 30 s. A process that dies blocks its keys no longer than this, and a pause shorter than this (garbage
    /// collection of a neighbour, a store's failover) loses nothing.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(1));
        self
    }

    /// How long a completed record answers for its key, never shorter than the lease.
    ///
    /// Default: 7 days for webhooks, at least twice the retry horizon of most senders; 24 hours for APIs, as Stripe
    /// keeps them. Providers set their own.
    #[must_use]
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long a duplicate of an in-flight delivery waits for its outcome.
    ///
    /// Default: 2 s for webhooks, below the time that senders wait for an answer; none for APIs, whose clients expect
    /// 409 (draft-ietf-httpapi-idempotency-key-header-07, section 2.7).
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// How many duplicates of one key may wait at once in this process; the others get the conflict answer at once.
    ///
    /// Default: 64, so that a storm of retries does not fill the memory.
    #[must_use]
    pub fn with_waiters_per_key(mut self, waiters: usize) -> Self {
        self.waiters_per_key = waiters;
        self
    }

    /// How long one operation may take at the store, repeats included, before it counts as out of reach.
    ///
    /// Default: 1.5 s. Senders wait for 3 s and more, and an answer in time makes them retry in order.
    #[must_use]
    pub fn with_store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets the treatment of a key whose holder died.
    ///
    /// Default: [`OnExpired::Rerun`], since a lost event is worse than a handler that is told `attempt = 2`.
    #[must_use]
    pub fn with_on_expired(mut self, on_expired: OnExpired) -> Self {
        self.on_expired = on_expired;
        self
    }

    /// What happens to deliveries while the store is out of reach.
    ///
    /// Default: [`OnOutage::Refuse`]. The sender retries; a double execution cannot be taken back.
    #[must_use]
    pub fn with_on_outage(mut self, on_outage: OnOutage) -> Self {
        self.on_outage = on_outage;
        self
    }

    /// What becomes of an execution when its caller goes away.
    ///
    /// Default: [`Attachment::Detached`]. A sender hangs up exactly when it is about to retry.
    #[must_use]
    pub fn with_attachment(mut self, attachment: Attachment) -> Self {
        self.attachment = attachment;
        self
    }

    /// The longest request body that is read, in bytes; a longer one is answered 413 before anything is claimed.
    ///
    /// Default: 1 MiB. GitHub's preset is 25 MiB.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// How long a request's body may take to arrive, from its head to its last byte; a slower one is answered 408 before
    /// anything is claimed.
    ///
    /// Default: 10 s for webhooks, since senders wait 3 to 30 s for the whole answer; 30 s for APIs, whose clients may
    /// have a slow line. Until the sender is verified, each upload holds memory and a connection.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// How long an execution that was granted may wait until the inner service is ready, as behind a concurrency limit.
    /// After that it is released as if it had never been granted, and answered 503 with `Retry-After`.
    ///
    /// Default: 2 s, below the time that senders wait for an answer.
    #[must_use]
    pub fn with_ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = timeout;
        self
    }

    /// Keeps the text of keys out of the records: operators see digests.
    ///
    /// Default: records show their keys. The first question of an operator is "what happened to evt_123?", and a
    /// sender's event id is no secret. Hide them if your clients' keys can be secret, for example derived from an order or a
    /// person, or if more people can read the store than may know the keys. Logs never show them.
    #[must_use]
    pub fn hiding_keys(mut self) -> Self {
        self.shows_keys = false;
        self
    }

    /// The most that is recorded of an answer, in bytes: names and values of its headers, and its body. A larger one
    /// passes and is completed without its body: its duplicates get the recorded status and headers, an empty body, and
    /// `Idempotency-Status: replayed; body=?0`. If the headers alone are larger, they get the status.
    ///
    /// Default: 64 KiB, since records are kept for days.
    #[must_use]
    pub fn with_recorded_limit(mut self, bytes: usize) -> Self {
        self.recorded_limit = bytes;
        self
    }

    /// Sets which answers of the handler complete an execution.
    ///
    /// Default: [`Completing::success`] for webhooks, so that a failure is retried and never replayed;
    /// [`Completing::final_answers`] for APIs.
    #[must_use]
    pub fn with_completing(mut self, completing: Completing) -> Self {
        self.completing = completing;
        self
    }

    /// Records every answer, 5xx included, as Stripe's API v1 does: short for [`Completing::everything`].
    #[must_use]
    pub fn storing_errors(self) -> Self {
        self.with_completing(Completing::everything())
    }

    /// The status of the answer to a duplicate whose first delivery is still in flight after the wait.
    ///
    /// Default: 503 for webhooks, since some senders never retry after a 4xx; 409 for APIs.
    #[must_use]
    pub fn with_duplicate_in_flight(mut self, status: StatusCode) -> Self {
        self.duplicate_in_flight = status;
        self
    }

    /// The status of the answer to a key that was used for another request.
    ///
    /// Default: 422 (draft-ietf-httpapi-idempotency-key-header-07, section 2.7). Stripe's API v1 answers 400, and other
    /// contracts say 409.
    #[must_use]
    pub fn with_mismatch(mut self, status: StatusCode) -> Self {
        self.mismatch = status;
        self
    }

    /// The status of the answer to a delivery whose record is in doubt.
    ///
    /// Default: 503 for webhooks, 409 for APIs.
    #[must_use]
    pub fn with_in_doubt(mut self, status: StatusCode) -> Self {
        self.in_doubt = status;
        self
    }

    /// Sets the URL of the API's documentation of its keys, sent as a `Link` with `rel="describedby"` when a key is missing,
    /// malformed, in flight, in doubt, or was used for another request
    /// (draft-ietf-httpapi-idempotency-key-header-07, section 2.7).
    ///
    /// Default: none, since only you know.
    #[must_use]
    pub fn with_documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into());
        self
    }
}
