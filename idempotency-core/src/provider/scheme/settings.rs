//! The small settings of a scheme.

use std::fmt;
use std::time::Duration;

use crate::provider::signature;

/// How a sender proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Proof {
    /// An HMAC-SHA1 over a text.
    HmacSha1,
    /// An HMAC-SHA256 over a text.
    HmacSha256,
    /// An HMAC-SHA512 over a text.
    HmacSha512,
    /// An Ed25519 signature of a text. The secret is the public key.
    Ed25519,
    /// An ECDSA signature of a text on the curve P-256, in DER. The secret is the public key.
    #[cfg(feature = "p256")]
    EcdsaP256,
    /// The secret itself, in a header. Nothing is signed.
    Token,
    /// Basic authentication (RFC 7617). Nothing is signed.
    BasicAuth,
}

impl Proof {
    /// Whether the body is signed.
    #[must_use]
    pub const fn is_signature(self) -> bool {
        !matches!(self, Self::Token | Self::BasicAuth)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::HmacSha1 => "HMAC-SHA1",
            Self::HmacSha256 => "HMAC-SHA256",
            Self::HmacSha512 => "HMAC-SHA512",
            Self::Ed25519 => "Ed25519",
            #[cfg(feature = "p256")]
            Self::EcdsaP256 => "ECDSA P-256",
            Self::Token => "token",
            Self::BasicAuth => "basic authentication",
        })
    }
}

/// How a signature is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Encoding {
    /// Lower-case hexadecimal.
    Hex,
    /// Padded base64 (RFC 4648, section 4).
    Base64,
    /// Base64 for URLs, without padding (RFC 4648, section 5).
    Base64Url,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Base64Url => "base64url",
        })
    }
}

impl Encoding {
    pub(super) fn alphabet(self) -> data_encoding::Encoding {
        match self {
            Self::Hex => data_encoding::HEXLOWER,
            Self::Base64 => data_encoding::BASE64,
            Self::Base64Url => data_encoding::BASE64URL_NOPAD,
        }
    }
}

/// The unit of a signed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeUnit {
    /// Whole seconds since 1970.
    Seconds,
    /// Whole milliseconds since 1970.
    Milliseconds,
    /// A date and time (RFC 3339).
    Rfc3339,
    /// A date and time (RFC 3339) whose offset may be missing. It is then in UTC.
    Rfc3339Utc,
}

impl TimeUnit {
    /// The number of digits of a time between the years 2001 and 2286. `None` for a date.
    pub(super) fn digits(self) -> Option<usize> {
        match self {
            Self::Seconds => Some(10),
            Self::Milliseconds => Some(13),
            Self::Rfc3339 | Self::Rfc3339Utc => None,
        }
    }
}

/// The allowed age of a signed time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    Default,
    Within(Duration),
    Any,
}

impl Age {
    /// The allowed clock skew. `None` if any age is accepted.
    pub(super) fn tolerance(self) -> Option<Duration> {
        match self {
            Self::Default => Some(signature::DEFAULT_TOLERANCE),
            Self::Within(tolerance) => Some(tolerance),
            Self::Any => None,
        }
    }
}

/// The headers that may hold a signature.
#[derive(Clone, Copy, Debug)]
pub(super) enum Headers {
    None,
    One(&'static str),
    Several(&'static [&'static str]),
}

impl Headers {
    pub(super) fn names(&self) -> &[&'static str] {
        match self {
            Self::None => &[],
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

/// Where the signed time is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Time {
    None,
    Header(&'static str),
    /// An item of the signature header, with this prefix.
    Item(&'static str),
    /// A field of the signed body.
    Json(&'static str),
}
