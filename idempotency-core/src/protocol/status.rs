//! The `Idempotency-Status` header: what became of a delivery.

use http::{HeaderName, HeaderValue};

use crate::response::LeftOut;

/// What became of a delivery, as the value of the `Idempotency-Status` header: an item of a structured field (RFC 9651,
/// section 3.3), a token with parameters. `docs/protocol.md` has the table of all values and parameters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Status {
    /// The handler ran for this delivery.
    Executed(StoredFlag),
    /// The recorded answer was given, without what its record leaves out.
    Replayed(LeftOut),
    /// The key is in flight elsewhere.
    Conflict,
    /// The key was used for another request.
    Mismatch,
    /// A newer version of the resource has completed.
    Stale,
    /// It is not known whether the key was executed.
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

    /// The header's value: a token, with the parameter `stored=?0` where the recording failed, `body=?0` where the answer
    /// had a body that was not recorded, and `headers=?0` where its headers were not.
    #[must_use]
    pub fn header_value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Executed(StoredFlag::Settled) => "executed",
            Self::Executed(StoredFlag::Unrecorded) => "executed; stored=?0",
            Self::Replayed(LeftOut { body: false, headers: false }) => "replayed",
            Self::Replayed(LeftOut { body: true, headers: false }) => "replayed; body=?0",
            Self::Replayed(LeftOut { body: false, headers: true }) => "replayed; headers=?0",
            Self::Replayed(LeftOut { body: true, headers: true }) => "replayed; body=?0; headers=?0",
            Self::Conflict => "conflict",
            Self::Mismatch => "mismatch",
            Self::Stale => "stale",
            Self::InDoubt => "in-doubt",
            Self::Bypassed => "bypassed",
        })
    }
}
