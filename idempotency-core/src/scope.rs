//! The scope: where a key is unique.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::digest::FieldDigest;
use crate::{Key, Resource};

/// Where a [`Key`] is unique: an endpoint, and inside it tenants and a principal where there are any.
///
/// Equal keys in two scopes are two intents, and an outcome recorded in one is never answered in the other. A
/// principal is kept as a digest only, since it is often a credential.
///
/// ```
/// use idempotency_core::Scope;
/// let all = Scope::endpoint("POST /payments");
/// assert_ne!(all.clone().with_principal("alice"), all.with_principal("bob"));
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    endpoint: Arc<str>,
    /// The outermost first.
    tenants: Vec<Arc<str>>,
    principal: Option<[u8; 32]>,
}

impl Scope {
    /// A scope for one endpoint: a route, a queue, a job's name.
    #[must_use]
    pub fn endpoint(endpoint: impl Into<Arc<str>>) -> Self {
        Self { endpoint: endpoint.into(), tenants: Vec::new(), principal: None }
    }

    /// Narrows the scope to a tenant: an account, a shop, a workspace. A second one lies inside the first: the workspace
    /// of an account. Default: none.
    #[must_use]
    pub fn with_tenant(mut self, tenant: impl Into<Arc<str>>) -> Self {
        self.tenants.push(tenant.into());
        self
    }

    /// Narrows the scope to one authenticated caller. Only a SHA-256 of it is kept. Default: none.
    #[must_use]
    pub fn with_principal(mut self, principal: impl AsRef<[u8]>) -> Self {
        self.principal = Some(FieldDigest::new("principal").field(principal.as_ref()).finish());
        self
    }

    /// The endpoint's name.
    #[must_use]
    pub fn as_endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The tenants, the outermost first.
    pub fn tenants(&self) -> impl ExactSizeIterator<Item = &str> {
        self.tenants.iter().map(AsRef::as_ref)
    }

    /// Adds all that tells this scope from others to a digest.
    pub(crate) fn put_into(&self, digest: FieldDigest) -> FieldDigest {
        /// Stands where the principal's mark, 0 or 1, would: another tenant comes before it.
        const INNER_TENANT: &[u8] = &[2];
        let mut tenants = self.tenants().map(str::as_bytes);
        let digest = digest.field(self.endpoint.as_bytes()).optional(tenants.next());
        tenants
            .fold(digest, |digest, inner| digest.field(INNER_TENANT).field(inner))
            .optional(self.principal.as_ref().map(<[u8; 32]>::as_slice))
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("endpoint", &self.endpoint)
            .field("tenants", &self.tenants)
            .field("principal", &self.principal.map(|_| "[redacted]"))
            .finish()
    }
}

/// A key in its scope: what a record is kept under.
///
/// Two are equal if their digests are, wherever their records are kept.
#[derive(Clone)]
pub struct ScopedKey {
    scope: Scope,
    key: Key,
    digest: KeyDigest,
    beside: Option<[u8; 32]>,
}

impl ScopedKey {
    /// Puts a key in its scope.
    #[must_use]
    pub fn new(scope: Scope, key: Key) -> Self {
        let digest = scope.put_into(FieldDigest::new("key")).field(key.as_str().as_bytes()).finish();
        Self { scope, key, digest: KeyDigest(digest), beside: None }
    }

