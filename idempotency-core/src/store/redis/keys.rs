//! The names in Redis: where a record, a mark and a wake-up channel live.
//!
//! A name is the namespace and the first 24 bytes of a digest as 32 characters of base64url. With a namespace of four
//! characters that is 37 bytes, which the usual allocator keeps in 48 where the whole digest would take 64. A record
//! carries the last 16 bytes of its digest, so that the two together hold all 32.
//!
//! A record's name depends on its key's digest alone, so a delivery finds the record of its key with or without an order,
//! on one server and in a cluster. No name has a hash tag, since neither alphabet has braces: in a cluster, record and
//! mark are spread by their own names.

use data_encoding::BASE64URL_NOPAD;

use crate::{KeyDigest, Namespace, ResourceDigest};

/// How many bytes of a digest a name has.
const NAMED: usize = 24;

/// Makes names in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    namespace: Namespace,
}

impl Keys {
    pub(super) fn new(namespace: Namespace) -> Self {
        Self { namespace }
    }

    pub(super) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The record of a key.
    pub(super) fn record(&self, key: KeyDigest) -> String {
        format!("{}:{}", self.namespace, short(key.as_bytes()))
    }

    /// The high-water mark of a resource.
    pub(super) fn mark(&self, resource: ResourceDigest) -> String {
        format!("{}:mark:{}", self.namespace, short(resource.as_bytes()))
    }

    /// The channel on which a key's waiters are woken.
    pub(super) fn channel(&self, key: KeyDigest) -> String {
        format!("{}:changed:{}", self.namespace, short(key.as_bytes()))
    }

    /// The pattern that matches the names of records, and of no marks: those are longer.
    pub(super) fn records(&self) -> String {
        format!("{}:{}", self.namespace, "?".repeat(BASE64URL_NOPAD.encode_len(NAMED)))
    }

    /// The digest that a record's name begins, ended with `end`; `None` where it is no record's name.
    pub(super) fn digest(&self, name: &[u8], end: [u8; 8]) -> Option<KeyDigest> {
        let short = name.strip_prefix(self.namespace.as_str().as_bytes())?.strip_prefix(b":")?;
        let named: [u8; NAMED] = BASE64URL_NOPAD.decode(short).ok()?.try_into().ok()?;
        let mut digest = [0; 32];
        digest[..NAMED].copy_from_slice(&named);
        digest[NAMED..].copy_from_slice(&end);
        Some(KeyDigest::from_bytes(digest))
    }
}

/// The first 32 characters of the digest's own text.
fn short(digest: &[u8; 32]) -> String {
    BASE64URL_NOPAD.encode(&digest[..NAMED])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_s_name_tells_the_digest_save_its_end() {
        let keys = Keys::new(Namespace::new("billing-production").unwrap());
        let digest = KeyDigest::from_bytes(std::array::from_fn(|at| at as u8));
        let name = keys.record(digest);
        assert_eq!(name, format!("billing-production:{}", &digest.to_string()[..32]));
        assert_eq!(keys.records().len(), name.len());
        let end = [24, 25, 26, 27, 28, 29, 30, 31];
        assert_eq!(keys.digest(name.as_bytes(), end), Some(digest));
        let other = KeyDigest::from_bytes([9; 32]);
        assert_eq!(keys.digest(keys.record(other).as_bytes(), [9; 8]), Some(other));
    }

    #[test]
    fn what_is_no_record_s_name_tells_no_digest() {
        let keys = Keys::new(Namespace::new("shop").unwrap());
        let mark = keys.mark(ResourceDigest::from_bytes([7; 32]));
        let record = Keys::new(Namespace::new("shop2").unwrap()).record(KeyDigest::from_bytes([7; 32]));
        for name in [&mark, &record, "shop:", "shop:%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%", "shop:AAAA"] {
            assert_eq!(keys.digest(name.as_bytes(), [0; 8]), None, "{name}");
        }
    }
}
