//! Stripe: signed by `Stripe-Signature`. The key is the `id` in the signed body.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::json::{self, Flag, Object, Scalar};
use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Policy, Scope, Verified};

/// Stripe's snapshot events and thin events, of an account or of Connect.
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
    /// Verifies with the endpoint's signing secret, including its `whsec_` prefix.
    ///
    /// # Errors
    /// When it is blank, or an API key.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(signing_secret(secret)?)))
    }

    /// Verifies with any of several signing secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: signature::DEFAULT_TOLERANCE, snapshots: Snapshots::default() }
    }

    /// Adds a signing secret: while you roll the secret, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank, or an API key.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(signing_secret(secret)?);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed timestamp, in either direction. Default: 300 s, as in
    /// Stripe's own libraries.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of one of these types if a newer event of these types about the same object was processed.
    ///
    /// Events are compared by `created`, in milliseconds. Snapshot events only have whole seconds. Events with equal times
    /// are all processed. Objects in test mode and live mode are never compared, nor are objects of different accounts.
    ///
    /// Each call adds a group, and types of different groups are never compared. Default: none. Right for snapshots such as
    /// `customer.updated`, wrong for facts such as a payment.
    ///
    /// # Errors
    /// When events of a type have no object with an id. When a type is empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        self.snapshots = self.snapshots.and(types, |event_type| match event_type {
            "balance.available" => Err("its object has no id"),
            _ => Ok(()),
        })?;
        Ok(self)
    }

    fn delivery(&self, incoming: &Incoming<'_>, proof: &Verified<'_>) -> Result<Delivery, Rejection> {
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not an event"))?;
        let id = event.id.text().ok_or(Rejection::key_missing("the event has no id"))?;
        let account = event.account.text();
        let event_type = event.event_type.text().unwrap_or_default();
        let delivery = self.snapshots.order(
            Delivery::new(proof, incoming.scope_for(account), Key::new(id)?),
            event_type,
            || event.resource_scope(incoming.scope),
            incoming.now,
            || event.position(),
        );
        let known_type = Some(event_type).filter(|event_type| !event_type.is_empty());
        Ok(delivery
            .with_optional_attribute(Attributes::EVENT_TYPE, known_type)
            .with_optional_attribute("account", account))
    }
}

#[async_trait]
impl Provider for Stripe {
    fn name(&self) -> &str {
        "stripe"
    }

    /// Retention is 7 days: Stripe retries for up to 3 days, after any answer but a 2xx.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(signing_secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "stripe-signature")?;
        let timestamp = timestamp(header)?;
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let secrets = self.secrets.for_request(incoming).await?;
        // Other schemes, such as the `v0` of test events, are ignored: accepting one would allow a downgrade.
        let candidates = header.split(',').filter_map(|item| signature::hex::<32>(item.strip_prefix("v1=")?));
        let head = [timestamp.as_bytes(), b"."];
        let proof = signature::hmac_sha256(&secrets, &head, incoming.body, candidates)?;
        Ok(Received::Delivery(self.delivery(incoming, &proof)?))
    }
}

fn signing_secret(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let expected = "a signing secret, which begins with `whsec_`: it is an API key";
    Secret::without_prefixes(secret, &["sk_", "rk_", "pk_"], expected)
}

/// The only `t` of the header. With two of them, it would be unclear which one was signed.
fn timestamp(header: &str) -> Result<&str, Rejection> {
    let mut timestamps = header.split(',').filter_map(|item| item.strip_prefix("t="));
    match (timestamps.next(), timestamps.next()) {
        (Some(timestamp), None) => Ok(timestamp),
        _ => Err(Rejection::unauthenticated("the signature header has no timestamp, or several")),
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
    /// The object of a thin event.
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
    /// The scope of the event's object: its account, and in that live mode or test mode.
    fn resource_scope(&self, scope: &Scope) -> Scope {
        let account = self.account.text().or_else(|| self.context.text()).unwrap_or_default();
        let mode = if self.livemode == Flag(Some(false)) { "test" } else { "live" };
        scope.clone().with_account(account).with_account(mode)
    }

    /// The event's object, and `created` in milliseconds. Snapshot events have it in seconds, thin events as a date.
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
