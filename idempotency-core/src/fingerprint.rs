//! The fingerprint: a digest of the parts that must match on a retry.

use std::fmt;

use crate::digest::FieldDigest;

/// SHA-256 of the parts of a request that must match when its key is reused.
///
/// A delivery whose fingerprint differs from the recorded one is a mismatch: another request under the same key. Each field
/// is prefixed with its length, so that the same bytes split into other fields have another fingerprint.
///
/// ```
/// use idempotency_core::Fingerprint;
/// let a = Fingerprint::of_fields(["ab".as_bytes(), b"c"]);
/// let b = Fingerprint::of_fields(["a".as_bytes(), b"bc"]);
/// assert_ne!(a, b);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of a body or other bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::of_fields([bytes])
    }

    /// The fingerprint of a list of fields, in order.
    #[must_use]
    pub fn of_fields<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let digest = fields.into_iter().fold(FieldDigest::new("fingerprint"), FieldDigest::field);
        Self(digest.finish())
    }

    /// The 32 bytes that a store keeps.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A fingerprint from the 32 bytes that a store kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", data_encoding::HEXLOWER.encode(&self.0[..6]))
    }
}
