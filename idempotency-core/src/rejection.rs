//! The rejection: why a request is not a delivery.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use crate::KeyError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request is not a delivery. The sender sees only the kind. The reason, the header and the causes are logged.
#[derive(Clone, Debug)]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    header: Option<Cow<'static, str>>,
    /// Shared, since one answer of a source may refuse several requests.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kind of a rejection, which decides the status that the sender gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RejectionKind {
    /// The request is not authentic, or its timestamp is outside the tolerance: 401.
    Unauthenticated,
    /// The delivery has no key: 400.
    KeyMissing,
    /// The key or the message cannot be read: 400.
    Malformed,
    /// Something that verification needs, such as a tenant's secret, is unavailable: 503.
    Unavailable,
    /// No provider is served at this path: 404.
    NotFound,
}

impl Rejection {
    /// The request is not authentic, or its timestamp is outside the tolerance.
    #[must_use]
    pub const fn unauthenticated(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unauthenticated, reason)
    }

    /// An [`unauthenticated`](Self::unauthenticated) rejection for a missing header.
    ///
    /// ```
    /// use idempotency_core::provider::Rejection;
    /// let missing = Rejection::missing_header("stripe-signature");
    /// assert_eq!(missing.to_string(), "a header that authentication needs is missing: stripe-signature");
    /// ```
    #[must_use]
    pub fn missing_header(name: impl Into<Cow<'static, str>>) -> Self {
        Self::unauthenticated("a header that authentication needs is missing").about_header(name)
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

    /// Something that verification needs is unavailable.
    #[must_use]
    pub const fn unavailable(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unavailable, reason)
    }

    /// No provider is served at this path.
    #[must_use]
    pub const fn not_found(reason: &'static str) -> Self {
        Self::new(RejectionKind::NotFound, reason)
    }

    const fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self { kind, reason, header: None, source: None }
    }

    /// Names the header that the rejection is about. The name is logged, the value never is.
    #[must_use]
    pub fn about_header(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.header = Some(name.into());
        self
    }

    /// Adds the cause. **The `Display` of the cause, and of its own causes, is logged**, so it must not show secrets or other
    /// data that logs must not have.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<BoxError>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> RejectionKind {
        self.kind
    }

    /// The name of the header that it is about, if any.
    #[must_use]
    pub fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason)?;
        match &self.header {
            Some(header) => write!(f, ": {header}"),
            None => Ok(()),
        }
    }
}

impl Error for Rejection {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
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
