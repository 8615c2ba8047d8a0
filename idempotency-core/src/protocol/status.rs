//! The `Idempotency-Status` header: the result of a delivery.

use http::{HeaderName, HeaderValue};

use crate::response::Omitted;

/// The result of a delivery, as the value of the `Idempotency-Status` header.
///
/// The value is a structured field item (RFC 9651, section 3.3): a token with parameters. [The protocol page](crate::docs::protocol)
/// has a table of all values and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Status {
    /// The handler ran for this delivery.
    Executed,
    /// The handler ran for this delivery and succeeded, but the store does not have the outcome yet. Recording is retried in
    /// the background.
    ExecutedUnrecorded,
    /// The recorded answer was replayed, without its omitted parts.
    Replayed(Omitted),
    /// The key is in flight elsewhere.
    Conflict,
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale,
    /// The key may or may not have been executed.
    InDoubt,
    /// The handler ran without a claim.
    Bypassed,
}

impl Status {
    /// `idempotency-status`.
    pub const HEADER: HeaderName = HeaderName::from_static("idempotency-status");

    /// The header's value: a token and its parameters.
    ///
    /// `stored=?0` says that the recording failed, `body=?0` that the answer had a body that was not recorded, and `headers=?0`
    /// that its headers were not recorded.
    #[must_use]
    pub fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Executed => "executed",
            Self::ExecutedUnrecorded => "executed; stored=?0",
            Self::Replayed(Omitted { body: false, headers: false }) => "replayed",
            Self::Replayed(Omitted { body: true, headers: false }) => "replayed; body=?0",
            Self::Replayed(Omitted { body: false, headers: true }) => "replayed; headers=?0",
            Self::Replayed(Omitted { body: true, headers: true }) => "replayed; body=?0; headers=?0",
            Self::Conflict => "conflict",
            Self::Mismatch => "mismatch",
            Self::Stale => "stale",
            Self::InDoubt => "in-doubt",
            Self::Bypassed => "bypassed",
        })
    }
}
