//! The provider that a scheme and its secrets make.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::compile::{Compiled, CompiledTime, compile};
use super::event::Event;
use super::pick::Values;
use super::{MAX_EVENTS, Proof, Scheme, SchemeError, handshake, proof};
use crate::provider::snapshots::{OrderError, Snapshots};
use crate::provider::{Incoming, Methods, Provider, Received, Rejection, Secret, SecretError, Secrets};
use crate::{Policy, RecordedResponse};

/// The provider of a [`Scheme`]: it verifies with the scheme's rules and your secrets.
///
/// ```
/// use idempotency_core::provider::senders;
/// let square = senders::SQUARE
///     .with_url("https://example.com/webhooks/square")
///     .with_secret("the signature key")?;
/// let paddle = senders::PADDLE.with_secret("pdl_ntfset_current")?.with_secret("pdl_ntfset_previous")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SchemeProvider {
    scheme: Arc<Scheme>,
    compiled: Arc<Compiled>,
    secrets: Secrets,
    tolerance: Option<Duration>,
    snapshots: Snapshots,
}

impl Scheme {
    /// Makes a provider that verifies with a secret, in the form that the sender shows.
    ///
    /// # Errors
    /// When the secret is blank or malformed, or the scheme is.
    pub fn with_secret(self, secret: impl AsRef<[u8]>) -> Result<SchemeProvider, SchemeError> {
        let secret = self.secret(secret.as_ref())?;
        self.with_secrets(Secrets::one(secret))
    }

    /// Makes a provider that verifies with any of several secrets, or with those of a source. Each is text in the form that
    /// the sender shows, or [raw](Secret::raw).
    ///
    /// A malformed secret of a source is left out. If a request has no other, it is answered 503.
    ///
    /// # Errors
    /// When a secret that is not from the source is malformed, or the scheme is.
    pub fn with_secrets(self, secrets: Secrets) -> Result<SchemeProvider, SchemeError> {
        SchemeProvider::new(self, secrets)
    }
}

impl SchemeProvider {
    fn new(scheme: Scheme, secrets: Secrets) -> Result<Self, SchemeError> {
        let compiled = compile(&scheme)?;
        for secret in secrets.fixed() {
            scheme.decoded(secret)?;
        }
        let tolerance = scheme.age.tolerance();
        Ok(Self {
            scheme: Arc::new(scheme),
            compiled: Arc::new(compiled),
            secrets,
            tolerance,
            snapshots: Snapshots::default(),
        })
    }

    /// Adds a secret: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank or malformed.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let secret = self.scheme.secret(secret.as_ref())?;
        self.scheme.decoded(&secret)?;
        self.secrets = self.secrets.with_secret(secret);
        Ok(self)
    }

    /// Sets the tolerance: the allowed clock skew of the signed time, in either direction. Default: the scheme's.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = Some(tolerance);
        self
    }

    /// Discards an event of one of these types if a newer event of these types about the same resource was processed.
    ///
    /// Each call adds a group, and types of different groups are never compared. Default: none. Right for snapshots such as
    /// `subscription.updated`, wrong for facts such as a payment.
    ///
    /// ```
    /// use idempotency_core::provider::senders;
    /// let paddle = senders::PADDLE.with_secret("pdl_ntfset_...")?.discarding_stale(["subscription.updated"])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// When the scheme has no [order](Scheme::ordered_by), or a type is empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        let has_order = self.compiled.order.is_some();
        self.snapshots = self.snapshots.and(types, |_| match has_order {
            true => Ok(()),
            false => Err("the scheme says nowhere where an order is"),
        })?;
        Ok(self)
    }

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The answer to a verified delivery that is a handshake. It is signed with the secret that the delivery matched.
    fn handshake(
        &self,
        incoming: &Incoming<'_>,
        secrets: &[Secret],
        fields: &Values<'_>,
    ) -> Result<Option<RecordedResponse>, Rejection> {
        let Some(challenge) = &self.compiled.challenge else { return Ok(None) };
        let (when, expected) = challenge.when;
        if fields.get(when)?.name() != Some(expected) {
            return Ok(None);
        }
        let Some(text) = challenge.text else {
            let has_key = self.request(incoming, Some(fields)).has_key()?;
            return Ok(self.scheme.handshake.fixed_answer().filter(|_| has_key));
        };
        let Some(text) = fields.get(text)?.text().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let is_of = |secret: &&Secret| {
            proof::verify(
                &self.scheme,
                &self.compiled,
                self.tolerance,
                std::slice::from_ref(*secret),
                incoming,
            )
            .is_ok()
        };
        let secret = secrets.iter().find(is_of);
        let answer = secret.and_then(|secret| self.scheme.handshake.answer_to_text(text, secret));
        let answer = answer.ok_or_else(|| {
            Rejection::malformed("the handshake's challenge is too long or has unexpected characters")
        })?;
        Ok(Some(answer))
    }

    /// A request with one event. `fields` is `None` if its body is not JSON.
    fn request<'r, 'a>(
        &'r self,
        incoming: &'r Incoming<'a>,
        fields: Option<&'r Values<'a>>,
    ) -> Event<'r, 'a> {
        let (body, compiled) = (&incoming.body[..], &self.compiled);
        Event { incoming, fields, body, envelope: None, position: 0, compiled }
    }
}

