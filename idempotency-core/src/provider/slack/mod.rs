//! Slack: `X-Slack-Signature`, events named by the `event_id` in the signed body.

mod body;
mod resource;

use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE};

use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Policy, RecordedResponse, Verified};
use body::{Body, Event};

/// Slack's events, slash commands and interactions.
///
/// The key is the event's `event_id`, or the `trigger_id` of a command or an interaction: the signature covers both,
/// and retries keep the `event_id`. The workspace narrows the scope. The `url_verification` challenge is answered here,
/// after its signature was checked. Dialogs have no id: their key is the digest of the signed body, which has the time of
/// the user's action in it.
///
/// `ssl_check=1`, which Slack sends without a signature, is answered 200 and nothing else happens.
///
/// ```
/// use idempotency_core::provider::Slack;
/// let slack = Slack::new("the app's signing secret")?.discarding_stale(["channel_rename"])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// When it is blank, or a token for Slack's API.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(checked(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: signature::DEFAULT_TOLERANCE, snapshots: Snapshots::default() }
    }

    /// Accepts another secret as well. Default: none; during a rotation the previous one.
    ///
    /// # Errors
    /// When it is blank, or a token for Slack's API.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(checked(secret)?);
        Ok(self)
    }

    /// How far the signed time may be from ours, before or after. Default: 300 s, as in Slack's documentation.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of these types when a newer one of these types about the same thing was processed. The thing is
    /// a channel, a member of it, a reaction of one user, a pinned or starred item, a user, a user group or a file, as the type
    /// has it; older and newer is by `event_ts`.
    ///
    /// Each call adds a group, and the types of two groups are never compared. Default: none. It is right for snapshots
    /// such as `channel_rename`, and wrong for facts.
    ///
    /// # Errors
    /// When it is not known here what identifies the thing that a type is about, as for `message`: of two messages both
    /// count. And when the type is in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        let known = |event_type: &str| match resource::identified_by(event_type) {
            Some(_) => Ok(()),
            None if event_type == "message" => Err("messages are facts"),
            None => Err("it is not known here what identifies its resource"),
        };
        self.snapshots = self.snapshots.and(types, known)?;
        Ok(self)
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
        let mut delivery = self.snapshots.order(
            Delivery::new(proof, scope.clone(), Key::new(id)?),
            &event.event_type,
            &scope,
            incoming.now,
            || event.position(),
        );
        if !event.event_type.is_empty() {
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, event.event_type.as_str());
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
        // Unsigned by its nature. It carries nothing, so a forged one gets a 200 and no more.
        if !incoming.headers.contains_key(SIGNATURE) && body::is_ssl_check(incoming.body) {
            return Ok(Received::Handshake(RecordedResponse::new(StatusCode::OK, "")));
        }
        let header = signature::header(incoming, SIGNATURE)?;
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
            Body::SslCheck => Ok(Received::Handshake(RecordedResponse::new(StatusCode::OK, ""))),
            Body::WithoutId => Ok(Received::Bypass),
            Body::Event(event) => Ok(Received::Delivery(self.delivery(incoming, &proof, &event)?)),
        }
    }
}

const SIGNATURE: &str = "x-slack-signature";

fn checked(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    Secret::unlike(secret, &["xoxb-", "xoxp-", "xoxe", "xapp-"], "the app's signing secret: it is a token")
}

impl Event {
    /// The thing, and `event_ts` in microseconds.
    fn position(&self) -> Option<Position<'_>> {
        let (kind, name) = self.resource.as_ref()?;
        Some(Position {
            kind: (*kind).into(),
            name: name.into(),
            version: self.version?,
            per_second: 1_000_000,
        })
    }
}
