//! Shopify: `X-Shopify-Hmac-Sha256`, events named by a header that the signature does not cover.

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Scalar};
use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};

/// Shopify's webhooks and events.
///
/// The key of a webhook is `X-Shopify-Event-Id`, or `X-Shopify-Webhook-Id` where there is none. The key of an event, which
/// has `Shopify-…` headers, with or without the others beside them, is `Shopify-Webhook-Id`. The signature covers the body
/// only, so the body's digest is the fingerprint: the same id with another body is a mismatch. A captured request can be
/// sent again under another id, at any time, since nothing signed says when it was sent.
/// [`ContentKey::over`](super::ContentKey::over) takes the body itself as the key, which prevents it within one shop
/// and topic only: those headers are not signed either.
///
/// Shop and topic narrow the scope, since one event is sent once per topic under the same id, and inside them the name
/// of the subscription where it has one (`X-Shopify-Name`, `Shopify-Handle`). Two subscriptions without a name to one
/// topic are one delivery.
///
/// ```
/// use idempotency_core::provider::Shopify;
/// let shopify = Shopify::new("the app's client secret")?
///     .discarding_stale(["products/create", "products/update"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Shopify {
    secrets: Secrets,
    snapshots: Snapshots,
}

impl Shopify {
    /// Verifies with the app's client secret.
    ///
    /// # Errors
    /// When it is blank, or a token for Shopify's API.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(checked(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; Shopify may sign with the old one for an hour after a rotation.
    ///
    /// # Errors
    /// When it is blank, or a token for Shopify's API.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(checked(secret)?);
        Ok(self)
    }

    /// Discards a delivery of these topics when a newer one about the same resource was processed. Older and newer is
    /// by the body's `updated_at`, never by the unsigned `X-Shopify-Triggered-At`. The resource is the body's
    /// `admin_graphql_api_id`, or its `id` among those of the topic's first word, which is not signed.
    ///
    /// Each call adds a group, and the topics of two groups are never compared. A body without these fields, as
    /// `include_fields` may leave it, runs and is observed as unordered. Default: none. It is right for snapshots such as
    /// `products/update`, and wrong for facts such as `orders/paid`.
    ///
    /// # Errors
    /// When the topic's body has no `updated_at`, as no `…/delete` has one: an older update that comes after a deletion
    /// cannot be told by it. And when the topic is not known here, or is in an earlier group.
    pub fn discarding_stale(
        mut self,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        self.snapshots = self.snapshots.and(topics, is_ordered)?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let names = Names::of(incoming);
        let mut id = None;
        for name in names.ids {
            id = id.or(incoming.single_header(name)?);
        }
        let key = Key::new(id.ok_or(Rejection::key_missing("there is no event id header"))?)?;
        let topic = needed(incoming, names.topic, "there is no topic header")?;
        let shop = needed(incoming, names.shop, "there is no shop domain header")?;
        let shops = incoming.narrowed_scope(shop);
        let mut scope = shops.clone().with_tenant(topic);
        if let Some(name) = incoming.single_header(names.subscription)?.filter(|name| !name.is_empty()) {
            scope = scope.with_tenant(name);
        }
        let delivery = Delivery::new(proof, scope, key)
            .with_fingerprint(Fingerprint::of(proof.bytes()))
            .with_attribute(Attributes::EVENT_TYPE, topic)
            .with_attribute("shop", shop);
        // In the shop's scope and not the topic's, so that topics about one resource are compared.
        Ok(self.snapshots.order(delivery, topic, &shops, incoming.now, || {
            json::fields::<Resource<'_>>(proof.bytes())?.into_position(topic)
        }))
    }
}

#[async_trait]
impl Provider for Shopify {
    fn name(&self) -> &str {
        "shopify"
    }

    /// 3 days: Shopify retries 8 times within 4 hours. It waits 5 s for an answer, so a duplicate waits 2 s.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(3))
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, Names::of(incoming).signature)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, signature::base64::<32>(header))?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

fn checked(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let tokens = ["shpat_", "shpca_", "shppa_"];
    Secret::unlike(secret, &tokens, "the app's client secret: it is an access token")
}

/// A header without which a scope would be empty.
fn needed<'a>(incoming: &Incoming<'a>, name: &str, reason: &'static str) -> Result<&'a str, Rejection> {
    let value = incoming.single_header(name)?.filter(|value| !value.is_empty());
    value.ok_or_else(|| Rejection::malformed(reason))
}

/// First words of topics whose bodies are the resource itself, with its `updated_at`.
const ORDERED: [&str; 17] = [
    "carts",
    "checkouts",
    "collections",
    "companies",
    "company_contacts",
    "company_locations",
    "customer_groups",
    "customers",
    "discounts",
    "draft_orders",
    "fulfillments",
    "inventory_items",
    "locations",
    "metaobjects",
    "orders",
    "products",
    "themes",
];

/// Topics of these whose bodies are something else.
const UNORDERED: [&str; 6] = [
    "customers/data_request",
    "customers/merge",
    "customers/redact",
    "discounts/redeemcode_added",
    "discounts/redeemcode_removed",
    "orders/edited",
];

fn is_ordered(topic: &str) -> Result<(), &'static str> {
    let (resource, action) = topic.split_once('/').unwrap_or_default();
    if action == "delete" {
        return Err("the body of a deletion has no updated_at");
    }
    if UNORDERED.contains(&topic) || !ORDERED.contains(&resource) {
        return Err("its body is no resource with an updated_at, or it is not known here");
    }
    Ok(())
}

/// The names of the headers: those of webhooks, or those of events. One set is used as a whole.
struct Names {
    signature: &'static str,
    ids: [&'static str; 2],
    topic: &'static str,
    shop: &'static str,
    subscription: &'static str,
}

impl Names {
    /// An event may have the headers of a webhook beside its own, so its own signature tells it. A header that is added
    /// to a captured webhook gains nothing: the ids of both sets are unsigned.
    fn of(incoming: &Incoming<'_>) -> &'static Self {
        const WEBHOOKS: Names = Names {
            signature: "x-shopify-hmac-sha256",
            ids: ["x-shopify-event-id", "x-shopify-webhook-id"],
            topic: "x-shopify-topic",
            shop: "x-shopify-shop-domain",
            subscription: "x-shopify-name",
        };
        const EVENTS: Names = Names {
            signature: "shopify-hmac-sha256",
            ids: ["shopify-webhook-id", "shopify-event-id"],
            topic: "shopify-topic",
            shop: "shopify-shop-domain",
            subscription: "shopify-handle",
        };
        if incoming.headers.contains_key(EVENTS.signature) { &EVENTS } else { &WEBHOOKS }
    }
}

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(borrow, default)]
    admin_graphql_api_id: Scalar<'a>,
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    updated_at: Scalar<'a>,
}

impl<'a> Resource<'a> {
    fn into_position(self, topic: &'a str) -> Option<Position<'a>> {
        let kind = match self.admin_graphql_api_id.text() {
            // `gid://shopify/Order/1` has its kind in it.
            Some(_) => "gid",
            None => topic.split_once('/')?.0,
        };
        let name = self.admin_graphql_api_id.name().or_else(|| self.id.name())?.into_owned().into();
        Some(Position { kind: kind.into(), name, version: self.updated_at.date()?, per_second: 1_000_000 })
    }
}
