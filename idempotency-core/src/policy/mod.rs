//! The policy: every setting, with its default and the reason for it.

mod completing;
mod getters;
mod setters;

use std::time::Duration;

use http::StatusCode;

use crate::OnExpired;

pub use completing::Completing;

/// Every setting of the engine and of the HTTP answers.
///
/// [`Policy::api`] is the default of [`IdempotencyKey`](crate::provider::IdempotencyKey), and [`Policy::webhook`] of every
/// other provider. A provider adjusts it to its sender.
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
    conflict_status: StatusCode,
    mismatch_status: StatusCode,
    in_doubt_status: StatusCode,
    body_timeout: Duration,
    ready_timeout: Duration,
    verification_timeout: Duration,
    records_key_text: bool,
    documentation: Option<String>,
}

/// The treatment of deliveries while the store is out of reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// Answers 503 with `Retry-After` and executes nothing.
    #[default]
    Refuse,
    /// Runs the handler without any protection, and observes each such run.
    ///
    /// Nothing runs if another attempt may hold the key. Nothing runs either if the store is in reach but refuses the claim
    /// (wrong credentials), is full, or cannot confirm a grant as durably as configured.
    Proceed,
}

/// The treatment of an execution whose caller disconnects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Attachment {
    /// The execution runs to its end, in a task of its own.
    #[default]
    Detached,
    /// The execution is dropped. The key stays in flight until the lease runs out, since the effect may have happened.
    LeaveWithCaller,
    /// The execution is dropped. The key is released at once, or is in doubt under
    /// [`OnExpired::InDoubt`](crate::OnExpired::InDoubt). Right only if the handler is cancel safe.
    FailWithCaller,
}

impl Attachment {
    /// Whether an execution outlives its caller.
    #[must_use]
    pub fn is_detached(self) -> bool {
        match self {
            Self::Detached => true,
            Self::LeaveWithCaller | Self::FailWithCaller => false,
        }
    }
}

impl Policy {
    /// The policy for webhooks: only a 2xx completes, and a duplicate of an in-flight delivery waits and then gets a 503.
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
            completing: Completing::success(),
            conflict_status: StatusCode::SERVICE_UNAVAILABLE,
            mismatch_status: StatusCode::UNPROCESSABLE_ENTITY,
            in_doubt_status: StatusCode::SERVICE_UNAVAILABLE,
            body_timeout: Duration::from_secs(10),
            ready_timeout: Duration::from_secs(2),
            verification_timeout: Duration::from_secs(2),
            records_key_text: true,
            documentation: None,
        }
    }

    /// The policy for APIs whose clients send an `Idempotency-Key`.
    ///
    /// Final answers complete, including client errors. A duplicate of an in-flight request gets a 409 at once. Records are
    /// kept for 24 hours.
    #[must_use]
    pub fn api() -> Self {
        Self {
            retention: Duration::from_secs(24 * 60 * 60),
            wait: Duration::ZERO,
            completing: Completing::final_answers(),
            conflict_status: StatusCode::CONFLICT,
            in_doubt_status: StatusCode::CONFLICT,
            body_timeout: Duration::from_secs(30),
            ..Self::webhook()
        }
    }
}

#[cfg(test)]
mod tests;
