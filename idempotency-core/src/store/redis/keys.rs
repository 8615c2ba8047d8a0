//! The names in Redis: where a record, a mark and a wake-up channel live.

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
        format!("{}:{digest}", self.prefix)
    }

    /// The high-water mark of a resource.
    pub(super) fn mark(&self, resource: &Resource) -> String {
        format!("{}:mark:{}", self.prefix, data_encoding::BASE64URL_NOPAD.encode(resource.digest()))
    }

    /// The channel on which a key's waiters are woken.
    pub(super) fn channel(&self, digest: KeyDigest) -> String {
        format!("{}:settled:{digest}", self.prefix)
    }
}