    /// Says that the delivery is about this resource, so that a store on several servers keeps its record where the
    /// resource's mark is, and that [`resolve`](crate::Store::resolve) finds that mark. Default: not said, and such a store
    /// finds the record of an ordered delivery only with it.
    ///
    /// What a [`Delivery`](crate::Delivery) carries says it already. Whoever looks a record up by hand names the resource:
    ///
    /// ```
    /// use idempotency_core::{Key, Resource, Scope, ScopedKey};
    /// let scope = Scope::endpoint("stripe /webhooks/stripe");
    /// let key = ScopedKey::new(scope.clone(), Key::new("evt_1")?).beside(&Resource::new(&scope, "cus_1"));
    /// # Ok::<(), idempotency_core::KeyError>(())
    /// ```
    #[must_use]
    pub fn beside(mut self, resource: &Resource) -> Self {
        self.beside = Some(*resource.digest());
        self
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

    /// The digest of scope and key together: what stores use as the record's address.
    #[must_use]
    pub fn digest(&self) -> KeyDigest {
        self.digest
    }

    /// The digest of the resource beside whose mark the record is kept, where that was said.
    #[must_use]
    pub fn resource_digest(&self) -> Option<&[u8; 32]> {
        self.beside.as_ref()
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

/// SHA-256 of a scoped key. `Display` is 43 characters of unpadded base64url.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 43];
        data_encoding::BASE64URL_NOPAD.encode_mut(&self.0, &mut text);
        f.write_str(std::str::from_utf8(&text).expect("base64url is ascii"))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(scope: Scope) -> KeyDigest {
        ScopedKey::new(scope, Key::new("k").unwrap()).digest()
    }

    #[test]
    fn tenant_principal_and_endpoint_each_make_another_scope() {
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

    /// Records outlive the process that made them, and its version.
    #[test]
    fn digests_stay_what_they_are() {
        let plain = Scope::endpoint("e");
        for (scope, expected) in [
            (plain.clone(), "XvUVB-qDpoDtoQGcAAhsEOaLgNm-lrj20ydMn6ywTGA"),
            (plain.clone().with_tenant("t"), "g0AYH6LNB_ZfHD4YMREc2f_2xVcysr3J6SKxcroA-8o"),
            (plain.clone().with_principal("p"), "OU7ncVpfBI6LLb-brLKIMM3k24BaQgsFscOvq_Gzq1s"),
            (
                plain.clone().with_tenant("t").with_principal("p"),
                "6n8lgxiiHk9ylBHOgiaQ4cZ43gxcIik2NhRY60rlLTY",
            ),
            (
                plain.with_tenant("t").with_tenant("u").with_principal("p"),
                "jIWU6KUIFOryxTjv-eB34EQf8tL7aydkjbDN45Loego",
            ),
        ] {
            assert_eq!(digest(scope.clone()).to_string(), expected, "{scope:?}");
        }
    }

    #[test]
    fn what_is_equal_is_decided_by_scope_and_key() {
        let of = |scope, key| ScopedKey::new(scope, Key::new(key).unwrap());
        assert_eq!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("e"), "k"));
        assert_ne!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("e"), "l"));
        assert_ne!(of(Scope::endpoint("e"), "k"), of(Scope::endpoint("f"), "k"));
    }

    #[test]
    fn a_key_tells_what_it_is_beside() {
        let key = ScopedKey::new(Scope::endpoint("e"), Key::new("k").unwrap());
        assert_eq!(key.resource_digest(), None);
        let order = crate::Order::new(key.scope(), "r", crate::Version::new(1));
        assert_eq!(key.beside(order.resource()).resource_digest(), Some(order.resource().digest()));
    }

    #[test]
    fn a_key_prints_as_its_digest() {
        let key = ScopedKey::new(Scope::endpoint("e"), Key::new("k").unwrap());
        let digest = data_encoding::BASE64URL_NOPAD.encode(key.digest().as_bytes());
        assert_eq!(format!("{key:?}"), format!("ScopedKey(#{digest})"));
        assert_eq!(format!("{:?}", key.digest()), format!("KeyDigest({digest})"));
    }

    #[test]
    fn a_scope_tells_its_endpoint_and_tenants() {
        assert_eq!(Scope::endpoint("e").as_endpoint(), "e");
        assert_eq!(Scope::endpoint("e").tenants().count(), 0);
        assert!(Scope::endpoint("e").with_tenant("t").with_tenant("u").tenants().eq(["t", "u"]));
    }

    #[test]
    fn all_is_printed_but_the_principal() {
        let scope = Scope::endpoint("e").with_tenant("t").with_principal("Bearer s3cret");
        assert_eq!(
            format!("{scope:?}"),
            r#"Scope { endpoint: "e", tenants: ["t"], principal: Some("[redacted]") }"#
        );
    }
}
