//! Slack: signed by `X-Slack-Signature`. The key is the `event_id` or `trigger_id` in the signed body.

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
/// The key is the `event_id` of an event, or the `trigger_id` of a command or an interaction. The signature covers both, and
/// retries keep the `event_id`. Dialogs have no id, so their key is a digest of the signed body, which includes the time of
/// the user's action. The workspace narrows the scope.
///
/// Requests of a type without an id, such as `view_closed`, reach the handler unprotected.
///
/// The provider answers the `url_verification` challenge after it has verified the signature. It answers `ssl_check=1`, which
/// Slack sends unsigned, with a 200 and does nothing else.
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
    /// When it is blank, or an API token.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(signing_secret(secret)?)))
    }

    /// Verifies with any of several signing secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: signature::DEFAULT_TOLERANCE, snapshots: Snapshots::default() }
    }

    /// Adds a signing secret: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank, or an API token.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(signing_secret(secret)?);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed timestamp, in either direction. Default: 300 s, as in Slack's
    /// documentation.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of one of these types if a newer event of these types about the same resource was processed.
    ///
    /// Depending on the type, the resource is a channel, a channel's member, a user's reaction, a pinned or starred item, a
    /// user, a user's do-not-disturb state, a user group or a file. Events are compared by `event_ts`.
    ///
    /// Each call adds a group, and types of different groups are never compared. Default: none. Right for snapshots such as
    /// `channel_rename`, wrong for facts.
    ///
    /// # Errors
    /// When this provider does not know which resource a type is about. When the type is `message`, since messages are
    /// facts. When the type is empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        let known = |event_type: &str| match resource::resource_kind(event_type) {
            Some(_) => Ok(()),
            None if event_type == "message" => Err("messages are facts, not snapshots"),
            None => Err("its resource is unknown"),
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
            event.id.as_deref().ok_or(Rejection::key_missing("the body has no event_id or trigger_id"))?;
        let scope = incoming.scope_for(event.team.as_deref());
        let event_type = event.event_type.as_str();
        let delivery = self.snapshots.order(
            Delivery::new(proof, scope.clone(), Key::new(id)?),
            event_type,
            || scope,
            incoming.now,
            || event.position(),
        );
        let known_type = Some(event_type).filter(|event_type| !event_type.is_empty());
        Ok(delivery
            .with_optional_attribute(Attributes::EVENT_TYPE, known_type)
            .with_optional_attribute("team", event.team.as_deref()))
    }
}

#[async_trait]
impl Provider for Slack {
    fn name(&self) -> &str {
        "slack"
    }

    /// Retention is 1 day: Slack retries three times, the last time after about 5 minutes. Slack waits 3 s for an answer, so
    /// a duplicate waits 1.5 s and the store timeout is 1 s.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(1))
            .with_wait(Duration::from_millis(1500))
            .with_store_timeout(Duration::from_secs(1))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(signing_secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        // Slack does not sign this check. It carries nothing to process, so a forged one only gets a 200.
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
        match Body::read(proof.bytes()).ok_or(Rejection::malformed("the body is not json or a form"))? {
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

fn signing_secret(secret: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    Secret::without_prefixes(
        secret,
        &["xoxb-", "xoxp-", "xoxe", "xapp-"],
        "the app's signing secret: it is an API token",
    )
}

impl Event {
    /// The event's resource, and `event_ts` in microseconds.
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
