//! The namespace: one service in one environment.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One service in one environment, such as `billing-production`.
///
/// Every store that can be shared has a namespace. It is part of every digest and every
/// [derived key](crate::IdempotencyContext::derive_key). Two services therefore never get each other's answers, and never
/// share a key at a payment provider.
///
/// A namespace has 1 to 64 bytes of `a-z`, `0-9`, `.`, `_` and `-`.
///
/// ```
/// use idempotency_core::Namespace;
/// let namespace = Namespace::new("billing-production")?;
/// assert!(Namespace::new("{billing}").is_err());
/// # Ok::<(), idempotency_core::NamespaceError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// The maximum length of a namespace in bytes.
    pub const MAX_LEN: usize = 64;

    /// Parses a namespace.
    ///
    /// # Errors
    /// When the text is empty, longer than [`Namespace::MAX_LEN`], or has a byte that is not allowed.
    pub fn new(text: impl AsRef<str>) -> Result<Self, NamespaceError> {
        let text = text.as_ref();
        match text.len() {
            0 => return Err(NamespaceError::Empty),
            len if len > Self::MAX_LEN => return Err(NamespaceError::TooLong { len }),
            _ => {}
        }
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if !text.bytes().all(allowed) {
            return Err(NamespaceError::Forbidden);
        }
        Ok(Self(text.into()))
    }

    /// The namespace as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `default`, for a store that only one process uses.
impl Default for Namespace {
    fn default() -> Self {
        Self("default".into())
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = NamespaceError;

    fn from_str(text: &str) -> Result<Self, NamespaceError> {
        Self::new(text)
    }
}

impl TryFrom<String> for Namespace {
    type Error = NamespaceError;

    fn try_from(text: String) -> Result<Self, NamespaceError> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Namespace {
    type Error = NamespaceError;

    fn try_from(text: &str) -> Result<Self, NamespaceError> {
        Self::new(text)
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0.as_ref().into()
    }
}

/// Why a text is not a [`Namespace`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// The text is empty.
    #[error("the namespace is empty")]
    Empty,
    /// The text is longer than [`Namespace::MAX_LEN`].
    #[error("the namespace has {len} bytes, over the limit of {}", Namespace::MAX_LEN)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The text has a byte other than `a-z`, `0-9`, `.`, `_` and `-`.
    #[error("the namespace has a character other than a-z, 0-9, '.', '_' and '-'")]
    Forbidden,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_1_to_64_bytes_of_a_small_alphabet() {
        assert_eq!(Namespace::new(""), Err(NamespaceError::Empty));
        assert_eq!(Namespace::new("n".repeat(65)), Err(NamespaceError::TooLong { len: 65 }));
        for text in ["A", "{a", "a:b", "a b", "ä", "a\n", "a/b", "*"] {
            assert_eq!(Namespace::new(text), Err(NamespaceError::Forbidden), "{text}");
        }
        let longest = "a0._-".repeat(12) + "zz.9";
        assert_eq!(Namespace::new(&longest).unwrap().as_str(), longest);
    }
}
