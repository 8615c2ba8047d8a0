//! The policy: every knob, with its default and the reason.

mod completing;
mod values;

use std::time::Duration;

use http::StatusCode;

use crate::OnExpired;

pub use completing::Completing;

/// Every knob of the engine and of the HTTP answers.
///
/// [`Policy::webhook`] is the default of every provider, [`Policy::api`] that of
/// [`IdempotencyKey`](crate::provider::IdempotencyKey); a provider adjusts them to its sender.
///
/// ```
/// use std::time::Duration;
/// use idempotency_core::Policy;
/// let policy = Policy::webhook().with_lease(Duration::from_secs(60)).with_wait(Duration::from_secs(5));
/// assert_eq!(policy.lease(), Duration::from_secs(60));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    lease: Duration,
    retention: Duration,
    wait: Duration,
    waiters_per_key: usize,
    store_timeout: Duration,
    on_expired: OnExpired,
    on_outage: OnOutage,
    attachment: Attachment,
    body_limit: usize,
    recorded_limit: usize,
    completing: Completing,
    duplicate_in_flight: StatusCode,
    in_doubt: StatusCode,
    documentation: Option<String>,
}

/// What happens to deliveries while the store is out of reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// 503 with `Retry-After`; nothing is executed.
    #[default]
    Refuse,
    /// The handler runs without any protection, and each such run is observed. Not where the store is in reach, and refuses,
    /// as for wrong credentials, is full, or cannot confirm a grant as durably as asked; and not where another holder is
    /// known.
    Proceed,
}

/// What becomes of an execution when its caller goes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Attachment {
    /// It runs to its end in a task of its own.
    #[default]
    Detached,
    /// It is dropped where it stands, and the key stays in flight until the lease runs out, since the effect may have
    /// happened.
    AbandonWithCaller,
    /// It is dropped where it stands, and the key is released at once. Right only where the handler is cancel safe.
    ReleaseWithCaller,
}

impl Attachment {
    /// Whether an execution runs in a task of its own, and not in its caller's.
    #[must_use]
    pub fn is_detached(self) -> bool {
        match self {
            Self::Detached => true,
            Self::AbandonWithCaller | Self::ReleaseWithCaller => false,
        }
    }
}

impl Policy {
    /// For webhooks: only a 2xx completes, a duplicate in flight waits and is then told 503.
    #[must_use]
    pub fn webhook() -> Self {
        Self {
            lease: Duration::from_secs(30),
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            wait: Duration::from_secs(2),
            waiters_per_key: 64,
            store_timeout: Duration::from_millis(1500),
            on_expired: OnExpired::Rerun,
            on_outage: OnOutage::Refuse,
            attachment: Attachment::Detached,
            body_limit: 1024 * 1024,
            recorded_limit: 64 * 1024,
            completing: Completing::Success,
            duplicate_in_flight: StatusCode::SERVICE_UNAVAILABLE,
            in_doubt: StatusCode::SERVICE_UNAVAILABLE,
            documentation: None,
        }
    }

    /// For APIs whose clients send an `Idempotency-Key`: final answers complete, client errors included; a duplicate in
    /// flight is told 409 at once; records are kept for 24 hours.
    #[must_use]
    pub fn api() -> Self {
        Self {
            retention: Duration::from_secs(24 * 60 * 60),
            wait: Duration::ZERO,
            completing: Completing::Final,
            duplicate_in_flight: StatusCode::CONFLICT,
            in_doubt: StatusCode::CONFLICT,
            ..Self::webhook()
        }
    }

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
    /// 409 (draft-ietf-httpapi-idempotency-key-header-07, section 2.6).
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

    /// What becomes of a key whose holder died.
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

    /// The most that is recorded of an answer, in bytes: names and values of its headers, and its body. A larger one
    /// passes and is completed without its body: its duplicates get the recorded status and headers, and an empty
    /// body. Where the headers alone are larger, they get the status.
    ///
    /// Default: 64 KiB, since records are kept for days.
    #[must_use]
    pub fn with_recorded_limit(mut self, bytes: usize) -> Self {
        self.recorded_limit = bytes;
        self
    }

    /// Which answers of the handler complete an execution.
    ///
    /// Default: [`Completing::Success`] for webhooks, so that a failure is retried and never replayed;
    /// [`Completing::Final`] for APIs.
    #[must_use]
    pub fn with_completing(mut self, completing: Completing) -> Self {
        self.completing = completing;
        self
    }

    /// Records every answer, 5xx included, as Stripe's API v1 does: short for [`Completing::Everything`].
    #[must_use]
    pub fn storing_errors(self) -> Self {
        self.with_completing(Completing::Everything)
    }

    /// The status of the answer to a duplicate whose first delivery is still in flight after the wait.
    ///
    /// Default: 503 for webhooks, since some senders never retry after a 4xx; 409 for APIs.
    #[must_use]
    pub fn with_duplicate_in_flight(mut self, status: StatusCode) -> Self {
        self.duplicate_in_flight = status;
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

    /// Where the API's documentation of its keys is; sent as a `Link` with `rel="describedby"` when a key is missing
    /// or malformed.
    ///
    /// Default: none, since only you know.
    #[must_use]
    pub fn with_documentation(mut self, url: impl Into<String>) -> Self {
        self.documentation = Some(url.into());
        self
    }
}

#[cfg(test)]
mod tests;
