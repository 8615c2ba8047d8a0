//! The provider that a scheme and its secrets make.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;

use super::compile::{Alternative, Compiled, CompiledTime, Source, compile};
use super::pick::Values;
use super::{Proof, Scheme, SchemeError, place, proof};
use crate::provider::{Incoming, Methods, Provider, Received, Rejection, Secret, SecretError, Secrets};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, RecordedResponse, Verified};

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
}

impl SchemeProvider {
    pub(super) fn new(scheme: Scheme, secrets: Secrets) -> Result<Self, SchemeError> {
        let compiled = compile(&scheme)?;
        for secret in secrets.fixed() {
            scheme.decoded(secret)?;
        }
        let tolerance = scheme.age.tolerance();
        Ok(Self { scheme: Arc::new(scheme), compiled: Arc::new(compiled), secrets, tolerance })
    }

    /// Adds a secret: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank or malformed.
    pub fn with_secret(mut self, secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        let secret = Secret::new(secret)?;
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

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// The usable secrets, and what is wrong with another one.
    async fn secrets(
        &self,
        incoming: &Incoming<'_>,
    ) -> Result<(Vec<Secret>, Option<SecretError>), Rejection> {
        let secrets = self.secrets.for_request(incoming).await?;
        let (mut usable, mut malformed) = (Vec::with_capacity(secrets.len()), None);
        for secret in &*secrets {
            match self.scheme.decoded(secret) {
                Ok(secret) => usable.push(secret),
                Err(error) => malformed = Some(error),
            }
        }
        match malformed {
            Some(error) if usable.is_empty() => {
                Err(Rejection::unavailable("every secret is malformed").with_source(error))
            }
            malformed => Ok((usable, malformed)),
        }
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
        if fields.get(when)?.text() != Some(expected) {
            return Ok(None);
        }
        let Some(text) = fields.get(challenge.text)?.text().filter(|text| !text.is_empty()) else {
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
        let answer =
            answer.ok_or_else(|| Rejection::malformed("the text of the handshake is no short token"))?;
        Ok(Some(answer))
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        fields: Option<&Values<'_>>,
    ) -> Result<Delivery, Rejection> {
        let none = Values::default();
        let request = Request {
            incoming,
            fields: fields.unwrap_or(&none),
            body: proof.bytes(),
            compiled: &self.compiled,
        };
        let (place, key) = match request.first_of(&self.compiled.key)? {
            Some(found) => found,
            None if fields.is_none() => return Err(Rejection::malformed("the body is not json")),
            None => return Err(Rejection::key_missing("none of the key's places has a value")),
        };
        let key = Key::new(key)?;
        let account = request.first_of(&self.compiled.account)?;
        // A sender could name an account like a place. So a place is a tenant inside an account, which may be blank.
        let outer = (place.fallback.is_some() && !self.compiled.account.is_empty()).then_some("");
        let mut delivery = match &account {
            Some((place, account)) if place.is_signed => {
                Delivery::new(proof, incoming.scope_for(Some(account)), key)
            }
            Some((_, account)) => {
                Delivery::new(proof, incoming.scope.clone(), key).narrowed_by_unsigned(account)
            }
            None => Delivery::new(proof, incoming.scope_for(outer), key),
        };
        if let Some(fallback) = &place.fallback {
            // An attacker may choose the place, by leaving a header out, so this is no signed part of the scope.
            delivery = delivery.narrowed_by_unsigned(fallback);
        }
        if !place.is_signed {
            delivery = delivery.with_fingerprint(request.fingerprint());
        }
        let event_type = request.first_of(&self.compiled.event_type)?.map(|(_, event_type)| event_type);
        Ok(delivery
            .with_optional_attribute(Attributes::EVENT_TYPE, event_type)
            .with_optional_attribute("account", account.map(|(_, account)| account)))
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

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        if let Some(answer) = self.scheme.handshake.answer_to_method(incoming) {
            return Ok(Received::Handshake(answer));
        }
        let (secrets, malformed) = self.secrets(incoming).await?;
        let proof = proof::verify(&self.scheme, &self.compiled, self.tolerance, &secrets, incoming);
        let proof = proof.map_err(|rejection| rejection.about_secret(malformed))?;
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
        Ok(Received::Delivery(self.delivery(incoming, &proof, fields.as_ref())?))
    }
}

/// A verified request, for reading its places.
struct Request<'r, 'a> {
    incoming: &'r Incoming<'a>,
    /// The values of the compiled paths. Empty if the body is not JSON.
    fields: &'r Values<'a>,
    body: &'a [u8],
    compiled: &'r Compiled,
}

impl Request<'_, '_> {
    /// The first of the places that has a value, and the value.
    fn first_of<'p>(
        &self,
        places: &'p [Alternative],
    ) -> Result<Option<(&'p Alternative, String)>, Rejection> {
        for place in places {
            if let Some(value) = self.value(place)? {
                return Ok(Some((place, value)));
            }
        }
        Ok(None)
    }

    fn value(&self, place: &Alternative) -> Result<Option<String>, Rejection> {
        if let Some(number) = place.when
            && !self.fields.get(number)?.is_present()
        {
            return Ok(None);
        }
        let mut parts = Vec::with_capacity(place.sources.len());
        for source in &place.sources {
            match self.part(source)? {
                Some(part) => parts.push(part),
                None => return Ok(None),
            }
        }
        Ok(Some(match (&mut *parts, place.is_joined) {
            ([part], false) => std::mem::take(part).into_owned(),
            (parts, _) => place::joined(parts),
        }))
    }

    fn part(&self, source: &Source) -> Result<Option<Cow<'_, str>>, Rejection> {
        Ok(match source {
            Source::Header(name) => {
                let value = self.incoming.single_header(name.as_str())?;
                value.filter(|value| !value.is_empty()).map(Cow::Borrowed)
            }
            Source::Json(number) => self.fields.get(*number)?.name().map(Cow::Borrowed),
            Source::Digest => Some(HEXLOWER.encode(&self.compiled.differing.digest(self.body)).into()),
        })
    }

    fn fingerprint(&self) -> Fingerprint {
        match self.compiled.differing.is_empty() {
            true => Fingerprint::of(self.body),
            false => Fingerprint::of(&self.compiled.differing.digest(self.body)),
        }
    }
}
