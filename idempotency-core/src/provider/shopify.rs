//! Shopify: signed by `X-Shopify-Hmac-Sha256`. The key is a header that the signature does not cover.

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Scalar};
use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};

/// Shopify's webhooks and events.
///
/// The key of a webhook is `X-Shopify-Event-Id`, or `X-Shopify-Webhook-Id` if that is absent. A request with a
/// `Shopify-Hmac-Sha256` header is an event instead, and its key is `Shopify-Webhook-Id`, or `Shopify-Event-Id` if that is
/// absent. Any `X-Shopify-…` headers of an event are ignored.
///
/// The signature covers only the body, so the body's digest is the fingerprint: the same id with another body is a mismatch.
///
/// **A captured request can be sent again under another id.** This works at any time, because no signed part says when the
/// request was sent. [`ContentKey::over`](super::ContentKey::over) uses the body itself as the key, which prevents it, but
/// only within one shop and topic: those headers are not signed either.
///
/// Shop and topic narrow the scope, because Shopify sends an event once per topic under the same id. The name of the
/// subscription (`X-Shopify-Name`, `Shopify-Handle`) narrows it further, if there is one. Two unnamed subscriptions to one
/// topic count as one delivery.
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
    /// When it is blank, or an access token.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(client_secret(secret)?)))
    }

    /// Verifies with any of several client secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Adds a client secret: Shopify may sign with the old one for an hour after a rotation. Default: none.
    ///
    /// # Errors
    /// When it is blank, or an access token.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(client_secret(secret)?);
        Ok(self)
    }

    /// Discards a delivery of one of these topics if a newer delivery of these topics about the same resource was processed.
    ///
    /// Deliveries are compared by the body's `updated_at`, never by the unsigned `X-Shopify-Triggered-At`. The resource is
    /// identified by the body's `admin_graphql_api_id`. If that is absent, it is identified by the body's `id` and the
    /// topic's first word, which is not signed. A delivery without these fields (`include_fields` may remove them) runs and
    /// is observed as unordered.
    ///
    /// Each call adds a group, and topics of different groups are never compared. Default: none. Right for snapshots such as
    /// `products/update`, wrong for facts such as `orders/paid`.
    ///
    /// # Errors
    /// When the topic's body has no `updated_at`. No `…/delete` topic has one, so an older update that arrives after a
    /// deletion cannot be detected. When the topic is unknown, empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        self.snapshots = self.snapshots.and(topics, is_ordered)?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let names = HeaderNames::of(incoming);
        let mut id = None;
        for name in names.ids {
            id = id.or(incoming.single_header(name)?);
        }
        let key = Key::new(id.ok_or(Rejection::key_missing("the event id header is missing"))?)?;
        let topic = required(incoming, names.topic, "the topic header is missing")?;
        let shop = required(incoming, names.shop, "the shop domain header is missing")?;
        let shop_scope = incoming.narrowed_scope(shop);
        let mut scope = shop_scope.clone().with_account(topic);
        if let Some(name) = incoming.single_header(names.subscription)?.filter(|name| !name.is_empty()) {
            scope = scope.with_account(name);
        }
        let delivery = Delivery::new(proof, scope, key)
            .with_fingerprint(Fingerprint::of(proof.bytes()))
            .with_attribute(Attributes::EVENT_TYPE, topic)
            .with_attribute("shop", shop);
        // The order is in the shop's scope, not the topic's, so that topics about one resource are compared.
        Ok(self.snapshots.order(
            delivery,
            topic,
            || shop_scope,
            incoming.now,
            || json::fields::<Resource<'_>>(proof.bytes())?.into_position(topic),
        ))
    }
}

#[async_trait]
impl Provider for Shopify {
    fn name(&self) -> &str {
        "shopify"
    }

    /// Retention is 3 days: Shopify retries 8 times within 4 hours. A duplicate waits 2 s, since Shopify waits 5 s for an
    /// answer.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(3))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(client_secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, HeaderNames::of(incoming).signature)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, signature::base64::<32>(header))?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

fn client_secret(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let tokens = ["shpat_", "shpca_", "shppa_"];
    Secret::without_prefixes(secret, &tokens, "the app's client secret: it is an access token")
}

/// The value of a header that the scope needs.
fn required<'a>(incoming: &Incoming<'a>, name: &str, reason: &'static str) -> Result<&'a str, Rejection> {
    let value = incoming.single_header(name)?.filter(|value| !value.is_empty());
    value.ok_or_else(|| Rejection::malformed(reason))
}

/// The first words of topics whose body is the resource itself, with its `updated_at`.
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

/// The exceptions among these topics.
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
        return Err("the topic is unknown, or its body is not a resource with an updated_at");
    }
    Ok(())
}

/// The header names of webhooks, or those of events. The two are never mixed.
struct HeaderNames {
    signature: &'static str,
    ids: [&'static str; 2],
    topic: &'static str,
    shop: &'static str,
    subscription: &'static str,
}

impl HeaderNames {
    /// An event may also have the headers of a webhook, so it is recognized by its own signature header. Adding that header
    /// to a captured webhook gains an attacker nothing, because the ids of both sets are unsigned.
    fn of(incoming: &Incoming<'_>) -> &'static Self {
        const WEBHOOKS: HeaderNames = HeaderNames {
            signature: "x-shopify-hmac-sha256",
            ids: ["x-shopify-event-id", "x-shopify-webhook-id"],
            topic: "x-shopify-topic",
            shop: "x-shopify-shop-domain",
            subscription: "x-shopify-name",
        };
        const EVENTS: HeaderNames = HeaderNames {
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
            // The id includes the kind: `gid://shopify/Order/1`.
            Some(_) => "gid",
            None => topic.split_once('/')?.0,
        };
        let name = self.admin_graphql_api_id.name().or_else(|| self.id.name())?.into_owned().into();
        Some(Position { kind: kind.into(), name, version: self.updated_at.date()?, per_second: 1_000_000 })
    }
}
