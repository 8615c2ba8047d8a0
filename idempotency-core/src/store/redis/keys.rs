//! The names in Redis: where a record, a mark and a wake-up channel live.
//!
//! A name is the prefix and the first 24 bytes of a digest as 32 characters of base64url: with the default prefix that
//! is 37 bytes, which the usual allocator keeps in 48 where the whole digest would take 64. A record carries the last
//! 16 bytes of its digest, so that the two together hold all 32.

use crate::{KeyDigest, Resource};

/// Makes names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: impl Into<String>) -> Self {
        Self { prefix: prefix.into() }
    }

    /// The record of a key.
    pub(super) fn record(&self, digest: KeyDigest) -> String {
        format!("{}:{}", self.prefix, short(digest.as_bytes()))
    }

    /// The high-water mark of a resource.
    pub(super) fn mark(&self, resource: &Resource) -> String {
        format!("{}:mark:{}", self.prefix, short(resource.digest()))
    }

    /// The channel on which a key's waiters are woken.
    pub(super) fn channel(&self, digest: KeyDigest) -> String {
        format!("{}:settled:{}", self.prefix, short(digest.as_bytes()))
    }
}

/// The first 32 characters of the digest's own text.
fn short(digest: &[u8; 32]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(&digest[..24])
}
