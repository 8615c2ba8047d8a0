//! The digest of a body without the fields that differ between attempts.

use std::cmp::Reverse;

use sha2::{Digest as _, Sha256};

use super::pick::{Found, Paths};
use crate::digest::FieldDigest;
use crate::provider::canonical::{self, Pointer};

/// The fields that differ between attempts.
#[derive(Clone, Debug, Default)]
pub(in crate::provider) struct Differing {
    pointers: Vec<Pointer>,
    paths: Paths,
}

impl Differing {
    pub(in crate::provider) fn new(pointers: Vec<Pointer>) -> Self {
        let mut paths = Paths::default();
        for pointer in &pointers {
            paths.add(pointer);
        }
        Self { pointers, paths }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pointers.is_empty()
    }

    /// The SHA-256 of a body, or of its canonical form without the fields.
    ///
    /// A body without a canonical form, such as one with a long number, is compared byte for byte without the fields' values.
    pub(in crate::provider) fn digest(&self, body: &[u8]) -> [u8; 32] {
        if self.is_empty() {
            return Sha256::digest(body).into();
        }
        let digest = canonical::digest(body, &self.pointers).or_else(|| self.digest_of_bytes(body));
        digest.unwrap_or_else(|| Sha256::digest(body).into())
    }

    /// The digest of the bytes around the values. `None` if it is ambiguous which they are.
    fn digest_of_bytes(&self, body: &[u8]) -> Option<[u8; 32]> {
        let start = body.as_ptr() as usize;
        let mut cuts = Vec::new();
        for found in self.paths.find(body).ok()? {
            match found {
                Found::Never => {}
                Found::Once(value) => {
                    let from = value.as_ptr() as usize - start;
                    cuts.push((from, Reverse(from + value.len())));
                }
                Found::Repeated => return None,
            }
        }
        cuts.sort_unstable();
        let mut digest = FieldDigest::new("body without values");
        let mut at = 0;
        for (from, Reverse(to)) in cuts {
            // A value may be inside the one before it.
            if from >= at {
                digest = digest.field(&body[at..from]);
                at = to;
            }
        }
        Some(digest.field(&body[at..]).finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(pointers: &[&str], body: &str) -> [u8; 32] {
        let pointers = pointers.iter().map(|pointer| Pointer::parse(pointer).unwrap());
        Differing::new(pointers.collect()).digest(body.as_bytes())
    }

    #[test]
    fn a_body_without_a_canonical_form_is_compared_without_the_values() {
        for data in [r#""\ud83d""#, "820982911946154508", "1e400", r#"{"a":1,"a":2}"#] {
            let of = |attempt: &str, more: &str| {
                digest(&["/x", "/x/n"], &format!(r#"{{"data":{data},"x":{attempt}{more}}}"#))
            };
            assert_eq!(of(r#"{"n":1}"#, ""), of(r#"{"n":22,"m":[]}"#, ""), "{data}");
            assert_eq!(of("1", ""), of("null", ""), "{data}");
            assert_ne!(of("1", ""), of("1", r#","y":2"#), "{data}");
            assert_ne!(of("1", ""), of("1", r#","x":1"#), "{data}");
        }
        assert_ne!(digest(&["/x"], r#"{"a":1e400,"x":1}"#), digest(&["/x"], r#"{"a":1e401,"x":1}"#));
    }

    #[test]
    fn a_body_that_is_not_json_or_repeats_the_field_is_compared_as_a_whole() {
        for [a, b] in [[r#"{"x":1"#, r#"{"x":2"#], [r#"{"x":1,"x":2}"#, r#"{"x":1,"x":3}"#]] {
            assert_eq!(digest(&["/x"], a), Sha256::digest(a)[..]);
            assert_ne!(digest(&["/x"], a), digest(&["/x"], b));
        }
    }

    #[test]
    fn equal_canonical_forms_have_one_digest() {
        assert_eq!(digest(&["/x"], r#"{"x":1,"a":2,"b":3}"#), digest(&["/x"], r#"{"b":3, "a":2.0}"#));
    }
}
