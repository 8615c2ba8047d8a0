//! Netlify: a token in `X-Webhook-Signature` covers the body by its hash. The key is that hash.

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::json::{self, Text};
use super::jws::{self, Token};
use super::plain::Plain;
use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, signature,
};
use crate::{Attributes, Delivery, Key, Verified};

/// Netlify's deploy notifications, signed with a secret of your choice.
///
/// They have no id, so the key is the SHA-256 of the body, which the token covers. The token has no time: a captured request is
/// genuine at any time, and a duplicate for as long as the key is retained. The site narrows the scope.
///
/// See [its page](crate::docs::providers::senders::netlify), with a whole route.
///
/// ```
/// use idempotency_core::provider::Netlify;
/// let netlify = Netlify::new("the jws secret token")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Netlify(Secrets);

impl Netlify {
    /// What is known about Netlify.
    pub const FACTS: Facts = Facts {
        title: "Netlify",
        source: "https://docs.netlify.com/site-deploys/notifications",
        certainty: Certainty::Confirmed,
        setup: "The secret is the \"JWS secret token\" of the notification, which you choose.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the "JWS secret token" of the notification.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self(secrets)
    }

    /// Adds a secret: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.0 = self.0.with_secret(Secret::new(secret)?);
        Ok(self)
    }
}

#[async_trait]
impl Provider for Netlify {
    fn name(&self) -> &str {
        "netlify"
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.0.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let token = Token::parse(signature::header(incoming, "x-webhook-signature")?, "HS256")?;
        let secrets = self.0.for_request(incoming).await?;
        let claims = token.signed_with(&secrets)?;
        let claims: Claims<'_> = claims.read()?;
        jws::check_text(claims.iss.as_deref(), "netlify", "the token is not netlify's")?;
        jws::check_digest(claims.sha256.as_deref(), incoming.body)?;
        let proof = Verified::by_signature(incoming.body);
        let deploy: Deploy<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not a deploy"))?;
        let key = Key::new(HEXLOWER.encode(&Sha256::digest(proof.bytes())))?;
        let delivery = Delivery::new(&proof, incoming.scope_for(deploy.site_id.text()), key);
        Ok(Received::Delivery(delivery.with_optional_attribute(Attributes::EVENT_TYPE, deploy.state.text())))
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
struct Deploy<'a> {
    #[serde(borrow, default)]
    site_id: Plain<'a>,
    #[serde(borrow, default)]
    state: Plain<'a>,
}
