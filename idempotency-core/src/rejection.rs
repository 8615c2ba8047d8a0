//! The rejection: why a request is not a delivery.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::KeyError;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why a request is not a delivery. The sender sees the kind; the reason, the header that it is about, and its causes go
/// to the log.
#[derive(Debug)]
pub struct Rejection {
    kind: RejectionKind,
    reason: &'static str,
    header: Option<Cow<'static, str>>,
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

    /// A header that authentication needs is missing: [`unauthenticated`](Self::unauthenticated), naming it.
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

    /// What verification needs cannot be had now.
    #[must_use]
    pub const fn unavailable(reason: &'static str) -> Self {
        Self::new(RejectionKind::Unavailable, reason)
    }

    const fn new(kind: RejectionKind, reason: &'static str) -> Self {
        Self { kind, reason, header: None, source: None }
    }

    /// The same rejection, naming the header that it is about. The name is logged, the header's value never is.
    #[must_use]
    pub fn about_header(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.header = Some(name.into());
        self
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

    /// The header that it is about, if it is about one.
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
