//! The key: the name of one intent inside a scope.

use std::fmt;
use std::sync::Arc;

use crate::digest::short_digest;

/// Names one intent inside a [`Scope`](crate::Scope): an event's id, an `Idempotency-Key`, a queue message's id.
///
/// A key has 1 to 255 bytes of printable ASCII (0x20 to 0x7E). `Debug` prints a digest and never the key, because an API
/// client's key can be as sensitive as a secret. [`Key::as_str`] returns the key itself.
///
/// ```
/// use idempotency_core::Key;
/// let key = Key::new("evt_1NG8Du2eZvKYlo2CUI79vXWy")?;
/// assert_eq!(key.as_str(), "evt_1NG8Du2eZvKYlo2CUI79vXWy");
/// assert!(Key::new("").is_err());
/// # Ok::<(), idempotency_core::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(Arc<str>);

impl Key {
    /// The maximum length of a key in bytes, the same as Stripe's.
    pub const MAX_LEN: usize = 255;

    /// Parses a key.
    ///
    /// # Errors
    /// When the text is empty, longer than [`Key::MAX_LEN`], or has a byte outside printable ASCII.
    pub fn new(text: impl AsRef<str>) -> Result<Self, KeyError> {
        let text = text.as_ref();
        if text.is_empty() {
            return Err(KeyError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(KeyError::TooLong { len: text.len() });
        }
        if !text.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(KeyError::NotPrintableAscii);
        }
        Ok(Self(text.into()))
    }

    /// The key as the sender wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(#{})", short_digest(self.0.as_bytes()))
    }
}

/// Why a text is not a [`Key`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is empty.
    #[error("the key is empty")]
    Empty,
    /// The text is longer than [`Key::MAX_LEN`].
    #[error("the key has {len} bytes, over the limit of {}", Key::MAX_LEN)]
    TooLong {
        /// Its length in bytes.
        len: usize,
    },
    /// The text has a byte outside printable ASCII.
    #[error("the key has a byte outside printable ascii")]
    NotPrintableAscii,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_1_to_255_bytes_of_printable_ascii() {
        assert_eq!(Key::new(""), Err(KeyError::Empty));
        assert_eq!(Key::new("k".repeat(256)), Err(KeyError::TooLong { len: 256 }));
        assert_eq!(Key::new("a\nb"), Err(KeyError::NotPrintableAscii));
        assert_eq!(Key::new("schlüssel"), Err(KeyError::NotPrintableAscii));
        assert!(Key::new("k".repeat(255)).is_ok());
    }

    #[test]
    fn debug_prints_the_digest_of_the_key() {
        assert_eq!(format!("{:?}", Key::new("k").unwrap()), "Key(#8254c329a928)");
    }
}

#[cfg(test)]
#[path = "key_props.rs"]
mod props;
