//! Stripe: `Stripe-Signature`, events named by the `id` in the signed body.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Flag, Object, Scalar};
use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Policy, Scope, Verified};

/// Stripe's events, snapshot and thin ones, for an account or for Connect.
///
/// The key is the event's `id`, which the signature covers and retries keep. The connected `account` narrows the scope.
///
/// ```
/// use idempotency_core::provider::Stripe;
/// let stripe = Stripe::new("whsec_current")?
///     .with_secret("whsec_previous")?
///     .discarding_stale(["customer.created", "customer.updated", "customer.deleted"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Stripe {
    secrets: Secrets,
    tolerance: Duration,
    snapshots: Snapshots,
}

impl Stripe {
    /// Verifies with an endpoint's signing secret, the whole of `whsec_…`.
    ///
    /// # Errors
    /// When it is not one, as an API key is not.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(checked(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: signature::DEFAULT_TOLERANCE, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; while a secret is rolled, the other one.
    ///
    /// # Errors
    /// When it is not one, as an API key is not.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(checked(secret)?);
        Ok(self)
    }

    /// How far the signed time may be from ours, before or after. Default: 300 s, as in Stripe's own libraries.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of these types when a newer one of these types about the same object was processed. Older
    /// and newer is by `created` in milliseconds; snapshot events count seconds, and of two events of one time both are
    /// processed. Objects of test mode and live mode, and of two accounts, are never compared.
    ///
    /// Each call adds a group, and the types of two groups are never compared. Default: none. It is right for snapshots
    /// such as `customer.updated`, and wrong for facts such as a payment.
    ///
    /// # Errors
    /// When a type is about no object with an id, or is in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        self.snapshots = self.snapshots.and(types, |event_type| match event_type {
            "" => Err("a type has a name"),
            "balance.available" => Err("a balance has no id"),
            _ => Ok(()),
        })?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not a stripe event"))?;
        let id = event.id.text().ok_or(Rejection::key_missing("the event has no id"))?;
        let account = event.account.text();
        let scope =
            account.map_or_else(|| incoming.scope.clone(), |account| incoming.narrowed_scope(account));
        let resources = event.resources(incoming.scope);
        let event_type = event.event_type.text().unwrap_or_default();
        let mut delivery = self.snapshots.order(
            Delivery::new(proof, scope, Key::new(id)?),
            event_type,
            &resources,
            incoming.now,
            || event.position(),
        );
        if !event_type.is_empty() {
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

fn checked(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let expected = "a signing secret: it begins with `whsec_`, and `sk_`, `rk_` or `pk_` is an API key";
    Secret::unlike(secret, &["sk_", "rk_", "pk_"], expected)
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
    /// The account, in thin events.
    #[serde(borrow, default)]
    context: Scalar<'a>,
    #[serde(default)]
    livemode: Flag,
    #[serde(borrow, default)]
    data: Object<Data<'a>>,
    /// What a thin event is about.
    #[serde(borrow, default)]
    related_object: Object<Related<'a>>,
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
    #[serde(borrow, default)]
    object: Scalar<'a>,
}

#[derive(Deserialize)]
struct Related<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default, rename = "type")]
    object: Scalar<'a>,
}

impl Event<'_> {
    /// Where its object lies: in an account, and there in live mode or in test mode.
    fn resources(&self, scope: &Scope) -> Scope {
        let account = self.account.text().or_else(|| self.context.text()).unwrap_or_default();
        let mode = if self.livemode == Flag(Some(false)) { "test" } else { "live" };
        scope.clone().with_tenant(account).with_tenant(mode)
    }

    /// Its object, and when it was created in milliseconds: snapshot events count seconds, thin ones write a date.
    fn position(&self) -> Option<Position<'_>> {
        let snapshot = self.data.0.as_ref().and_then(|data| data.object.0.as_ref());
        let snapshot = snapshot.map(|Subject { id, object }| (id, object));
        let thin = || self.related_object.0.as_ref().map(|Related { id, object }| (id, object));
        let (id, object) = snapshot.or_else(thin)?;
        let kind = object.text().or_else(|| {
            let event_type = self.event_type.text()?;
            let event_type = event_type.strip_prefix("v1.").unwrap_or(event_type);
            event_type.rsplit_once('.').map(|(object, _)| object)
        });
        let version = match self.created.number() {
            Some(seconds) => seconds.checked_mul(1_000)?,
            None => self.created.date()? / 1_000,
        };
        Some(Position {
            kind: kind.unwrap_or_default().into(),
            name: id.text()?.into(),
            version,
            per_second: 1_000,
        })
    }
}
