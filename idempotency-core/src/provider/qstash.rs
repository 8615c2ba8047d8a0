//! QStash: a token in `Upstash-Signature` covers the body by its hash. The key is the `Upstash-Message-Id`, which it does not
//! cover.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::endpoint_url::EndpointUrl;
use super::json::Text;
use super::jws::{self, Life, Token};
use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets,
    SettingError, signature,
};
use crate::{Delivery, Fingerprint, Key, Verified};

/// QStash of Upstash, which signs with a current and a next key.
///
/// The key is `Upstash-Message-Id`. The token does not cover it, so the body is the fingerprint: an attacker can send a captured
/// request again under a new id for as long as its token lives, five minutes.
///
/// See [its page](crate::docs::providers::senders::qstash), with a whole route.
///
/// ```
/// use idempotency_core::provider::QStash;
/// let qstash = QStash::new("https://example.com/webhooks/qstash", "sig_current")?.with_secret("sig_next")?;
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct QStash {
    url: EndpointUrl,
    secrets: Secrets,
}

impl QStash {
    /// What is known about QStash.
    pub const FACTS: Facts = Facts {
        title: "QStash",
        source: "https://upstash.com/docs/qstash/howto/receiving",
        certainty: Certainty::Confirmed,
        retries_4xx: Fact::confirmed(true),
        answers: "An answer with the header `Upstash-NonRetryable-Error: true` ends the retries.",
        setup: "The secrets are the current and the next signing key: `with_secret` adds the second. The token names the URL: give `new` exactly the destination URL of the message.",
        note: "The plan and the publisher set how often and for how long it retries. A message that is sent again from the dead letter queue is published anew.",
        ..Facts::UNKNOWN
    };

    /// Verifies tokens for this URL, exactly as the message names it, with a signing key.
    ///
    /// # Errors
    /// [`SettingError::Secret`] when the signing key is blank. [`SettingError::Url`] when the URL is not absolute, is not `http`
    /// or `https`, or has a fragment.
    pub fn new(url: impl AsRef<str>, secret: impl AsRef<[u8]>) -> Result<Self, SettingError> {
        Self::from_secrets(url, Secrets::one(Secret::new(secret)?))
    }

    /// Verifies tokens for this URL with any of several signing keys, or with those of a source.
    ///
    /// # Errors
    /// [`SettingError::Url`], as for [`new`](Self::new).
    pub fn from_secrets(url: impl AsRef<str>, secrets: Secrets) -> Result<Self, SettingError> {
        Ok(Self { url: EndpointUrl::checked(url.as_ref())?, secrets })
    }

    /// Adds a signing key: the next one. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }
}

#[async_trait]
impl Provider for QStash {
    fn name(&self) -> &str {
        "qstash"
    }

    /// Five minutes, which a token lives.
    fn signature_window(&self) -> Duration {
        Duration::from_secs(300)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let token = Token::parse(signature::header(incoming, "upstash-signature")?, "HS256")?;
        let secrets = self.secrets.for_request(incoming).await?;
        let claims = token.signed_with(&secrets)?;
        // No skew, as in Upstash's own library.
        claims.read::<Life>()?.check(incoming.now, 0)?;
        let claims: Claims<'_> = claims.read()?;
        jws::check_text(claims.iss.as_deref(), "Upstash", "the token is not upstash's")?;
        jws::check_text(claims.sub.as_deref(), self.url.as_str(), "the token is for another url")?;
        let digest = claims.body.as_deref().map(|digest| digest.trim_end_matches('='));
        if digest != Some(&BASE64URL_NOPAD.encode(&Sha256::digest(incoming.body))) {
            return Err(Rejection::unauthenticated("the token is for another body"));
        }
        let proof = Verified::by_signature(incoming.body);
        let id = incoming.single_header("upstash-message-id")?.filter(|id| !id.is_empty());
        let id = id.ok_or(Rejection::key_missing("the request has no message id"))?;
        let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?);
        Ok(Received::Delivery(delivery.with_fingerprint(Fingerprint::of(proof.bytes()))))
    }
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow, default)]
    iss: Option<Text<'a>>,
    #[serde(borrow, default)]
    sub: Option<Text<'a>>,
    #[serde(borrow, default)]
    body: Option<Text<'a>>,
}
