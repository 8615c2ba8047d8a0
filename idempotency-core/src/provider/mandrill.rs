//! Mailchimp Transactional (Mandrill): a form, signed with the URL. The key is the digest of an event in it.

use std::fmt;
use std::sync::LazyLock;

use async_trait::async_trait;
use data_encoding::{BASE64, HEXLOWER};
use http::{Method, StatusCode};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::endpoint_url::EndpointUrl;
use super::json;
use super::plain::Plain;
use super::scheme::events::EventPath;
use super::signature::Algorithm;
use super::{
    Certainty, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, SettingError,
    days, form, signature,
};
use crate::{Attributes, Delivery, Key, Policy, RecordedResponse, Verified};

/// The webhooks of Mailchimp Transactional, formerly Mandrill. Those of Mailchimp's audiences are not signed, and are refused.
///
/// The signature covers the URL, as it is written at Mandrill, and the list of events in the form. An event has no id, so the key is
/// its digest: its type, its time and the message's id are in it.
///
/// The provider answers the HEAD request that checks the URL, and always returns a [`Batch`](Received::Batch), even of one event.
///
/// See [its page](crate::docs::providers::senders::mandrill), with a whole route.
///
/// ```
/// use idempotency_core::provider::Mandrill;
/// let mandrill = Mandrill::new("https://example.com/webhooks/mandrill", "the webhook's key")?;
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
#[derive(Clone)]
pub struct Mandrill {
    url: EndpointUrl,
    secrets: Secrets,
}

/// Without the URL, which may have credentials.
impl fmt::Debug for Mandrill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mandrill").field("secrets", &self.secrets).finish_non_exhaustive()
    }
}

impl Mandrill {
    /// What is known about Mailchimp Transactional.
    pub const FACTS: Facts = Facts {
        title: "Mailchimp Transactional (Mandrill)",
        source: "https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/",
        certainty: Certainty::Confirmed,
        setup: "`new` takes the webhook's key, and the URL exactly as it is written at Mandrill: the signature covers it. Mandrill makes the key only after it has checked the URL by HEAD: start with a placeholder as the key, then replace it.",
        note: "It sends forms, with up to 1,000 events. Mailchimp's audiences send other webhooks, which are not signed and are refused.",
        ..Facts::UNKNOWN
    };

    /// Verifies requests to this URL, exactly as it is written at Mandrill, with the webhook's key.
    ///
    /// # Errors
    /// [`SettingError::Secret`] when the key is blank. [`SettingError::Url`] when the URL is not absolute, is not `http` or
    /// `https`, or has a fragment.
    pub fn new(url: impl AsRef<str>, key: impl AsRef<[u8]>) -> Result<Self, SettingError> {
        Self::from_secrets(url, Secrets::one(Secret::new(key)?))
    }

    /// Verifies requests to this URL with any of several keys, or with those of a source.
    ///
    /// # Errors
    /// [`SettingError::Url`], as for [`new`](Self::new).
    pub fn from_secrets(url: impl AsRef<str>, secrets: Secrets) -> Result<Self, SettingError> {
        Ok(Self { url: EndpointUrl::checked(url.as_ref())?, secrets })
    }

    /// Adds a key: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, key: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(key)?);
        Ok(self)
    }
}

const EVENTS: &str = "mandrill_events";
/// The most events in a request, far above the thousand that Mandrill documents.
const MAX_EVENTS: usize = 10_000;
/// The most parameters of a form. Mandrill sends one.
const MAX_PARAMETERS: usize = 16;

static PATH: LazyLock<EventPath> = LazyLock::new(|| EventPath::parse("/*").expect("it ends with a list"));

#[async_trait]
impl Provider for Mandrill {
    fn name(&self) -> &str {
        "mandrill"
    }

    /// Retention is 7 days. For how long Mandrill retries is not published.
    fn policy(&self) -> Policy {
        // A form of up to 1,000 events, or of received messages with their attachments.
        Self::FACTS.policy(days(7)).with_body_limit(25 * 1024 * 1024)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        // The webhook's key is made only after this check. The answer gives nothing away.
        if incoming.method == Method::HEAD {
            return Ok(Received::Handshake(RecordedResponse::new(StatusCode::OK, "")));
        }
        let secrets = self.secrets.for_request(incoming).await?;
        let candidate = signature::header(incoming, "x-mandrill-signature")?;
        let mut fields: Vec<_> = form::fields(incoming.body).take(MAX_PARAMETERS + 1).collect();
        if fields.len() > MAX_PARAMETERS {
            return Err(Rejection::unauthenticated("the form has too many parameters"));
        }
        fields.sort();
        let mut parts = vec![self.url.as_str().as_bytes()];
        parts.extend(fields.iter().flat_map(|(name, value)| [&name[..], &value[..]]));
        let proof = signature::hmac_over(
            Algorithm::Sha1,
            &secrets,
            &parts,
            std::iter::once(candidate),
            &BASE64,
            incoming.body,
        )?;
        // Names and values are signed without separators. The list must be the first parameter: then only its closing bracket can end
        // it, and the signed text has one reading.
        let events = match fields.first() {
            Some((name, value)) if &name[..] == EVENTS.as_bytes() => value,
            _ => return Err(Rejection::malformed("the form does not begin with mandrill_events")),
        };
        let texts = PATH.find(events, MAX_EVENTS)?;
        let deliveries = texts.iter().map(|text| delivery(incoming, &proof, text));
        Ok(Received::Batch(deliveries.collect::<Result<_, _>>()?))
    }
}

fn delivery(incoming: &Incoming<'_>, proof: &Verified<'_>, text: &str) -> Result<Delivery, Rejection> {
    let event: Event<'_> = json::fields(text.as_bytes())
        .ok_or_else(|| Rejection::malformed("an event is no object, or repeats a field"))?;
    let key = Key::new(HEXLOWER.encode(&Sha256::digest(text)))?;
    // A change of a deny list or an allow list has a type and an action, and no event.
    let change = event.kind.name().zip(event.action.name());
    let change = change.map(|(kind, action)| format!("{kind};{action}"));
    let event_type = event.event.name().map(str::to_owned).or(change);
    Ok(Delivery::new(proof, incoming.scope.clone(), key)
        .with_optional_attribute(Attributes::EVENT_TYPE, event_type))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    event: Plain<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Plain<'a>,
    #[serde(borrow, default)]
    action: Plain<'a>,
}
