//! The `Idempotency-Status` header: what became of a delivery.

use http::{HeaderName, HeaderValue};

/// What became of a delivery, as the value of the `Idempotency-Status` header.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Status {
    /// The handler ran for this delivery.
    Executed(StoredFlag),
    /// The recorded answer was given.
    Replayed,
    /// The key is in flight elsewhere.
    Conflict,
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale,
    /// Nobody can tell whether the key was executed.
    InDoubt,
    /// The handler ran without a claim.
    Bypassed,
}

/// Whether the outcome of an execution is in the store.
///
/// This enum is complete.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::exhaustive_enums, reason = "an outcome is in the store or it is not known to be")]
pub enum StoredFlag {
    /// It is, or it need not be since the handler's answer does not complete.
    Settled,
    /// The handler succeeded and only the recording failed; it is repeated in the background.
    Unrecorded,
}

impl Status {
    /// `idempotency-status`.
    pub const HEADER: HeaderName = HeaderName::from_static("idempotency-status");

    /// The header's value: an RFC 8941 token, with the parameter `stored=?0` where the recording failed.
    #[must_use]
    pub fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Executed(StoredFlag::Settled) => "executed",
            Self::Executed(StoredFlag::Unrecorded) => "executed; stored=?0",
            Self::Replayed => "replayed",
            Self::Conflict => "conflict",
            Self::Mismatch => "mismatch",
            Self::Stale => "stale",
            Self::InDoubt => "in-doubt",
            Self::Bypassed => "bypassed",
        })
    }
}
