//! CloudEvents over HTTP, with a token. The key is the event's `source` with its `id`.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use http::header::{ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

use super::json;
use super::plain::Plain;
use super::scheme::events::EventPath;
use super::scheme::joined;
use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, form,
};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, RecordedResponse, Verified};

/// CloudEvents over HTTP in the binary, the structured JSON and the batched JSON mode, from a sender with a bearer token.
///
/// **Nothing is signed**: CloudEvents defines no signature. The token in `Authorization` proves the sender only. A client that sees
/// one request can forge any other. For a sender that signs its body, use a [`Scheme`](super::Scheme) in the structured mode.
///
/// The key is `source` with `id`, which CloudEvents defines to be unique together. The digest of the event, or of the body in the
/// binary mode, is the fingerprint.
///
/// See [its page](crate::docs::providers::senders::cloudevents), with a whole route.
///
/// ```
/// use idempotency_core::provider::CloudEvents;
/// let events = CloudEvents::new("the token")?.allowing_origins(["eventgrid.azure.net"]);
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct CloudEvents {
    secrets: Secrets,
    origins: Arc<[String]>,
    has_batches: bool,
}

impl CloudEvents {
    /// What is known about CloudEvents.
    pub const FACTS: Facts = Facts {
        title: "CloudEvents",
        source: "https://github.com/cloudevents/spec",
        certainty: Certainty::Confirmed,
        answers: "A 410 answer ends the deliveries.",
        setup: "The sender must send the token in `Authorization: Bearer`. If it asks for permission by OPTIONS, name its origin with `allowing_origins`. For the batched mode, call `with_batches`: without it, batches are refused.",
        note: "Retries are the sender's choice, and a retry should have the same `id`.",
        ..Facts::UNKNOWN
    };

    /// Accepts requests with this bearer token.
    ///
    /// # Errors
    /// When it is blank, or no header can have it.
    pub fn new(token: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(bearer_token(token)?)))
    }

    /// Accepts requests with any of several bearer tokens, or with those of a source.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        Self { secrets, origins: Arc::from([]), has_batches: false }
    }

    /// Adds a bearer token: during a rotation, the previous one. Default: none.
    ///
    /// # Errors
    /// When it is blank, or no header can have it.
    pub fn with_secret(mut self, token: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(bearer_token(token)?);
        Ok(self)
    }

    /// Answers the handshake of these senders: an OPTIONS request whose `WebHook-Request-Origin` is one of them, such as
    /// `eventgrid.azure.net`. The answer allows any rate. Default: none, because an answer invites the sender.
    #[must_use]
    pub fn allowing_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Accepts the batched mode. The provider then always returns a [`Batch`](Received::Batch), even of one event. Default: a
    /// batched request is refused, since the handler takes one event.
    #[must_use]
    pub fn with_batches(mut self) -> Self {
        self.has_batches = true;
        self
    }

    fn handshake(&self, incoming: &Incoming<'_>) -> Option<RecordedResponse> {
        const REQUESTED: &str = "webhook-request-origin";
        const ALLOWED: HeaderName = HeaderName::from_static("webhook-allowed-origin");
        const RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");
        let origin = incoming.single_header(REQUESTED).ok().flatten()?;
        let origin = self.origins.iter().find(|allowed| allowed.eq_ignore_ascii_case(origin))?;
        Some(
            RecordedResponse::new(StatusCode::OK, "")
                .with_header(ALLOWED, HeaderValue::from_str(origin).ok()?)
                .with_header(RATE, HeaderValue::from_static("*"))
                .with_header(ALLOW, HeaderValue::from_static("POST")),
        )
    }

    async fn verify(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        let header = super::signature::header(incoming, AUTHORIZATION.as_str())?;
        let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let token = token.map(|(_, token)| token.trim_start_matches(' ')).unwrap_or_default();
        let secrets = self.secrets.for_request(incoming).await?;
        let is_known = secrets
            .iter()
            .fold(false, |is_known, secret| is_known | bool::from(secret.expose().ct_eq(token.as_bytes())));
        match is_known {
            true => Ok(()),
            false => Err(Rejection::unauthenticated("the token does not match")),
        }
    }
}

fn bearer_token(text: impl AsRef<[u8]>) -> Result<Secret, SecretError> {
    let token = Secret::new(text)?;
    in_header(&token).map(|()| token)
}

/// A bearer token is ASCII (RFC 6750, section 2.1), so the header is read as text.
fn in_header(token: &Secret) -> Result<(), SecretError> {
    let text = token.expose();
    match text.trim_ascii() == text && text.iter().all(|byte| matches!(byte, b' '..=b'~')) {
        true => Ok(()),
        false => Err(SecretError::Malformed("a token of ascii characters, without white space at its ends")),
    }
}

/// The most events in a request, far above what senders send.
const MAX_EVENTS: usize = 10_000;

static EVENTS: LazyLock<EventPath> = LazyLock::new(|| EventPath::parse("/*").expect("it ends with a list"));

