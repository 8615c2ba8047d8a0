//! Slack: `X-Slack-Signature`, events named by the `event_id` in the signed body.

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};

use super::slack_body::{Body, Event};
use super::snapshots::Snapshots;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Order, Policy, RecordedResponse, Resource, Verified, Version};

/// Slack's events, slash commands and interactions.
///
/// The key is the event's `event_id`, or the `trigger_id` of a command or an interaction: the signature covers both,
/// and retries keep the `event_id`. The workspace narrows the scope. The `url_verification` challenge is answered here,
/// after its signature was checked.
///
/// ```
/// use idempotency_core::provider::Slack;
/// let slack = Slack::new("the app's signing secret")?.discarding_stale(["channel_rename"]);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Slack {
    secrets: Secrets,
    tolerance: Duration,
    snapshots: Snapshots,
}

impl Slack {
    /// Verifies with the app's signing secret.
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

    /// Accepts another secret as well. Default: none; during a rotation the previous one.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// How far the signed time may be from ours, before or after. Default: 300 s, as in Slack's documentation.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of these types when a newer one of these types about the same channel, or the same item in
    /// it, was processed. Older and newer is by `event_ts`.
    ///
    /// Default: none. It is right for snapshots such as `channel_rename`, and wrong for facts such as `message`: of
    /// two messages in a channel both count.
    #[must_use]
    pub fn discarding_stale(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(types);
        self
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        event: &Event,
    ) -> Result<Delivery, Rejection> {
        let id =
            event.id.as_deref().ok_or(Rejection::key_missing("there is neither event_id nor trigger_id"))?;
        let scope = match &event.team {
            Some(team) => incoming.narrowed_scope(team),
            None => incoming.scope.clone(),
        };
        let order = event.order.as_ref().filter(|_| self.snapshots.include(&event.event_type));
        let order = order
            .map(|(resource, at)| Order::new(Resource::new(&scope, "item", resource), Version::new(*at)));
        let mut delivery = Delivery::new(proof, scope, Key::new(id)?);
        if !event.event_type.is_empty() {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event.event_type.as_str());
        }
        if let Some(order) = order {
            delivery = delivery.with_order(order);
        }
        if let Some(team) = &event.team {
            delivery = delivery.with_attribute("team", team.as_str());
        }
        Ok(delivery)
    }
}

#[async_trait]
impl Provider for Slack {
    fn name(&self) -> &str {
        "slack"
    }

    /// 1 day: Slack retries three times, the last after about 5 minutes. It waits 3 s for an answer, so a duplicate
    /// waits 1.5 s, and a store that does not answer within 1 s is out of reach.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(1))
            .with_wait(Duration::from_millis(1500))
            .with_store_timeout(Duration::from_secs(1))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "x-slack-signature")?;
        let timestamp = signature::header(incoming, "x-slack-request-timestamp")?;
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let candidate = header.strip_prefix("v0=").and_then(signature::hex::<32>);
        let secrets = self.secrets.for_request(incoming).await?;
        let head = [&b"v0:"[..], timestamp.as_bytes(), b":"];
        let proof = signature::hmac_sha256(&secrets, &head, incoming.body, candidate)?;
        match Body::read(proof.bytes()).ok_or(Rejection::malformed("the body is not one of slack's"))? {
            Body::Challenge(challenge) => Ok(Received::Handshake(
                RecordedResponse::new(StatusCode::OK, challenge)
                    .with_header(CONTENT_TYPE, HeaderValue::from_static("text/plain")),
            )),
            Body::WithoutId => Ok(Received::Bypass),
            Body::Event(event) => Ok(Received::Delivery(self.delivery(incoming, &proof, &event)?)),
        }
    }
}
