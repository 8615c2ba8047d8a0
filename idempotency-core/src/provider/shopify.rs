//! Shopify: `X-Shopify-Hmac-Sha256`, events named by a header that the signature does not cover.

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Scalar};
use super::snapshots::Snapshots;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Fingerprint, Key, Order, Policy, Verified, Version};

/// Shopify's webhooks.
///
/// The key is `X-Shopify-Event-Id`, or `X-Shopify-Webhook-Id` where there is none. The signature covers the body only,
/// so the body's digest is the fingerprint: the same id with another body is a mismatch. Whoever captured one genuine
/// request can still send it again under another id, at any time, since nothing signed says when it was sent.
/// [`ContentKey::over`](super::ContentKey::over) takes the body itself as the key, which prevents it within one shop
/// and topic only: those headers are not signed either.
///
/// Shop and topic narrow the scope, since one event is sent once per topic under the same id. Two subscriptions to one
/// topic are one delivery.
///
/// ```
/// use idempotency_core::provider::Shopify;
/// let shopify = Shopify::new("the app's client secret")?.discarding_stale(["products/update"]);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
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
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; Shopify may sign with the old one for an hour after a rotation.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// Discards a delivery of these topics when a newer one about the same resource was processed. Older and newer is
    /// by the body's `updated_at`, never by the unsigned `X-Shopify-Triggered-At`.
    ///
    /// Default: none. It is right for snapshots such as `products/update`, and wrong for facts such as `orders/paid`.
    #[must_use]
    pub fn discarding_stale(mut self, topics: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(topics);
        self
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let names = Names::of(incoming);
        let mut id = None;
        for name in names.ids {
            id = id.or(incoming.single_header(name)?);
        }
        let key = Key::new(id.ok_or(Rejection::key_missing("there is no event id header"))?)?;
        let topic = incoming.single_header(names.topic)?.unwrap_or_default();
        let shop = incoming.single_header(names.shop)?.unwrap_or_default();
        let shops = incoming.narrowed_scope(shop);
        let mut delivery = Delivery::new(proof, shops.clone().with_tenant(topic), key)
            .with_fingerprint(Fingerprint::of(proof.bytes()));
        for (name, value) in [(Attributes::EVENT_TYPE, topic), ("shop", shop)] {
            if !value.is_empty() {
                delivery = delivery.with_attribute(name, value);
            }
        }
        if self.snapshots.include(topic)
            && let Some(resource) = json::fields::<Resource<'_>>(proof.bytes())
            && let Some((name, version)) = resource.order()
        {
            // In the shop's scope and not the topic's, so that topics about one resource are compared.
            delivery =
                delivery.with_order(Order::new(crate::Resource::new(&shops, "resource", name), version));
        }
        Ok(delivery)
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

/// The names of the headers: those of webhooks, or the newer ones of events. One set is used as a whole, so that an
/// added header of the other set changes nothing.
struct Names {
    signature: &'static str,
    ids: [&'static str; 2],
    topic: &'static str,
    shop: &'static str,
}

impl Names {
    fn of(incoming: &Incoming<'_>) -> &'static Self {
        const WEBHOOKS: Names = Names {
            signature: "x-shopify-hmac-sha256",
            ids: ["x-shopify-event-id", "x-shopify-webhook-id"],
            topic: "x-shopify-topic",
            shop: "x-shopify-shop-domain",
        };
        // For these, Shopify asks to tell duplicates by the webhook's id.
        const EVENTS: Names = Names {
            signature: "shopify-hmac-sha256",
            ids: ["shopify-webhook-id", "shopify-event-id"],
            topic: "shopify-topic",
            shop: "shopify-shop-domain",
        };
        let is_event = incoming.headers.contains_key(EVENTS.signature);
        if is_event && !incoming.headers.contains_key(WEBHOOKS.signature) { &EVENTS } else { &WEBHOOKS }
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

impl Resource<'_> {
    fn order(&self) -> Option<(std::borrow::Cow<'_, str>, Version)> {
        let name = self.admin_graphql_api_id.name().or_else(|| self.id.name())?;
        Some((name, Version::new(self.updated_at.date()?)))
    }
}
