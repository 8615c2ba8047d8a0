//! Figma: a passcode in the body, and nothing signed. The key is the digest of the event without the passcode.

use std::sync::LazyLock;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::canonical::Pointer;
use super::json;
use super::plain::Plain;
use super::scheme::Differing;
use super::{Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};

/// Figma's webhooks, version 2.
///
/// **Nothing is signed.** Each event repeats the passcode that you chose for the webhook. A client that sees one event can forge any
/// other. Accept them over TLS only and do not log their bodies.
///
/// Figma sends no id. The key is the digest of the whole body except the passcode and the count of retries, so that an event keeps its
/// key when either changes.
///
/// See [its page](crate::docs::providers::senders::figma), with a whole route.
///
/// ```
/// use idempotency_core::provider::Figma;
/// let figma = Figma::new("the webhook's passcode")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Figma {
    secrets: Secrets,
}

impl Figma {
    /// What is known about Figma.
    pub const FACTS: Facts = Facts {
        title: "Figma",
        source: "https://github.com/figma/rest-api-spec",
        certainty: Certainty::Confirmed,
        answers: "It expects the status 200. An answer of 400 stops the webhook at once.",
        setup: "The secret is the webhook's passcode, which you choose. Figma sends a `PING` for each new webhook, which reaches the handler.",
        note: "It retries 3 times, at growing intervals.",
        ..Facts::UNKNOWN
    };

    /// Accepts the events of webhooks with this passcode.
    ///
    /// # Errors
    /// When it is blank.
    pub fn new(passcode: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(passcode)?)))
    }

    /// Accepts those with any of several passcodes, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets }
    }

    /// Adds the passcode of another webhook. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, passcode: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(passcode)?);
        Ok(self)
    }
}

/// The passcode, and the count of retries that some events have.
static DIFFERING: LazyLock<Differing> = LazyLock::new(|| {
    let pointers = ["/passcode", "/retries"];
    Differing::new(pointers.map(|pointer| Pointer::parse(pointer).expect("it is a pointer")).into())
});

#[async_trait]
impl Provider for Figma {
    fn name(&self) -> &str {
        "figma"
    }

    /// Retention is 7 days. For how long Figma retries is not published.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let event: Event<'_> = json::fields(incoming.body)
            .ok_or_else(|| Rejection::unauthenticated("the body is not json with a passcode"))?;
        let secrets = self.secrets.for_request(incoming).await?;
        if !event.is_known(&secrets) {
            return Err(Rejection::unauthenticated("the body has another passcode, or none"));
        }
        let event_type = event.event_type.name();
        let event_type =
            event_type.ok_or_else(|| Rejection::malformed("the body is not an event of figma"))?;
        let proof = Verified::by_other_means(incoming.body);
        let digest = DIFFERING.digest(proof.bytes());
        let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(HEXLOWER.encode(&digest))?);
        Ok(Received::Delivery(
            delivery
                .with_fingerprint(Fingerprint::of(&digest))
                .with_attribute(Attributes::EVENT_TYPE, event_type),
        ))
    }
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    passcode: Plain<'a>,
    #[serde(borrow, default)]
    event_type: Plain<'a>,
}

impl Event<'_> {
    /// Compares in constant time, but for the length, and without an early exit.
    fn is_known(&self, secrets: &[Secret]) -> bool {
        let passcode = self.passcode.text().unwrap_or_default().as_bytes();
        secrets.iter().fold(false, |is_known, secret| is_known | bool::from(secret.expose().ct_eq(passcode)))
    }
}
