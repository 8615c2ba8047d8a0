//! The order: the resource that an event is about, and the event's version.

use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;

use crate::digest::{FieldDigest, short_digest};
use crate::{Namespace, Scope};

/// The resource that an event is about, and how new the event is.
///
/// A delivery with an order is stale if a newer version of the same resource has already completed. An equal version is not
/// stale. Order is opt-in: discarding an older event is right for snapshots and wrong for facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    resource: Resource,
    version: Version,
}

impl Order {
    /// An order of this version of this resource.
    #[must_use]
    pub fn new(resource: Resource, version: Version) -> Self {
        Self { resource, version }
    }

    /// The resource.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// How new the event is.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The order in the form that claims, leases and records carry.
    #[must_use]
    pub fn scoped(&self, namespace: &Namespace) -> ScopedOrder {
        ScopedOrder { resource: self.resource.digest(namespace), version: self.version }
    }
}

/// The thing that an event is about, such as a customer or a pull request.
///
/// It is identified by its scope, its kind and its name together.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    scope: Scope,
    kind: Arc<str>,
    name: Arc<str>,
}

impl Resource {
    /// A resource of this kind and name inside a scope. Different kinds, such as `issue` and `pull_request`, may use the same
    /// names: some senders number each kind separately.
    #[must_use]
    pub fn new(scope: &Scope, kind: impl AsRef<str>, name: impl AsRef<str>) -> Self {
        Self { scope: scope.clone(), kind: kind.as_ref().into(), name: name.as_ref().into() }
    }

    /// The scope in which its kind and name are unique.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Its name at the sender.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address of its high-water mark.
    #[must_use]
    pub fn digest(&self, namespace: &Namespace) -> ResourceDigest {
        let digest = self.scope.put_into(FieldDigest::new("resource").field(namespace.as_str().as_bytes()));
        ResourceDigest(digest.field(self.kind.as_bytes()).field(self.name.as_bytes()).finish())
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource({} #{})", self.kind, short_digest(self.name.as_bytes()))
    }
}

/// SHA-256 of a resource's namespace, scope, kind and name: the address of its high-water mark.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceDigest([u8; 32]);

impl ResourceDigest {
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

impl fmt::Debug for ResourceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ResourceDigest({})", BASE64URL_NOPAD.encode(&self.0))
    }
}

/// An order in the form that claims, leases and records carry: the address of the resource's mark, and the version.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct ScopedOrder {
    /// The address of the resource's mark.
    pub resource: ResourceDigest,
    /// How new the delivery is.
    pub version: Version,
}

impl ScopedOrder {
    /// An order of this version of the resource with this digest.
    #[must_use]
    pub const fn new(resource: ResourceDigest, version: Version) -> Self {
        Self { resource, version }
    }
}

/// How new an event is: a number that grows with each change of its resource.
///
/// Each provider chooses the unit (seconds, microseconds, a counter). It must not change while marks are kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Version(u64);

impl Version {
    /// A version.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_namespace_scope_kind_and_name_makes_another_resource() {
        let (scope, namespace) = (Scope::endpoint("e"), Namespace::default());
        let digests = [
            Resource::new(&scope, "issue", "7").digest(&namespace),
            Resource::new(&scope, "pull_request", "7").digest(&namespace),
            Resource::new(&scope, "issue", "8").digest(&namespace),
            Resource::new(&scope, "issue7", "").digest(&namespace),
            Resource::new(&scope.clone().with_tenant("t"), "issue", "7").digest(&namespace),
            Resource::new(&scope, "issue", "7").digest(&Namespace::new("other").unwrap()),
        ];
        for (i, a) in digests.iter().enumerate() {
            for b in &digests[i + 1..] {
                assert_ne!(a, b);
            }
        }
    }
}
