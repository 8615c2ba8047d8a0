//! LiveKit: a token in `Authorization` covers the body by its hash. The key is the event's `id`.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::json::{self, Text};
use super::jws::{self, Life, Token};
use super::plain::Plain;
use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, signature,
};
use crate::{Attributes, Delivery, Key, Verified};

/// LiveKit's webhooks, signed with the secret of an API key.
///
/// The key is the event's `id`, which the token covers by a hash of the body.
///
/// See [its page](crate::docs::providers::senders::livekit), with a whole route.
///
/// ```
/// use idempotency_core::provider::LiveKit;
/// let livekit = LiveKit::new("APIsyntheticKey", "the secret of the api key")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LiveKit {
    api_key: Box<str>,
    secrets: Secrets,
}

impl LiveKit {
    /// What is known about LiveKit.
    pub const FACTS: Facts = Facts {
        title: "LiveKit",
        source: "https://github.com/livekit/node-sdks",
        certainty: Certainty::Confirmed,
        setup: "`new` takes an API key and its secret.",
        ..Facts::UNKNOWN
    };

    /// Verifies tokens of this API key with its secret.
    ///
    /// # Errors
    /// When the secret is blank.
    pub fn new(api_key: impl AsRef<str>, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(api_key, Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies tokens of this API key with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(api_key: impl AsRef<str>, secrets: Secrets) -> Self {
        Self { api_key: api_key.as_ref().into(), secrets }
    }
}

#[async_trait]
impl Provider for LiveKit {
    fn name(&self) -> &str {
        "livekit"
    }

    /// Five minutes, which a token is said to live, and the clock skew.
    fn signature_window(&self) -> Duration {
        Duration::from_secs(310)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let token = Token::parse(signature::header(incoming, "authorization")?, "HS256")?;
        let secrets = self.secrets.for_request(incoming).await?;
        let claims = token.signed_with(&secrets)?;
        // Ten seconds of skew, as in LiveKit's own library for Node.
        claims.read::<Life>()?.check(incoming.now, 10)?;
        let claims: Claims<'_> = claims.read()?;
        jws::check_text(claims.iss.as_deref(), &self.api_key, "the token is of another api key")?;
        let digest = BASE64.encode(&Sha256::digest(incoming.body));
        jws::check_text(claims.sha256.as_deref(), &digest, "the token is for another body")?;
        let proof = Verified::by_signature(incoming.body);
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not an event"))?;
        let id = event.id.text().ok_or(Rejection::key_missing("the event has no id"))?;
        let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?);
        Ok(Received::Delivery(delivery.with_optional_attribute(Attributes::EVENT_TYPE, event.event.text())))
    }
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow, default)]
    iss: Option<Text<'a>>,
    #[serde(borrow, default)]
    sha256: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Plain<'a>,
    #[serde(borrow, default)]
    event: Plain<'a>,
}
