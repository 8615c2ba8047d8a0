//! Mailgun: signed in the body, where only a time and a token are. The key is the event's `id`, which is not signed.

use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{self, Object};
use super::plain::Plain;
use super::signature::{self, Algorithm};
use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days,
    hours,
};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};

/// Mailgun's webhooks, as JSON.
///
/// **The event is not signed.** Mailgun signs a time and a random token, and puts them beside the event. A client that sees one
/// request can send any event with its signature, under any id. Accept such requests over TLS only, do not log their bodies, and
/// do not act on one without asking Mailgun's API where money or access depends on it.
///
/// The key is the event's `id`, and the event's digest is the fingerprint: the same id with another event is a mismatch. The
/// time and the token are left out, because each attempt may have its own.
///
/// Events of subaccounts are accepted by the secret of the subaccount or that of the primary account. Messages that a route of
/// Mailgun forwards are forms, and are refused.
///
/// See [its page](crate::docs::providers::senders::mailgun), with a whole route.
///
/// ```
/// use idempotency_core::provider::Mailgun;
/// let mailgun = Mailgun::new("the webhook signing key")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Mailgun {
    secrets: Secrets,
    tolerance: Option<Duration>,
}

impl Mailgun {
    /// What is known about Mailgun.
    pub const FACTS: Facts = Facts {
        title: "Mailgun",
        source: "https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(hours(8)),
        retries_4xx: Fact::confirmed(true),
        answers: "It expects the status 200. A 406 answer stops the retries.",
        setup: "The secret is the webhook signing key.",
        note: "A `delivered` event is not retried. Messages that a route forwards are refused.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the webhook signing key.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(secret)?)))
    }

    /// Verifies with any of several webhook signing keys, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, tolerance: None }
    }

    /// Adds a webhook signing key: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(secret)?);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed time, in either direction. It bounds how long a captured
    /// signature can be used. Default: any time is accepted, because it is unknown whether a retry, up to 8 hours later, has a
    /// new one.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }
}

#[async_trait]
impl Provider for Mailgun {
    fn name(&self) -> &str {
        "mailgun"
    }

    /// Retention is 7 days: Mailgun retries for 8 hours.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance.unwrap_or_default()
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let unsigned = || Rejection::unauthenticated("the body is not json with a signature");
        let body: Body<'_> = json::fields(incoming.body).ok_or_else(unsigned)?;
        let signed = body.signature.0.ok_or_else(unsigned)?;
        let (timestamp, token) = (signed.timestamp.name(), signed.token.text());
        let (timestamp, token) =
            timestamp.zip(token.filter(|token| !token.is_empty())).ok_or_else(unsigned)?;
        // The two are joined without a separator, so a digit of the token could be moved into the time.
        if timestamp.len() != 10 {
            return Err(Rejection::unauthenticated("the timestamp does not have 10 digits"));
        }
        signature::fresh(timestamp, incoming.now, self.tolerance.unwrap_or(Duration::MAX))?;
        let secrets = self.secrets.for_request(incoming).await?;
        let candidates = [signed.signature.text(), signed.parent_signature.text()];
        let parts = [timestamp.as_bytes(), token.as_bytes()];
        signature::hmac_over(
            Algorithm::Sha256,
            &secrets,
            &parts,
            candidates.into_iter().flatten(),
            &HEXLOWER,
            incoming.body,
        )?;
        let event = body.event.ok_or(Rejection::malformed("the body has no event-data"))?;
        // The signature proves that Mailgun sent something, not what.
        Ok(Received::Delivery(delivery(incoming, &Verified::by_other_means(incoming.body), event)?))
    }
}

fn delivery(incoming: &Incoming<'_>, proof: &Verified<'_>, event: &RawValue) -> Result<Delivery, Rejection> {
    let text = event.get().as_bytes();
    let event: Event<'_> = json::fields(text)
        .ok_or(Rejection::malformed("the event-data is not an object, or repeats a field"))?;
    let id = event.id.name().ok_or(Rejection::key_missing("the event-data has no id"))?;
    Ok(Delivery::new(proof, incoming.scope.clone(), Key::new(id)?)
        .with_fingerprint(Fingerprint::of(text))
        .with_optional_attribute(Attributes::EVENT_TYPE, event.event.text()))
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    signature: Object<Signed<'a>>,
    #[serde(borrow, default, rename = "event-data")]
    event: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Signed<'a> {
    #[serde(borrow, default)]
    timestamp: Plain<'a>,
    #[serde(borrow, default)]
    token: Plain<'a>,
    #[serde(borrow, default)]
    signature: Plain<'a>,
    #[serde(borrow, default, rename = "parent-signature")]
    parent_signature: Plain<'a>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Plain<'a>,
    #[serde(borrow, default)]
    event: Plain<'a>,
}
