//! The delivery: one verified arrival.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::uri::PathAndQuery;

use crate::{Fingerprint, Key, Order, Scope};

/// Proof that a sender signed these bytes, or that your code vouches for them.
///
/// A [`Delivery`] cannot be made without one, so a key is never read from unauthenticated bytes. The checks in
/// [`signature`](crate::provider::signature) return one. `Debug` prints only the length.
#[derive(Clone, Copy)]
pub struct Verified<'a> {
    bytes: &'a [u8],
    is_signed: bool,
}

impl<'a> Verified<'a> {
    /// For the signature checks of this crate only. The signature covers all of the bytes.
    pub(crate) fn by_signature(bytes: &'a [u8]) -> Self {
        Self { bytes, is_signed: true }
    }

    /// Vouches for bytes that were authenticated by other means, such as a queue's access control, mutual TLS or your own
    /// check.
    ///
    /// If they were not, an attacker can send such bytes and use up the keys of future events.
    ///
    /// It does not say that a signature covers all of the bytes, so [`ContentKey::over`](crate::provider::ContentKey::over)
    /// refuses a delivery that is made with it.
    #[must_use]
    pub fn by_other_means(bytes: &'a [u8]) -> Self {
        Self { bytes, is_signed: false }
    }

    /// The authenticated bytes.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

impl fmt::Debug for Verified<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({} bytes)", self.bytes.len())
    }
}

/// One verified arrival: its key in a scope, fingerprint, order and attributes.
///
/// ```
/// use idempotency_core::{Delivery, Key, Scope, Verified};
/// let message = b"{}"; // from a queue that only we can write to
/// let delivery = Delivery::new(&Verified::by_other_means(message), Scope::endpoint("orders"), Key::new("m-1")?);
/// # Ok::<(), idempotency_core::KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Delivery {
    scope: Scope,
    key: Key,
    fingerprint: Option<Fingerprint>,
    order: Option<Box<Order>>,
    unordered: Option<&'static str>,
    attributes: Attributes,
    target: Option<Target>,
    /// The signed part of the scope, unless all of it is signed.
    signed_scope: Option<Box<Scope>>,
    signed_bytes: Option<SignedBytes>,
}

/// The address and the length of signed bytes. They are compared and never read.
#[derive(Clone, Copy, PartialEq, Eq)]
struct SignedBytes(usize, usize);

impl SignedBytes {
    fn of(bytes: &[u8]) -> Self {
        Self(bytes.as_ptr().addr(), bytes.len())
    }
}

impl fmt::Debug for SignedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.1)
    }
}

/// The target of a request. `Debug` omits the query, which may carry tokens.
#[derive(Clone)]
struct Target(PathAndQuery);

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.path())
    }
}

impl Delivery {
    /// A delivery with this key in this scope.
    #[must_use]
    pub fn new(proof: &Verified<'_>, scope: Scope, key: Key) -> Self {
        Self {
            scope,
            key,
            fingerprint: None,
            order: None,
            unordered: None,
            attributes: Attributes::default(),
            signed_scope: None,
            signed_bytes: proof.is_signed.then(|| SignedBytes::of(proof.bytes)),
            target: None,
        }
    }

    /// A delivery that was verified when it arrived and then suspended.
    pub(crate) fn suspended(
        scope: Scope,
        key: Key,
        order: Option<Order>,
        attributes: &[(String, String)],
    ) -> Self {
        let list: List =
            attributes.iter().map(|(name, value)| (name.clone().into(), value.clone())).collect();
        let attributes = Attributes((!list.is_empty()).then(|| Arc::new(list)));
        let proof = Verified::by_other_means(&[]);
        Self { order: order.map(Box::new), attributes, ..Self::new(&proof, scope, key) }
    }

    /// Sets the fingerprint, which must match when the key is reused. Default: none, since many senders change the body on a
    /// retry.
    #[must_use]
    pub fn with_fingerprint(mut self, fingerprint: Fingerprint) -> Self {
        self.fingerprint = Some(fingerprint);
        self
    }

