//! The scoped key: a key in its scope and namespace, and the digest that addresses its record.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;

use crate::digest::FieldDigest;
use crate::{Key, Namespace, Scope};

/// A key in its scope and namespace: the identity of a record.
///
/// Two scoped keys are equal if their digests are. Only namespace, scope and key are part of the digest.
#[derive(Clone)]
pub struct ScopedKey {
    scope: Scope,
    key: Key,
    digest: KeyDigest,
}

impl ScopedKey {
    /// Puts a key in its scope and namespace.
    #[must_use]
    pub fn new(namespace: &Namespace, scope: Scope, key: Key) -> Self {
        let digest = scope.put_into(FieldDigest::new("key").field(namespace.as_str().as_bytes()));
        let digest = KeyDigest(digest.field(key.as_str().as_bytes()).finish());
        Self { scope, key, digest }
    }

    /// The scope.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The digest of namespace, scope and key, which stores use as the record's address.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }
}

impl PartialEq for ScopedKey {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ScopedKey {}

impl Hash for ScopedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}

impl fmt::Debug for ScopedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopedKey(#{})", self.digest)
    }
}

/// SHA-256 of a scoped key: the address of its record, and its name in logs.
///
/// `Display` and `FromStr` are inverses: 43 characters of unpadded base64url. Every call for operators takes a digest as
/// logs print it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// A digest from the 32 bytes that a store kept.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<&ScopedKey> for KeyDigest {
    fn from(key: &ScopedKey) -> Self {
        key.digest
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 43];
        BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).expect("base64url is ascii"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}

impl FromStr for KeyDigest {
    type Err = KeyDigestError;

    /// Parses a digest, with or without the `#` that logs put before it.
    fn from_str(text: &str) -> Result<Self, KeyDigestError> {
        let text = text.strip_prefix('#').unwrap_or(text);
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyDigestError)?;
        bytes.try_into().map(Self).map_err(|_| KeyDigestError)
    }
}

/// The text is not a [`KeyDigest`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a key's digest is 43 characters of base64url")]
#[non_exhaustive]
pub struct KeyDigestError;

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(scope: Scope) -> KeyDigest {
        ScopedKey::new(&Namespace::default(), scope, Key::new("k").unwrap()).digest()
    }

    #[test]
    fn each_tenant_principal_and_endpoint_makes_another_scope() {
        let plain = Scope::endpoint("e");
        let digests = [
            digest(plain.clone()),
            digest(Scope::endpoint("f")),
            digest(plain.clone().with_tenant("t")),
            digest(plain.clone().with_principal("t")),
            digest(plain.clone().with_tenant("")),
            digest(plain.with_tenant("t").with_principal("t")),
        ];
        for (i, a) in digests.iter().enumerate() {
            for b in &digests[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }

    #[test]
    fn each_namespace_has_its_own_addresses() {
        let of = |namespace: &str| {
            let namespace = Namespace::new(namespace).unwrap();
            ScopedKey::new(&namespace, Scope::endpoint("e"), Key::new("k").unwrap())
        };
        assert_ne!(of("production"), of("staging"));
        assert_eq!(of("production"), of("production"));
    }

    #[test]
    fn scoped_keys_are_equal_if_scope_and_key_are() {
        let of = |scope, key| ScopedKey::new(&Namespace::default(), scope, Key::new(key).unwrap());
        assert_eq!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("e"), "k"));
        assert_ne!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("e"), "l"));
        assert_ne!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("f"), "k"));
    }

    #[test]
    fn a_key_prints_as_its_digest_which_parses_again() {
        let key = ScopedKey::new(&Namespace::default(), Scope::endpoint("e"), Key::new("k").unwrap());
        let digest = BASE64URL_NOPAD.encode(key.digest().as_bytes());
        assert_eq!(format!("{key:?}"), format!("ScopedKey(#{digest})"));
        assert_eq!(format!("{:?}", key.digest()), format!("KeyDigest({digest})"));
        assert_eq!(digest.parse(), Ok(key.digest()));
        assert_eq!(format!("#{digest}").parse(), Ok(key.digest()));
        for text in ["", "#", &digest[1..], &format!("{digest}A"), "ä"] {
            assert_eq!(text.parse::<KeyDigest>(), Err(KeyDigestError), "{text}");
        }
    }

    /// Records outlive the process and the version that wrote them.
    #[test]
    fn digests_never_change_between_versions() {
        let plain = Scope::endpoint("e");
        let scopes = [
            plain.clone(),
            plain.clone().with_tenant("t"),
            plain.clone().with_principal("p"),
            plain.clone().with_tenant("t").with_principal("p"),
            plain.clone().with_tenant("t").with_tenant("u").with_principal("p"),
            plain.with_tenant("t").with_query("version=2").with_principal("p"),
        ];
        let digests = scopes.map(|scope| digest(scope).to_string());
        assert_eq!(
            digests,
            [
                "ApBF92jceUsjKPZotoRGscmrjDLbmFBwVjNHtnwQVns",
                "Ts3DRk_rWvyupzbqu-N6iB82T9q2vbvFkfxCI26GfSI",
                "2U_MUJKiwrlEVecljjQ3cLgSH1tl9fJ8E5e9ZlCnYrk",
                "lKcpMXVs-NTpw9RAtI71Pbu1bFSDZzWK7PGlUP6ELoQ",
                "7TZhrlvEZ-up__ywN_XqMxdoiwE1CcL4GrqjYOwX03w",
                "c-Wrbz_vIYbLJ656PGKbX-032A3uzTvqgQvdFRAoFdw"
            ]
        );
    }
}
