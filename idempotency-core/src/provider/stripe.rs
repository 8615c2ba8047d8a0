//! Stripe: `Stripe-Signature`, events named by the `id` in the signed body.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Object, Scalar};
use super::snapshots::Snapshots;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Order, Policy, Verified, Version};

/// Stripe's events, snapshot and thin ones, for an account or for Connect.
///
/// The key is the event's `id`, which the signature covers and retries keep. The connected `account` narrows the scope.
///
/// ```
/// use idempotency_core::provider::Stripe;
/// let stripe = Stripe::new("whsec_current")?
///     .with_secret("whsec_previous")?
///     .discarding_stale(["customer.updated", "customer.created"]);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stripe {
    secrets: Secrets,
    tolerance: Duration,
    snapshots: Snapshots,
}

impl Stripe {
    /// Verifies with an endpoint's secret, the whole of `whsec_…`.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: signature::DEFAULT_TOLERANCE, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; while a secret is rolled, the other one.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// How far the signed time may be from ours, before or after. Default: 300 s, as in Stripe's own libraries.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of these types when a newer one of these types about the same object was processed. Older
    /// and newer is by `created`, whose unit is a second: of two events of one second both are processed.
    ///
    /// Default: none. It is right for snapshots such as `customer.updated`, and wrong for facts such as a payment.
    #[must_use]
    pub fn discarding_stale(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(types);
        self
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not a stripe event"))?;
        let id = event.id.text().ok_or(Rejection::key_missing("the event has no id"))?;
        let account = event.account.text();
        let scope =
            account.map_or_else(|| incoming.scope.clone(), |account| incoming.narrowed_scope(account));
        let order = event
            .order_if(&self.snapshots)
            .map(|(resource, at)| Order::new(crate::Resource::new(&scope, "object", resource), at));
        let mut delivery = Delivery::new(proof, scope, Key::new(id)?);
        if let Some(order) = order {
            delivery = delivery.with_order(order);
        }
        if let Some(event_type) = event.event_type.text() {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event_type);
        }
        if let Some(account) = account {
            delivery = delivery.with_attribute("account", account);
        }
        Ok(delivery)
    }
}

#[async_trait]
impl Provider for Stripe {
    fn name(&self) -> &str {
        "stripe"
    }

    /// 7 days: Stripe retries for up to 3 days, after anything but a 2xx.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "stripe-signature")?;
        let timestamp = timestamp(header)?;
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let secrets = self.secrets.for_request(incoming).await?;
        // Other schemes, such as the `v0` of test events, are ignored: falling back to one would be a downgrade.
        let candidates = header.split(',').filter_map(|item| signature::hex::<32>(item.strip_prefix("v1=")?));
        let head = [timestamp.as_bytes(), b"."];
        let proof = signature::hmac_sha256(&secrets, &head, incoming.body, candidates)?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

/// The one `t` of the header: with two of them it is open which one was signed.
fn timestamp(header: &str) -> Result<&str, Rejection> {
    let mut timestamps = header.split(',').filter_map(|item| item.strip_prefix("t="));
    match (timestamps.next(), timestamps.next()) {
        (Some(timestamp), None) => Ok(timestamp),
        _ => Err(Rejection::unauthenticated("the signature header does not have one timestamp")),
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "type")]
    event_type: Scalar<'a>,
    #[serde(borrow, default)]
    created: Scalar<'a>,
    #[serde(borrow, default)]
    account: Scalar<'a>,
    #[serde(borrow, default)]
    data: Object<Data<'a>>,
    /// What a thin event is about.
    #[serde(borrow, default)]
    related_object: Object<Subject<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    object: Object<Subject<'a>>,
}

#[derive(Deserialize)]
struct Subject<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
}

impl Event<'_> {
    fn order_if(&self, snapshots: &Snapshots) -> Option<(&str, Version)> {
        if !snapshots.include(self.event_type.text()?) {
            return None;
        }
        let snapshot = self.data.0.as_ref().and_then(|data| data.object.0.as_ref());
        let resource = snapshot.or(self.related_object.0.as_ref())?.id.text()?;
        // Seconds; a thin event writes them as a date.
        let seconds = self.created.number().or_else(|| Some(self.created.date()? / 1_000_000))?;
        Some((resource, Version::new(seconds)))
    }
}
