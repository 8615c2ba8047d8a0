//! The policy: every knob, with its default and the reason.

mod completing;
mod knobs;
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
    mismatch: StatusCode,
    in_doubt: StatusCode,
    body_timeout: Duration,
    ready_timeout: Duration,
    shows_keys: bool,
    documentation: Option<String>,
}

/// The treatment of deliveries while the store is out of reach.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum OnOutage {
    /// 503 with `Retry-After`; nothing is executed.
    #[default]
    Refuse,
    /// The handler runs without any protection, and each such run is observed. Nothing runs if the store is in reach and refuses
    /// (wrong credentials), is full, or cannot confirm a grant as durably as asked, or if another attempt may hold the key.
    Proceed,
}

/// The treatment of an execution when its caller goes away.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Attachment {
    /// It runs to its end in a task of its own.
    #[default]
    Detached,
    /// It is dropped where it stands, and the key stays in flight until the lease runs out, since the effect may have
    /// happened.
    AbandonWithCaller,
    /// It is dropped where it stands, and the key is released at once; under [`OnExpired::InDoubt`](crate::OnExpired::InDoubt)
    /// it is in doubt. Right only if the handler is cancel safe.
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
            completing: Completing::success(),
            duplicate_in_flight: StatusCode::SERVICE_UNAVAILABLE,
            mismatch: StatusCode::UNPROCESSABLE_ENTITY,
            in_doubt: StatusCode::SERVICE_UNAVAILABLE,
            body_timeout: Duration::from_secs(10),
            ready_timeout: Duration::from_secs(2),
            shows_keys: true,
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
            completing: Completing::final_answers(),
            duplicate_in_flight: StatusCode::CONFLICT,
            in_doubt: StatusCode::CONFLICT,
            body_timeout: Duration::from_secs(30),
            ..Self::webhook()
        }
    }
}

#[cfg(test)]
mod tests;
