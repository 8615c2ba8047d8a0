//! The setters of the policy, each with its default and the reason for it.

use std::time::Duration;

use http::StatusCode;

use super::{Attachment, Completing, OnOutage, Policy};
use crate::OnExpired;

impl Policy {
    /// Sets how long a claim lasts unless it is renewed. At least 1 ms, in whole milliseconds.
    ///
    /// A lease is renewed after each third of this time. Default: 30 s. A process that dies blocks its keys no longer than
    /// this. A shorter pause (a neighbour's garbage collection, a store's failover) loses nothing.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease.max(Duration::from_millis(1));
        self
    }

    /// Sets how long a completed record answers for its key. Never shorter than the lease.
    ///
    /// Default: 7 days for webhooks, which is at least twice the retry horizon of most senders. 24 hours for APIs, as at
    /// Stripe. Providers set their own.
    #[must_use]
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// Sets how long a duplicate of an in-flight delivery waits for the outcome.
    ///
    /// Default: 2 s for webhooks, which is less than senders wait for an answer. Zero for APIs, whose clients expect a 409
    /// (draft-ietf-httpapi-idempotency-key-header-07, section 2.7).
    #[must_use]
    pub fn with_wait(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }

    /// Sets how many duplicates of one key may wait at a time in this process. Others get the conflict answer at once.
    ///
    /// Default: 64, so that a storm of retries does not fill the memory.
    #[must_use]
    pub fn with_waiters_per_key(mut self, waiters: usize) -> Self {
        self.waiters_per_key = waiters;
        self
    }

    /// Sets how long one store operation may take, including repeats, before the store counts as out of reach.
    ///
    /// Default: 1.5 s. Senders wait for 3 s or more, and an answer within that time keeps their retries in order.
    #[must_use]
    pub fn with_store_timeout(mut self, timeout: Duration) -> Self {
        self.store_timeout = timeout;
        self
    }

    /// Sets the treatment of a key whose lease ran out.
    ///
    /// Default: [`OnExpired::Rerun`], since a lost event is worse than a handler that runs with `attempt = 2`.
    #[must_use]
    pub fn with_on_expired(mut self, on_expired: OnExpired) -> Self {
        self.on_expired = on_expired;
        self
    }

    /// Sets the treatment of deliveries while the store is out of reach.
    ///
    /// Default: [`OnOutage::Refuse`]. The sender retries, whereas a double execution cannot be undone.
    #[must_use]
    pub fn with_on_outage(mut self, on_outage: OnOutage) -> Self {
        self.on_outage = on_outage;
        self
    }

    /// Sets the treatment of an execution whose caller disconnects.
    ///
    /// Default: [`Attachment::Detached`]. A sender that hangs up is about to retry.
    #[must_use]
    pub fn with_attachment(mut self, attachment: Attachment) -> Self {
        self.attachment = attachment;
        self
    }

    /// Sets the maximum length of a request body in bytes. A longer one is answered 413 before anything is claimed.
    ///
    /// Default: 1 MiB, and 25 MiB for GitHub.
    #[must_use]
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how long a request body may take to arrive, from the head to the last byte. A slower one is answered 408 before
    /// anything is claimed.
    ///
    /// Default: 10 s for webhooks, since senders wait 3 to 30 s for the whole answer. 30 s for APIs, whose clients may have a
    /// slow connection. An upload holds memory and a connection although its sender is not verified yet.
    #[must_use]
    pub fn with_body_timeout(mut self, timeout: Duration) -> Self {
        self.body_timeout = timeout;
        self
    }

    /// Sets how long the provider may take to verify a request, which includes questions to a
    /// [`SecretSource`](crate::provider::SecretSource). After that, the request is answered 503 with `Retry-After` before
    /// anything is claimed. A source without a cache is dropped; `CachedSecrets` and `CachedKeys` go on in the background.
    ///
    /// Default: 2 s, since most senders wait at least 3 s for an answer. A provider or a source that calls another server
    /// should answer within this time.
    #[must_use]
    pub fn with_verification_timeout(mut self, timeout: Duration) -> Self {
        self.verification_timeout = timeout;
        self
    }

    /// Sets how long a granted execution may wait for the inner service to be ready, for example behind a concurrency limit.
    /// After that, it is released as if it had never been granted, and answered 503 with `Retry-After`.
    ///
    /// Default: 2 s, which is less than senders wait for an answer.
    #[must_use]
    pub fn with_ready_timeout(mut self, timeout: Duration) -> Self {
        self.ready_timeout = timeout;
        self
    }

    /// Keeps the text of keys out of records, so that operators see only digests.
    ///
    /// Default: records show their keys. An operator's first question is "what happened to evt_123?", and a sender's event
    /// id is not secret. Hide keys if they can be sensitive, for example if clients derive them from an order or a person, or
    /// if more people can read the store than may know the keys. Logs never show keys.
    #[must_use]
    pub fn without_key_text(mut self) -> Self {
        self.records_key_text = false;
        self
    }

    /// Sets the maximum size of a recorded answer in bytes: the names and values of its headers, and its body.
    ///
    /// A larger answer passes and completes without its body. Its duplicates get the recorded status and headers, an empty
    /// body, and `Idempotency-Status: replayed; body=?0`. If the headers alone are larger, duplicates get only the status.
    ///
    /// Default: 64 KiB, since records are kept for days.
    #[must_use]
    pub fn with_recorded_limit(mut self, bytes: usize) -> Self {
        self.recorded_limit = bytes;
        self
    }

    /// Sets which answers of the handler complete an execution.
    ///
    /// Default: [`Completing::success`] for webhooks, so that a failure is retried and never replayed.
    /// [`Completing::final_answers`] for APIs.
    #[must_use]
    pub fn with_completing(mut self, completing: Completing) -> Self {
        self.completing = completing;
        self
    }

    /// Records every answer, including 5xx, as Stripe's API v1 does. Short for [`Completing::everything`].
    #[must_use]
    pub fn recording_errors(self) -> Self {
        self.with_completing(Completing::everything())
    }

    /// Sets the status of the answer to a duplicate whose first delivery is still in flight after the wait.
    ///
    /// Default: 503 for webhooks, since some senders never retry after a 4xx. 409 for APIs.
    #[must_use]
    pub fn with_conflict_status(mut self, status: StatusCode) -> Self {
        self.conflict_status = status;
        self
    }

    /// Sets the status of the answer to a key that was used for another request.
    ///
    /// Default: 422 (draft-ietf-httpapi-idempotency-key-header-07, section 2.7). Stripe's API v1 answers 400, and other APIs
    /// 409.
    #[must_use]
    pub fn with_mismatch_status(mut self, status: StatusCode) -> Self {
        self.mismatch_status = status;
        self
    }

    /// Sets the status of the answer to a delivery whose record is in doubt.
    ///
    /// Default: 503 for webhooks, 409 for APIs.
    #[must_use]
    pub fn with_in_doubt_status(mut self, status: StatusCode) -> Self {
        self.in_doubt_status = status;
        self
    }

    /// Sets the URL of the API's documentation of its keys.
    ///
    /// It is sent as a `Link` with `rel="describedby"` if a key is missing, malformed, in flight, in doubt, or was used for
    /// another request (draft-ietf-httpapi-idempotency-key-header-07, section 2.7). Default: none.
    #[must_use]
    pub fn with_documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into());
        self
    }
}