#[async_trait]
impl Provider for SchemeProvider {
    fn name(&self) -> &str {
        self.scheme.name
    }

    fn policy(&self) -> Policy {
        self.scheme.policy()
    }

    fn methods(&self) -> Methods {
        Methods::only(self.compiled.methods.iter().cloned())
    }

    fn challenge(&self) -> String {
        let scheme = if self.scheme.proof == Proof::BasicAuth { "Basic" } else { "Webhook-Signature" };
        format!("{scheme} realm=\"{}\"", self.scheme.name)
    }

    fn signature_window(&self) -> Duration {
        match self.compiled.time {
            CompiledTime::None => Duration::ZERO,
            _ => self.tolerance.unwrap_or_default(),
        }
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| self.scheme.decoded(secret)).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let handshake = self.scheme.handshake;
        if let Some(answer) = handshake.answer_to_unsigned(incoming, &self.compiled.signature_headers) {
            return Ok(Received::Handshake(answer));
        }
        let decoded = |secret: &Secret| self.scheme.decoded(secret);
        let (secrets, malformed) = self.secrets.usable(incoming, decoded).await?;
        if let Some((token, name)) = handshake.token_to_sign(incoming)
            && let Some(secret) = secrets.first()
        {
            let signed = self.scheme.signature_of(&token, secret);
            return Ok(Received::Handshake(handshake::json_answer(name, &signed)));
        }
        let proof = proof::verify(&self.scheme, &self.compiled, self.tolerance, &secrets, incoming);
        let proof = proof.map_err(|rejection| rejection.about_secret(malformed))?;
        if handshake.signs(incoming.body) {
            return Err(Rejection::malformed(
                "the body is a token, which the handshake signs for any client",
            ));
        }
        let fields = match self.compiled.paths.is_empty() {
            true => Some(Values::default()),
            // Not every key needs a JSON body.
            false => self.compiled.paths.pick(proof.bytes()).ok(),
        };
        if let CompiledTime::Json(number) = self.compiled.time {
            let time = fields.as_ref().map(|fields| fields.get(number)).transpose()?;
            let time = time.and_then(|time| time.name());
            let time = time.ok_or_else(|| Rejection::unauthenticated("the body has no timestamp"))?;
            proof::check_time(&self.scheme, &self.compiled, time, self.tolerance, incoming)?;
        }
        if let Some(fields) = &fields
            && let Some(answer) = self.handshake(incoming, &secrets, fields)?
        {
            return Ok(Received::Handshake(answer));
        }
        if self.scheme.is_keyless {
            return Ok(Received::Bypass);
        }
        let Some(events) = &self.compiled.events else {
            let event = self.request(incoming, fields.as_ref());
            return Ok(Received::Delivery(event.ordered(event.delivery(&proof)?, &self.snapshots)?));
        };
        // Without the values around them, events of two accounts would have one address.
        let envelope =
            fields.ok_or_else(|| Rejection::malformed("the body around the events cannot be read"))?;
        let events =
            events.find(proof.bytes(), self.scheme.max_events.unwrap_or(MAX_EVENTS))?.into_iter().enumerate();
        let deliveries = events.map(|(position, event)| {
            let fields = self.compiled.event_paths.pick(event.as_bytes());
            let fields = fields.map_err(|_| Rejection::malformed("an event is not json"))?;
            let event = Event {
                incoming,
                fields: Some(&fields),
                body: event.as_bytes(),
                envelope: Some(&envelope),
                position,
                compiled: &self.compiled,
            };
            event.ordered(event.delivery(&proof)?, &self.snapshots)
        });
        Ok(Received::Batch(deliveries.collect::<Result<_, _>>()?))
    }
}