    /// Sets the order, so that the delivery is discarded if a newer one has completed. Default: none.
    #[must_use]
    pub fn with_order(mut self, order: Order) -> Self {
        self.order = Some(Box::new(order));
        self
    }

    /// Sets the reason why the delivery has no order although its provider is asked to set one. The delivery still runs, and
    /// the reason is observed. Default: none.
    #[must_use]
    pub fn with_unordered(mut self, reason: &'static str) -> Self {
        self.unordered = Some(reason);
        self
    }

    /// Narrows the scope by a value that the signature does not cover.
    #[must_use]
    pub(crate) fn narrowed_by_unsigned(mut self, account: &str) -> Self {
        let narrowed = self.scope.clone().with_account(account);
        let signed = std::mem::replace(&mut self.scope, narrowed);
        self.signed_scope.get_or_insert_with(|| Box::new(signed));
        self
    }

    /// Adds an attribute for the handler and the observer. Default: none.
    #[must_use]
    pub fn with_attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.insert(name, value.into());
        self
    }

    /// Adds an attribute if it has a value.
    #[must_use]
    pub(crate) fn with_optional_attribute(
        self,
        name: &'static str,
        value: Option<impl Into<String>>,
    ) -> Self {
        match value {
            Some(value) => self.with_attribute(name, value),
            None => self,
        }
    }

    /// Sets the tenant that its request's path names. A provider cannot set another one.
    #[must_use]
    pub(crate) fn of_tenant(mut self, tenant: &str) -> Self {
        Arc::make_mut(self.attributes.0.get_or_insert_default())
            .insert(0, (Cow::Borrowed(Attributes::TENANT), tenant.to_owned()));
        self
    }

    /// Sets the target of its request, which only observers see.
    pub(crate) fn arrived_at(mut self, target: Option<&PathAndQuery>) -> Self {
        self.target = target.cloned().map(Target);
        self
    }

    /// The target of its request, over HTTP.
    pub(crate) fn target(&self) -> Option<&PathAndQuery> {
        self.target.as_ref().map(|target| &target.0)
    }

    /// The path of its request, over HTTP.
    pub(crate) fn path(&self) -> Option<&str> {
        self.target().map(PathAndQuery::path)
    }

    /// The scope in which its key is unique.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The fingerprint, which must match when the key is reused.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }

    /// The resource that it is about, and how new it is.
    #[must_use]
    pub fn order(&self) -> Option<&Order> {
        self.order.as_deref()
    }

    /// The reason why it has no order although its provider is asked to set one.
    #[must_use]
    pub fn unordered(&self) -> Option<&'static str> {
        self.unordered
    }

    /// The part of the scope that the signature covers.
    pub(crate) fn signed_scope(&self) -> &Scope {
        self.signed_scope.as_deref().unwrap_or(&self.scope)
    }

    /// Whether a signature covers all of this body, which must be the one that the delivery was made from.
    pub(crate) fn is_signed_over(&self, body: &[u8]) -> bool {
        self.signed_bytes == Some(SignedBytes::of(body))
    }

    /// Its attributes.
    #[must_use]
    pub fn attributes(&self) -> &Attributes {
        &self.attributes
    }
}

/// Further facts about a delivery, such as the event's type. Cheap to clone.
#[derive(Clone, Default)]
pub struct Attributes(Option<Arc<List>>);

type List = Vec<(Cow<'static, str>, String)>;

impl Attributes {
    /// The name of the attribute that holds an event's type, such as `customer.updated`.
    pub const EVENT_TYPE: &'static str = "type";

    /// The name of the attribute that holds the tenant, if the request's path names one.
    pub const TENANT: &'static str = "tenant";

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(candidate, value)| (candidate == name).then_some(value))
    }

    /// The event's type, if there is one.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.get(Self::EVENT_TYPE)
    }

    /// The tenant that the request's path named, if [`Providers`](crate::provider::Providers) serves tenants.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.get(Self::TENANT)
    }

    /// Iterates over names and values, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|list| list.iter()).map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    fn insert(&mut self, name: &'static str, value: String) {
        Arc::make_mut(self.0.get_or_insert_default()).push((Cow::Borrowed(name), value));
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|(name, _)| name)).finish()
    }
}