#[async_trait]
impl Provider for CloudEvents {
    fn name(&self) -> &str {
        "cloudevents"
    }

    /// Retention is 7 days.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    fn challenge(&self) -> String {
        "Bearer realm=\"cloudevents\"".to_owned()
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, in_header).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        if incoming.method == Method::OPTIONS
            && let Some(answer) = self.handshake(incoming)
        {
            return Ok(Received::Handshake(answer));
        }
        self.verify(incoming).await?;
        let proof = Verified::by_other_means(incoming.body);
        let content_type = incoming.single_header(CONTENT_TYPE.as_str())?.unwrap_or_default();
        let structured =
            |text: &str| Event::structured(text.as_bytes())?.delivery(incoming, &proof, text.as_bytes());
        let deliveries = match Mode::of(content_type)? {
            Mode::Batched if !self.has_batches => {
                return Err(Rejection::malformed("the mode is batched, and the route takes single events"));
            }
            Mode::Batched => {
                let events = EVENTS.find(incoming.body, MAX_EVENTS)?;
                events.into_iter().map(structured).collect::<Result<_, _>>()?
            }
            Mode::Structured => {
                vec![Event::structured(incoming.body)?.delivery(incoming, &proof, incoming.body)?]
            }
            Mode::Binary => vec![Event::binary(incoming)?.delivery(incoming, &proof, incoming.body)?],
        };
        match (self.has_batches, <[Delivery; 1]>::try_from(deliveries)) {
            (false, Ok([delivery])) => Ok(Received::Delivery(delivery)),
            (_, Ok(delivery)) => Ok(Received::Batch(delivery.into())),
            (_, Err(deliveries)) => Ok(Received::Batch(deliveries)),
        }
    }
}

/// The content mode (HTTP protocol binding, section 3).
enum Mode {
    Binary,
    Structured,
    Batched,
}

impl Mode {
    fn of(content_type: &str) -> Result<Self, Rejection> {
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match media_type.as_str() {
            "application/cloudevents+json" => Ok(Self::Structured),
            "application/cloudevents-batch+json" => Ok(Self::Batched),
            other if other.starts_with("application/cloudevents") => {
                Err(Rejection::malformed("the events are in another format than json"))
            }
            _ => Ok(Self::Binary),
        }
    }
}

/// The attributes that are read.
struct Event {
    id: Option<String>,
    source: Option<String>,
    event_type: Option<String>,
    version: Option<String>,
}

#[derive(Deserialize)]
struct Json<'a> {
    #[serde(borrow, default, rename = "specversion")]
    version: Plain<'a>,
    #[serde(borrow, default)]
    id: Plain<'a>,
    #[serde(borrow, default)]
    source: Plain<'a>,
    #[serde(borrow, default, rename = "type")]
    event_type: Plain<'a>,
}

impl Event {
    fn structured(text: &[u8]) -> Result<Self, Rejection> {
        let json: Json<'_> = json::fields(text)
            .ok_or(Rejection::malformed("an event is not a json object, or repeats an attribute"))?;
        let owned = |text: &Plain<'_>| text.text().map(str::to_owned);
        Ok(Self {
            id: owned(&json.id),
            source: owned(&json.source),
            event_type: owned(&json.event_type),
            version: owned(&json.version),
        })
    }

    /// Header values are percent-encoded UTF-8 (section 3.1.3.2).
    fn binary(incoming: &Incoming<'_>) -> Result<Self, Rejection> {
        let attribute = |name: &str| {
            let value = incoming.single_header(name)?;
            let value = value.map(|value| form::percent_decoded(value.as_bytes()));
            value.map(String::from_utf8).transpose().map_err(|_| {
                Rejection::malformed("an attribute in a header is not utf-8").about_header(name.to_owned())
            })
        };
        Ok(Self {
            id: attribute("ce-id")?,
            source: attribute("ce-source")?,
            event_type: attribute("ce-type")?,
            version: attribute("ce-specversion")?,
        })
    }

    fn delivery(
        self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        content: &[u8],
    ) -> Result<Delivery, Rejection> {
        // Required by the specification, so that no other message is taken for an event.
        if self.version.as_deref() != Some("1.0") || self.event_type.as_deref().unwrap_or_default().is_empty()
        {
            return Err(Rejection::malformed("the message is not a CloudEvent of version 1.0 with a type"));
        }
        let parts = [self.source, self.id].map(|part| part.filter(|part| !part.is_empty()).map(Cow::Owned));
        let parts = parts.into_iter().collect::<Option<Vec<_>>>();
        let parts = parts.ok_or(Rejection::key_missing("an event has no source or no id"))?;
        Ok(Delivery::new(proof, incoming.scope.clone(), Key::new(joined(&parts))?)
            .with_fingerprint(Fingerprint::of(content))
            .with_optional_attribute(Attributes::EVENT_TYPE, self.event_type))
    }
}
