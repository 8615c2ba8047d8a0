//! The rejection: why a request is not a delivery.

use std::error::Error;

use crate::KeyError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request is not a delivery. The sender sees the kind; the reason and its causes go to the log.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    source: Option<BoxError>,
}

/// Which kind of rejection it is, and so which status the sender gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The sender is not who it claims to be, or said it too long ago: 401.
    Unauthenticated,
    /// The delivery has no key: 400.
    KeyMissing,
    /// The key or the message cannot be read: 400.
    Malformed,
    /// What verification needs cannot be had now, such as a tenant's secret: 503.
    Unavailable,
}

impl Rejection {
    /// The sender is not who it claims to be, or said it too long ago.
    #[must_use]
    pub const fn unauthenticated(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unauthenticated, reason)
    }

    /// The delivery has no key.
    #[must_use]
    pub const fn key_missing(reason: &'static str) -> Self {
        Self::new(RejectionKind::KeyMissing, reason)
    }

    /// The key or the message cannot be read.
    #[must_use]
    pub const fn malformed(reason: &'static str) -> Self {
        Self::new(RejectionKind::Malformed, reason)
    }

    /// What verification needs cannot be had now.
    #[must_use]
    pub const fn unavailable(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unavailable, reason)
    }

    const fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self { kind, reason, source: None }
    }

    /// The same rejection with its cause. **The `Display` of the cause, and of its own causes, is logged**: it must show no
    /// secret, nor anything else that the log may not have.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }
}

impl From<KeyError> for Rejection {
    fn from(error: KeyError) -> Self {
        Self::malformed(match error {
            KeyError::Empty => "the key is empty",
            KeyError::TooLong { .. } => "the key is longer than 255 bytes",
            KeyError::NotPrintableAscii => "the key has a byte outside printable ascii",
        })
    }
}
