//! Cloudinary: a hash with the secret at the end, and no HMAC. The key is the body's SHA-256.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq as _;

use super::json;
use super::plain::Plain;
use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, hours,
    signature,
};
use crate::{Attributes, Delivery, Key, Policy, Verified};

/// Cloudinary's notifications.
///
/// Cloudinary signs with a hash of the body, the time and the secret, which is SHA-1 or SHA-256 by a setting of the account. **SHA-1
/// is refused by default**: an attacker who chooses a part of a body could find two bodies with one SHA-1, have Cloudinary sign
/// the first, and send the second. Set the account to SHA-256, or call [`with_insecure_sha1`](Self::with_insecure_sha1).
///
/// It sends no id, so the key is the SHA-256 of the body.
///
/// See [its page](crate::docs::providers::senders::cloudinary), with a whole route.
///
/// ```
/// use idempotency_core::provider::Cloudinary;
/// let cloudinary = Cloudinary::new("the API secret")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cloudinary {
    secrets: Secrets,
    tolerance: Duration,
    is_sha1: bool,
}

impl Cloudinary {
    /// What is known about Cloudinary.
    pub const FACTS: Facts = Facts {
        title: "Cloudinary",
        source: "https://github.com/cloudinary/cloudinary_npm",
        certainty: Certainty::Confirmed,
        setup: "Set the account to SHA-256: SHA-1 is refused unless `with_insecure_sha1` is called. The secret is the API secret of the account.",
        ..Facts::UNKNOWN
    };

    /// Verifies SHA-256 signatures with the API secret of the account.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several API secrets, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: hours(2), is_sha1: false }
    }

    /// Adds an API secret: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed time, in either direction. Default: 2 hours, as in Cloudinary's
    /// library.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Verifies SHA-1 signatures, and no others, for an account that cannot be set to SHA-256. Two bodies with one SHA-1 can be
    /// found at a cost that some attackers can pay. Default: SHA-256.
    #[must_use]
    pub fn with_insecure_sha1(mut self) -> Self {
        self.is_sha1 = true;
        self
    }
}

#[async_trait]
impl Provider for Cloudinary {
    fn name(&self) -> &str {
        "cloudinary"
    }

    /// Retention is 7 days.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let header = signature::header(incoming, "x-cld-signature")?;
        let timestamp = signature::header(incoming, "x-cld-timestamp")?;
        // Nothing is between the body and the time, so a digit could be moved from one into the other.
        if timestamp.len() != 10 {
            return Err(Rejection::unauthenticated("the timestamp does not have 10 digits"));
        }
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let parts = [&incoming.body[..], timestamp.as_bytes()];
        let is_known = match self.is_sha1 {
            true => is_signed::<Sha1, 20>(&secrets, parts, header),
            false => is_signed::<Sha256, 32>(&secrets, parts, header),
        };
        if !is_known {
            return Err(Rejection::unauthenticated(
                "no signature matches, or the account is set to another hash",
            ));
        }
        let proof = Verified::by_signature(incoming.body);
        let key = HEXLOWER.encode(&Sha256::digest(incoming.body));
        let event: Option<Notification<'_>> = json::fields(incoming.body);
        let event_type = event.as_ref().and_then(|event| event.notification_type.text());
        Ok(Received::Delivery(
            Delivery::new(&proof, incoming.scope.clone(), Key::new(&key)?)
                .with_optional_attribute(Attributes::EVENT_TYPE, event_type),
        ))
    }
}

/// Tries each secret, in constant time and without an early exit.
fn is_signed<D: Digest, const N: usize>(secrets: &[Secret], parts: [&[u8]; 2], signature: &str) -> bool {
    let Some(candidate) = signature::hex::<N>(signature) else { return false };
    secrets.iter().fold(false, |is_known, secret| {
        let digest = parts.into_iter().chain([secret.expose()]).fold(D::new(), Digest::chain_update);
        is_known | bool::from(digest.finalize()[..].ct_eq(&candidate))
    })
}

#[derive(Deserialize)]
struct Notification<'a> {
    #[serde(borrow, default)]
    notification_type: Plain<'a>,
}
