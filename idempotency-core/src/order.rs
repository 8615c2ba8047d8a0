//! The order: which thing an event is about, and how new it is.

use std::fmt;
use std::sync::Arc;

use crate::digest::FieldDigest;
use crate::{Scope, short_digest};

/// Which resource an event is about, and how new it is.
///
/// A delivery with an order is stale when a newer version of the same resource has already completed; equal versions
/// are not stale. Order is opt-in: dropping an older event is right for snapshots and wrong for facts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    resource: Resource,
    version: Version,
}

impl Order {
    /// An order inside a scope: resources of two scopes are never compared.
    #[must_use]
    pub fn new(scope: &Scope, resource: impl AsRef<str>, version: Version) -> Self {
        Self { resource: Resource::new(scope, resource), version }
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
}

/// The thing an event is about, such as a customer or a pull request, inside its scope.
#[derive(Clone, PartialEq, Eq)]
pub struct Resource {
    name: Arc<str>,
    digest: [u8; 32],
}

impl Resource {
    /// A resource of this name inside a scope, which is the one that its [`Order`]s are made in. Resources of two scopes
    /// are two, whatever their names.
    #[must_use]
    pub fn new(scope: &Scope, name: impl AsRef<str>) -> Self {
        let name = name.as_ref();
        let digest = scope.put_into(FieldDigest::new("resource")).field(name.as_bytes()).finish();
        Self { name: name.into(), digest }
    }

    /// The sender's own name of it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 of scope and name: where stores keep the resource's high-water mark.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resource(#{})", short_digest(self.name.as_bytes()))
    }
}

/// How new an event is: a number that grows with each change of its resource.
///
/// Its unit is the provider's (seconds, microseconds, a counter), and must not change while marks are kept.
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
    use crate::{Delivery, Key, ScopedKey, Verified};

    #[test]
    fn a_resource_made_by_hand_is_the_one_of_an_ordered_delivery() {
        let (scope, key) = (Scope::endpoint("e"), Key::new("k").unwrap());
        let delivery = Delivery::new(&Verified::by_other_means(b""), scope.clone(), key.clone())
            .with_order(Order::new(&scope, "cus_1", Version::new(7)));
        let by_hand = ScopedKey::new(scope.clone(), key).beside(&Resource::new(&scope, "cus_1"));
        assert!(by_hand.resource_digest().is_some());
        assert_eq!(by_hand.resource_digest(), delivery.key().resource_digest());
        assert_ne!(&Resource::new(&scope.with_tenant("t"), "cus_1"), delivery.order().unwrap().resource());
    }
}
