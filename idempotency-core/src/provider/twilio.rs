//! Twilio: `X-Twilio-Signature` over the URL and the parameters, events named by their Sid and status.

use std::time::Duration;

use async_trait::async_trait;

use super::snapshots::Snapshots;
use super::twilio_event::Event;
use super::twilio_form::SignedForm;
use super::twilio_url::PublicUrl;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, form, signature};
use crate::{Attributes, Delivery, Key, Order, Policy, Verified, Version};

/// How many parameters a form has at most; Twilio's have tens.
const MOST_PARAMETERS: usize = 1000;

/// Twilio's callbacks: messages, calls, recordings, conferences, conversations.
///
/// The key is the Sid with its status, such as `SM…:delivered`, since each status comes once. All of it is covered by
/// the signature; the header `I-Twilio-Idempotency-Token` is not, and is only an attribute.
///
/// Twilio signs the URL, names and values without separators, so that a captured request can be cut into another query
/// and other parameters under the same signature. What is proved is this: on one path, all of these that are accepted
/// have one key, scope and order, so that none of them runs again while the record is kept. A callback whose signed text
/// reads in several ways, as where a user's text spells `MessageSid` and a Sid, is refused. Nothing is proved of the other
/// parameters, which may be cut as one likes. Nor of a path that is the request's own, behind a route that takes any
/// path: it can swallow the query. Nothing signed says when a request was sent.
///
/// A form with an `EventType` has a scope of its own for each signed text, since one Sid has many such events.
///
/// Use it for status callbacks. A URL that answers with TwiML is asked several times for one call in one status, which
/// this key cannot tell apart.
///
/// ```
/// use idempotency_core::provider::Twilio;
/// let twilio = Twilio::new("the account's auth token", "https://example.com/webhooks/twilio")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Twilio {
    secrets: Secrets,
    url: PublicUrl,
    snapshots: Snapshots,
}

impl Twilio {
    /// Verifies with the account's auth token what is sent to one URL: scheme, host and path as Twilio knows them,
    /// whatever a proxy makes of them. The query is taken from the request.
    ///
    /// # Errors
    /// When the token is blank.
    pub fn new(auth_token: impl AsRef<[u8]>, public_url: impl Into<String>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::new(auth_token)?), public_url))
    }

    /// Verifies with any of several auth tokens, or with those of a source, what is sent to one URL.
    #[must_use]
    pub fn from_secrets(secrets: Secrets, public_url: impl Into<String>) -> Self {
        Self { secrets, url: PublicUrl::new(&public_url.into()), snapshots: Snapshots::default() }
    }

    /// Accepts another auth token as well. Default: none; during a rotation the other one.
    ///
    /// # Errors
    /// When it is blank.
    pub fn with_secret(mut self, auth_token: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(Secret::new(auth_token)?);
        Ok(self)
    }

    /// Takes the path that Twilio signed from the request, as it arrived before any nesting, and only scheme and host
    /// from the URL. Default: the URL's own path, which is right behind a proxy that rewrites paths as well.
    ///
    /// ```
    /// use idempotency_core::provider::Twilio;
    /// let any_route = Twilio::new("the account's auth token", "https://example.com")?.with_request_path();
    /// # Ok::<(), idempotency_core::provider::SecretError>(())
    /// ```
    #[must_use]
    pub fn with_request_path(mut self) -> Self {
        self.url = self.url.with_request_path();
        self
    }

    /// Discards a callback with one of these statuses when a later status of the same Sid was processed. Later is by
    /// the order in which messages and calls go through them: `queued`, `sent`, `delivered`.
    ///
    /// Default: none. It is right where only the latest status counts.
    #[must_use]
    pub fn discarding_stale(mut self, statuses: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(statuses);
        self
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        event: &Event,
    ) -> Result<Delivery, Rejection> {
        let scope = match &event.subtype {
            Some(subtype) => incoming.narrowed_scope(subtype),
            None => incoming.scope.clone(),
        };
        let mut delivery = Delivery::new(proof, scope, Key::new(event.key())?);
        if let Some(status) = &event.status {
            if self.snapshots.include(status)
                && let Some(rank) = event.rank()
            {
                delivery = delivery.with_order(Order::new(
                    crate::Resource::new(incoming.scope, "sid", &event.sid),
                    Version::new(rank),
                ));
            }
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, status.as_str());
        }
        if let Some(token) = incoming.single_header("i-twilio-idempotency-token")? {
            delivery = delivery.with_attribute("unsigned_idempotency_token", token);
        }
        Ok(delivery)
    }
}

#[async_trait]
impl Provider for Twilio {
    fn name(&self) -> &str {
        "twilio"
    }

    /// 1 day: Twilio repeats a request at once and up to five times, where the URL's `#rc=` says so, then uses the
    /// fallback URL. It waits 15 s in all, so a duplicate waits 5 s.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(1)).with_wait(Duration::from_secs(5))
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let candidate = signature::base64::<20>(signature::header(incoming, "x-twilio-signature")?)
            .ok_or(Rejection::unauthenticated("the signature is not base64 of 20 bytes"))?;
        let secrets = self.secrets.for_request(incoming).await?;
        let query = incoming.uri.query().unwrap_or_default();
        let is_form = !query.split('&').any(|parameter| parameter.starts_with("bodySHA256="));
        let parameters = if is_form { sorted(incoming.body)? } else { Vec::new() };
        let forms = self.url.forms_for(incoming.uri);
        let proof = forms.iter().find_map(|url| {
            let mut parts = vec![url.as_bytes()];
            parts.extend(parameters.iter().flat_map(|(name, value)| [&**name, &**value]));
            Some((signature::hmac_sha1_over(&secrets, &parts, [candidate], incoming.body).ok()?, url))
        });
        let (proof, url) = proof.ok_or(Rejection::unauthenticated("no signature matches"))?;
        let event = if is_form {
            let query = url.find('?').map_or("", |at| &url[at..]);
            Event::from_form(&SignedForm::new(query, parameters))?
        } else {
            check_body_hash(query, incoming.body)?;
            Event::from_json(incoming.body)?
        };
        Ok(Received::Delivery(self.delivery(incoming, &proof, &event)?))
    }
}

/// The parameters in the order in which they are signed: by name, then by value, each pair once.
///
/// # Errors
/// When there are too many: nobody has authenticated them yet, and each costs many times what it takes to send.
fn sorted(body: &[u8]) -> Result<Vec<form::Field<'_>>, Rejection> {
    let mut parameters: Vec<_> = form::fields(body).take(MOST_PARAMETERS + 1).collect();
    if parameters.len() > MOST_PARAMETERS {
        return Err(Rejection::malformed("the form has more than 1,000 parameters"));
    }
    parameters.sort_unstable();
    parameters.dedup();
    Ok(parameters)
}

/// Checks the body against the hash in the signed query. It must be the last parameter, as Twilio appends it: elsewhere
/// it could be text out of a form that was moved into the query.
fn check_body_hash(query: &str, body: &[u8]) -> Result<(), Rejection> {
    use sha2::Digest as _;
    use subtle::ConstantTimeEq as _;
    let last = query.rsplit('&').next().and_then(|parameter| parameter.strip_prefix("bodySHA256="));
    let signed = last.and_then(signature::hex::<32>);
    let signed = signed.ok_or(Rejection::unauthenticated("the body's hash is not at the query's end"))?;
    let body: [u8; 32] = sha2::Sha256::digest(body).into();
    if bool::from(body.ct_eq(&signed)) {
        Ok(())
    } else {
        Err(Rejection::unauthenticated("the body is not the one whose hash was signed"))
    }
}
