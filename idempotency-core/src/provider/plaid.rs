//! Plaid: a token in `Plaid-Verification` covers the body by its hash. There is no id of an event.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::json::{self, Text};
use super::jws::{self, Token};
use super::keys::{self, Algorithm};
use super::plain::Plain;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, PublicKeys, Received, Rejection, days, seconds, signature,
};
use crate::{Attributes, Delivery, Key, Policy, Verified};

/// Plaid's webhooks.
///
/// **Plaid sends no id, and two events may have equal bodies**, such as two updates of one Item's transactions. So the key is the
/// SHA-256 of the body with the time at which the token was made. A captured request that comes again is a duplicate. Plaid's own
/// retry is not, because it has a new token: it runs again. [`with_body_as_key`](Self::with_body_as_key) changes that.
///
/// See [its page](crate::docs::providers::senders::plaid), with a whole route.
///
/// ```
/// # use idempotency_core::provider::PublicKeys;
/// use idempotency_core::provider::Plaid;
/// # fn of(keys: PublicKeys) -> Plaid {
/// Plaid::new(keys)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Plaid {
    keys: PublicKeys,
    tolerance: Duration,
    is_body_key: bool,
}

impl Plaid {
    /// What is known about Plaid.
    pub const FACTS: Facts = Facts {
        title: "Plaid",
        source: "https://plaid.com/docs/api/webhooks/webhook-verification/",
        certainty: Certainty::Confirmed,
        retry_horizon: Some(Fact { value: days(1), certainty: Certainty::Unconfirmed }),
        patience: Some(Fact { value: seconds(10), certainty: Certainty::Unconfirmed }),
        retry_repeats_key: Some(Fact { value: false, certainty: Certainty::Unconfirmed }),
        setup: "There is no secret to set. `PlaidKeys` fetches the keys with your client id and API secret.",
        note: "It sends no id, and two events may have equal bodies. With `with_body_as_key`, a retry is a duplicate, and so is a later event with an equal body.",
        ..Facts::UNKNOWN
    };

    /// Verifies with keys by their ids: those of `PlaidKeys`, or of a [`KeySource`](super::KeySource) of yours.
    #[must_use]
    pub fn new(keys: impl Into<PublicKeys>) -> Self {
        Self { keys: keys.into(), tolerance: signature::DEFAULT_TOLERANCE, is_body_key: false }
    }

    /// Uses the SHA-256 of the body alone as the key, so that a retry is a duplicate. **Then a later event with an equal body is
    /// one too, and is lost**: choose it only where the bodies of events differ, as in Transfer. Default: the time of the token
    /// is part of the key.
    #[must_use]
    pub fn with_body_as_key(mut self) -> Self {
        self.is_body_key = true;
        self
    }

    /// Sets the tolerance: the allowed clock skew of the token's time, in either direction. Default: 300 s, as Plaid says.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

#[async_trait]
impl Provider for Plaid {
    fn name(&self) -> &str {
        "plaid"
    }

    /// Retention is 7 days. Plaid is said to retry for one day.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        keys::refuse_tenant(incoming)?;
        let token = Token::parse(signature::header(incoming, "plaid-verification")?, "ES256")?;
        let id = token.key_id()?.to_owned();
        let found = self.keys.find(&id, Some(&id)).await?;
        let usable = found.with_id(Some(&id)).filter(|key| !key.is_expired_at(incoming.now));
        let claims = token.signed_by(Algorithm::EcdsaP256, usable)?;
        let claims: Claims<'_> = claims.read()?;
        let made = claims.iat.ok_or(Rejection::unauthenticated("the token has no time"))?;
        if made.abs_diff(incoming.now.as_secs()) > self.tolerance.as_secs() {
            return Err(Rejection::unauthenticated("the token's time is outside the tolerance"));
        }
        jws::check_digest(claims.request_body_sha256.as_deref(), incoming.body)?;
        let proof = Verified::by_signature(incoming.body);
        let event: Event<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not an event"))?;
        let digest = HEXLOWER.encode(&Sha256::digest(proof.bytes()));
        let key = Key::new(if self.is_body_key { digest } else { format!("{made}:{digest}") })?;
        let event_type = event.webhook_type.text().zip(event.webhook_code.text());
        let event_type = event_type.map(|(kind, code)| format!("{kind}.{code}"));
        let delivery = Delivery::new(&proof, incoming.scope.clone(), key);
        Ok(Received::Delivery(delivery.with_optional_attribute(Attributes::EVENT_TYPE, event_type)))
    }
}

#[derive(Deserialize)]
struct Claims<'a> {
    iat: Option<u64>,
    #[serde(borrow, default)]
    request_body_sha256: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    webhook_type: Plain<'a>,
    #[serde(borrow, default)]
    webhook_code: Plain<'a>,
}
