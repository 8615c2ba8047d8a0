//! Twilio: `X-Twilio-Signature` over the URL and the parameters, events named by their Sid and status or by the signed
//! text.

mod event;
mod form;
mod url;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use self::event::{Event, Status};
use self::form::SignedText;
use self::url::PublicUrl;
use super::form::{Field, fields};
use super::{
    Incoming, OrderError, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature,
};
use crate::{Attributes, Delivery, Key, Order, Policy, Resource, Scope, Verified, Version};

/// How many parameters a form has at most; Twilio's have tens.
const MOST_PARAMETERS: usize = 1000;

/// Twilio's callbacks: messages, calls, recordings, conferences, conversations, tasks, rooms, event streams.
///
/// The key of a status is the Sid with it, such as `SM…:delivered`, since each status comes once. The key of any other
/// form is a digest of the text that was signed, without the number of the attempt; that of any other body is the hash
/// of it that was signed. All of it is covered by the signature; the header `I-Twilio-Idempotency-Token` is not, and is
/// only an attribute.
///
/// Twilio signs the URL, names and values without separators, so that a captured request can be cut into another query
/// and other parameters under the same signature. What is proved is this: on one path, all of these that are accepted
/// have one key, scope and order, so that none of them runs again while the record is kept. A cut that hides the
/// parameters of a status is refused. Nothing is proved of the other parameters, which may be cut as one likes. Nor of a
/// path that is the request's own, behind a route that takes any path: it can swallow the query. Nothing signed says
/// when a request was sent.
///
/// Use it for status callbacks and events. A URL that answers with TwiML may be sent the same text twice in one call,
/// which nothing tells apart.
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
    /// The statuses that are discarded when they are stale.
    discarded: BTreeSet<&'static str>,
}

impl Twilio {
    /// Verifies with the account's auth token what is sent to one URL: scheme, host and path as Twilio knows them,
    /// whatever a proxy makes of them. The query is taken from the request.
    ///
    /// # Errors
    /// When the token is blank, or the Sid of an account or of a key.
    pub fn new(auth_token: impl AsRef<[u8]>, public_url: impl Into<String>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(self::auth_token(auth_token.as_ref())?), public_url))
    }

    /// Verifies with any of several auth tokens, or with those of a source, what is sent to one URL.
    #[must_use]
    pub fn from_secrets(secrets: Secrets, public_url: impl Into<String>) -> Self {
        Self { secrets, url: PublicUrl::new(&public_url.into()), discarded: BTreeSet::new() }
    }

    /// Accepts another auth token as well. Default: none; during a rotation the other one.
    ///
    /// # Errors
    /// When it is blank, or the Sid of an account or of a key.
    pub fn with_secret(mut self, auth_token: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(self::auth_token(auth_token.as_ref())?);
        Ok(self)
    }

    /// Takes the path that Twilio signed from the request, as it arrived before any nesting, and only scheme and host
    /// from the URL. Default: the URL's own path, which is right behind a proxy that rewrites paths as well.
    ///
    /// A layer outside of this one that changes the path, such as tower-http's or actix-web's `NormalizePath`, hides the
    /// signed path, and every callback is answered 401. Put that layer inside, register the path with Twilio as it
    /// reads afterwards, or name the whole URL and leave this out.
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

    /// Discards a callback with one of these statuses when a later status of the same message, call or recording was
    /// processed. Later is by the order in which they go through their statuses: `queued`, `sent`, `delivered`.
    /// Another call adds to them.
    ///
    /// Default: none. It is right where only the latest status counts.
    ///
    /// # Errors
    /// When the place of a status is not known, so that it would never be discarded.
    pub fn discarding_stale(
        mut self,
        statuses: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        for status in statuses.into_iter().map(Into::into) {
            self.discarded.insert(
                event::known_status(&status)
                    .ok_or_else(|| OrderError::new(status.as_str(), "no order is known for it"))?,
            );
        }
        Ok(self)
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        event: &Event,
    ) -> Result<Delivery, Rejection> {
        let mut delivery = Delivery::new(proof, incoming.scope.clone(), Key::new(event.key())?);
        if let Event::Status(status) = event {
            if self.discarded.contains(status.status.as_str())
                && let Some(order) = order(incoming.scope, status)
            {
                delivery = delivery.with_order(order);
            }
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, status.status.as_str());
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
    /// fallback URL; event streams repeat it for four hours. Conversations and event streams wait 5 s for an answer, the
    /// others 15 s, so a duplicate waits 2 s, and a store that does not answer within 1 s is out of reach.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(1))
            .with_wait(Duration::from_secs(2))
            .with_store_timeout(Duration::from_secs(1))
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
        let text = SignedText::new(url.find('?').map_or("", |at| &url[at..]), parameters);
        let event = match text.body_hash() {
            Some(hash) => {
                check_body(&text, &hash, incoming.body)?;
                Event::from_body(&hash)
            }
            None if !is_form => {
                return Err(Rejection::unauthenticated("the body's hash is not at the query's end"));
            }
            None if text.is_query_only() => {
                return Err(Rejection::key_missing("the callback has no parameters"));
            }
            None => Event::from_form(&text)?,
        };
        Ok(Received::Delivery(self.delivery(incoming, &proof, &event)?))
    }
}

/// An auth token, which has no prefix, and is often mistaken for one of the Sids beside it in Twilio's console.
fn auth_token(text: &[u8]) -> Result<Secret, SecretError> {
    let is_sid = text.trim_ascii().split_at_checked(2).is_some_and(|(kind, digits)| {
        matches!(kind, b"AC" | b"SK") && digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
    });
    if is_sid { Err(SecretError::Malformed("an auth token but a sid")) } else { Secret::new(text) }
}

/// The order of a status among those of the same message, call or recording.
fn order(scope: &Scope, status: &Status) -> Option<Order> {
    let resource = Resource::new(scope, status.subject.kind, &status.sid);
    Some(Order::new(resource, Version::new(status.rank()?)))
}

/// The parameters in the order in which they are signed: by name, then by value, each pair once.
///
/// # Errors
/// When there are too many: they are not authenticated yet, and each costs many times what it takes to send.
fn sorted(body: &[u8]) -> Result<Vec<Field<'_>>, Rejection> {
    let mut parameters: Vec<_> = fields(body).take(MOST_PARAMETERS + 1).collect();
    if parameters.len() > MOST_PARAMETERS {
        return Err(Rejection::malformed("the form has more than 1,000 parameters"));
    }
    parameters.sort_unstable();
    parameters.dedup();
    Ok(parameters)
}

/// Checks a body against the signed hash at the end of the signed text, all of which must be the query: a hash at the
/// end of a form's last value is that form's text.
fn check_body(text: &SignedText<'_>, signed: &[u8; 32], body: &[u8]) -> Result<(), Rejection> {
    use sha2::Digest as _;
    use subtle::ConstantTimeEq as _;
    let body: [u8; 32] = sha2::Sha256::digest(body).into();
    if text.is_query_only() && bool::from(body.ct_eq(signed)) {
        Ok(())
    } else {
        Err(Rejection::unauthenticated("the body is not the one whose hash was signed"))
    }
}
