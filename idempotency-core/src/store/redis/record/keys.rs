//! The names in Redis of records, marks and channels.
//!
//! A name is the namespace and the first 24 bytes of a digest, as 32 characters of base64url. With a namespace of four
//! characters that is 37 bytes, for which the usual allocator takes 48 bytes; the whole digest would take 64. A record
//! holds the last 8 bytes of its digest, so that name and record together hold all 32.
//!
//! A record's name depends only on its key's digest. So a delivery finds its record with or without an order, on one
//! server and in a cluster. Neither alphabet has braces, so no name has a hash tag: in a cluster, each name has a slot
//! of its own.

use data_encoding::BASE64URL_NOPAD;

use crate::store::ResourceDigest;
use crate::{KeyDigest, Namespace};

/// The number of digest bytes in a name.
const NAME_BYTES: usize = 24;
/// The number of characters that these bytes have as text.
const NAME_CHARACTERS: usize = 32;

/// Makes names in one namespace.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    namespace: Namespace,
}

impl Keys {
    pub(crate) fn new(namespace: Namespace) -> Self {
        Self { namespace }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The name of a key's record.
    pub(crate) fn record(&self, key: KeyDigest) -> String {
        self.name(":", key.as_bytes())
    }

    /// The name of a resource's high-water mark.
    pub(crate) fn mark(&self, resource: ResourceDigest) -> String {
        self.name(":mark:", resource.as_bytes())
    }

    /// The channel that wakes a key's waiters.
    pub(crate) fn channel(&self, key: KeyDigest) -> String {
        self.name(":changed:", key.as_bytes())
    }

    /// The namespace, what kind of name it is, and the first 32 characters of the digest's text form.
    fn name(&self, kind: &str, digest: &[u8; 32]) -> String {
        let namespace = self.namespace.as_str();
        let mut name = String::with_capacity(namespace.len() + kind.len() + NAME_CHARACTERS);
        name.push_str(namespace);
        name.push_str(kind);
        BASE64URL_NOPAD.encode_append(&digest[..NAME_BYTES], &mut name);
        name
    }

    /// The `SCAN` pattern for the names of records. Marks have longer names and do not match.
    pub(crate) fn records(&self) -> String {
        format!("{}:{}", self.namespace, "?".repeat(NAME_CHARACTERS))
    }

    /// The digest with its first bytes from a record's name and its last bytes from `end`. `None` for any other name.
    pub(crate) fn digest(&self, name: &[u8], end: [u8; 8]) -> Option<KeyDigest> {
        let short = name.strip_prefix(self.namespace.as_str().as_bytes())?.strip_prefix(b":")?;
        let named: [u8; NAME_BYTES] = BASE64URL_NOPAD.decode(short).ok()?.try_into().ok()?;
        let mut digest = [0; 32];
        digest[..NAME_BYTES].copy_from_slice(&named);
        digest[NAME_BYTES..].copy_from_slice(&end);
        Some(KeyDigest::from_bytes(digest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_records_name_has_the_digest_except_its_end() {
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
    fn a_name_that_is_not_a_records_has_no_digest() {
        let keys = Keys::new(Namespace::new("shop").unwrap());
        let mark = keys.mark(ResourceDigest::from_bytes([7; 32]));
        let record = Keys::new(Namespace::new("shop2").unwrap()).record(KeyDigest::from_bytes([7; 32]));
        for name in [&mark, &record, "shop:", "shop:%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%%", "shop:AAAA"] {
            assert_eq!(keys.digest(name.as_bytes(), [0; 8]), None, "{name}");
        }
    }
}
