//! SHA-256 over length-prefixed fields: the only way in which this crate digests several values.

use sha2::{Digest as _, Sha256};

/// A SHA-256 over fields. Each is prefixed with its length, so that different lists never have the same digest.
#[derive(Clone)]
pub(crate) struct FieldDigest(Sha256);

impl FieldDigest {
    /// Starts a digest for one purpose. Digests for different purposes never match.
    pub(crate) fn new(purpose: &'static str) -> Self {
        Self(Sha256::new()).field(purpose.as_bytes())
    }

    pub(crate) fn field(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub(crate) fn optional(self, bytes: Option<&[u8]>) -> Self {
        match bytes {
            Some(bytes) => self.field(&[1]).field(bytes),
            None => self.field(&[0]),
        }
    }

    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Enough of a digest to tell values apart in a log without showing them.
pub(crate) fn short_digest(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)[..6])
}

#[cfg(test)]
#[path = "digest_props.rs"]
mod props;
