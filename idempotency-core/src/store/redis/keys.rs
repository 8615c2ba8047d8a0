//! The names in Redis: where a record, a mark and a wake-up channel live.
//!
//! A name is the prefix and the first 24 bytes of a digest as 32 characters of base64url: with the default prefix that
//! is 37 bytes, which the usual allocator keeps in 48 where the whole digest would take 64. A record carries the last
//! 16 bytes of its digest, so that the two together hold all 32.
//!
//! In a cluster, a script can only touch names of one slot. There the record of an ordered delivery and its resource's
//! mark carry the resource as their hash tag; all other records are spread by their own name.

use crate::{KeyDigest, Order, ScopedKey};

/// Makes names under one prefix.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
    tagged: bool,
}

impl Keys {
    /// Names on one server, or `tagged` in a cluster.
    pub(super) fn new(prefix: impl Into<String>, tagged: bool) -> Self {
        Self { prefix: prefix.into(), tagged }
    }

    /// The record of a key, beside the mark of the order's resource where there is an order.
    pub(super) fn record(&self, key: &ScopedKey, order: Option<&Order>) -> String {
        let digest = short(key.digest().as_bytes());
        let resource = order.map(|order| order.resource().digest()).or_else(|| key.resource_digest());
        match resource.filter(|_| self.tagged) {
            Some(resource) => format!("{}:{{{}}}:{digest}", self.prefix, short(resource)),
            None => format!("{}:{digest}", self.prefix),
        }
    }

    /// The high-water mark of the resource with this digest.
    pub(super) fn mark(&self, resource: &[u8; 32]) -> String {
        let resource = short(resource);
        match self.tagged {
            true => format!("{}:mark:{{{resource}}}", self.prefix),
            false => format!("{}:mark:{resource}", self.prefix),
        }
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
