//! Twilio: `X-Twilio-Signature` covers the URL and the parameters. The key is a Sid with its status, or a digest.

mod event;
mod signed_text;
mod url;

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;

use self::event::{Event, Status};
use self::signed_text::{Parameter, SignedText};
use self::url::PublicUrl;
use super::form::fields_in;
use super::{
    Incoming, OrderError, Provider, Received, Rejection, Secret, SecretError, Secrets, SettingError, days,
    signature,
};
use crate::{Attributes, Delivery, Key, Order, Policy, Resource, Scope, Verified, Version};

/// The most parameters of a form. Twilio sends tens.
const MAX_PARAMETERS: usize = 1000;

/// Twilio's callbacks: messages, calls, recordings, conferences, conversations, tasks, rooms, event streams.
///
/// The key depends on the callback:
///
/// - A status: its Sid and the status, such as `SM…:delivered`, since each status occurs once.
/// - Any other form: a digest of the signed text without the attempt number.
/// - Any other body: its signed hash.
///
/// The signature covers all of these. It does not cover the header `I-Twilio-Idempotency-Token`, which is only an attribute.
///
/// Use it for status callbacks and events. Do not use it for a URL that answers with TwiML: Twilio may send it the same text
/// twice in one call, and nothing distinguishes the two requests.
///
/// # What the signature proves
///
/// Twilio signs the URL, names and values without separators. An attacker can split a captured request into another query
/// and other parameters under the same signature. On one path, all such requests that are accepted have the same key, scope
/// and order, so that none of them runs again while the record is kept. A request that hides the parameters of a status is
/// refused.
///
/// The signature proves nothing about:
///
/// - the other parameters, which an attacker can split at will,
/// - the path under [`with_request_path`](Self::with_request_path), if the route accepts any path: the query may have become
///   part of it,
/// - the time at which the request was sent.
///
/// ```
/// use idempotency_core::provider::Twilio;
/// let twilio = Twilio::new("the account's auth token", "https://example.com/webhooks/twilio")?;
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Twilio {
    secrets: Secrets,
    url: PublicUrl,
    /// The statuses that are discarded if they are stale.
    discarding: BTreeSet<&'static str>,
}

impl Twilio {
    /// Verifies requests to one URL with the account's auth token.
    ///
    /// The URL's scheme, host and path must be those that Twilio uses, even if a proxy changes them: otherwise every request
    /// gets a 401. The query is taken from the request: a query or a fragment in this URL, such as `#rc=2`, is ignored.
    ///
    /// # Errors
    /// [`SettingError::Secret`] when the token is blank, or is the Sid of an account or of an API key. [`SettingError::Url`] when the
    /// text is not an absolute `http` or `https` URL.
    pub fn new(auth_token: impl AsRef<[u8]>, public_url: impl AsRef<str>) -> Result<Self, SettingError> {
        Self::from_secrets(Secrets::one(self::auth_token(auth_token.as_ref())?), public_url)
    }

    /// Verifies requests to one URL with any of several auth tokens, or with those of a source.
    ///
    /// # Errors
    /// [`SettingError::Url`], as for [`new`](Self::new).
    pub fn from_secrets(secrets: Secrets, public_url: impl AsRef<str>) -> Result<Self, SettingError> {
        Ok(Self { secrets, url: PublicUrl::new(public_url.as_ref())?, discarding: BTreeSet::new() })
    }

    /// Adds an auth token: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank, or the Sid of an account or of an API key.
    pub fn with_secret(mut self, auth_token: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(self::auth_token(auth_token.as_ref())?);
        Ok(self)
    }

    /// Takes the signed path from the request, as it arrived before any router nesting, and only scheme and host from the
    /// URL. Default: the URL's own path, which also works behind a proxy that rewrites paths.
    ///
    /// A layer outside this one that changes the path, such as tower-http's or actix-web's `NormalizePath`, hides the signed
    /// path, and every callback is answered 401. Move that layer inside, register the changed path with Twilio, or pass the
    /// whole URL to [`new`](Self::new) and do not call this.
    ///
    /// ```
    /// use idempotency_core::provider::Twilio;
    /// let any_route = Twilio::new("the account's auth token", "https://example.com")?.with_request_path();
    /// # Ok::<(), idempotency_core::provider::SettingError>(())
    /// ```
    #[must_use]
    pub fn with_request_path(mut self) -> Self {
        self.url = self.url.with_request_path();
        self
    }

    /// Discards a callback with one of these statuses if a later status of the same message, call or recording was processed.
    ///
    /// Statuses are compared by their order in Twilio's life cycle, such as `queued`, `sent`, `delivered`. Each call adds
    /// statuses. Default: none. Right if only the latest status matters.
    ///
    /// # Errors
    /// When the place of a status in the order is unknown, so that it would never be discarded.
    pub fn discarding_stale(
        mut self,
        statuses: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        for status in statuses.into_iter().map(Into::into) {
            let known = event::known_status(&status)
                .ok_or_else(|| OrderError::new(status.as_str(), "its order is unknown"))?;
            self.discarding.insert(known);
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
            if self.discarding.contains(status.status.as_str())
                && let Some(order) = order(incoming.scope, status)
            {
                delivery = delivery.with_order(order);
            }
            delivery = delivery.with_attribute(Attributes::EVENT_TYPE, status.status.as_str());
        }
        let token = incoming.single_header("i-twilio-idempotency-token")?;
        Ok(delivery.with_optional_attribute("unsigned_idempotency_token", token))
    }
}

#[async_trait]
impl Provider for Twilio {
    fn name(&self) -> &str {
        "twilio"
    }

    /// Retention is 1 day: Twilio retries immediately, up to five times if the URL's `#rc=` says so, and then calls the
    /// fallback URL. Event streams retry for four hours. Conversations and event streams wait 5 s for an answer, the others
    /// 15 s, so a duplicate waits 2 s and the store timeout is 1 s.
    fn policy(&self) -> Policy {
        Policy::webhook()
            .with_retention(days(1))
            .with_wait(Duration::from_secs(2))
            .with_store_timeout(Duration::from_secs(1))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, |secret| secret.check_text(|text| auth_token(&text))).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let candidate = signature::base64::<20>(signature::header(incoming, "x-twilio-signature")?)
            .ok_or(Rejection::unauthenticated("the signature is not base64 of 20 bytes"))?;
        let secrets = self.secrets.for_request(incoming).await?;
        let query = incoming.uri.query().unwrap_or_default();
        let is_form = !query.split('&').any(|parameter| parameter.starts_with("bodySHA256="));
        let mut buffer = vec![0; if is_form { incoming.body.len() } else { 0 }];
        let parameters = if is_form { sorted(incoming.body, &mut buffer)? } else { Vec::new() };
        let text = SignedText::new(parameters);
        let urls = self.url.candidates_for(incoming.uri);
        let proof = urls.iter().find_map(|url| {
            let parts = [url.as_bytes(), text.bytes()];
            Some((signature::hmac_sha1_over(&secrets, &parts, [candidate], incoming.body).ok()?, url))
        });
        let (proof, url) = proof.ok_or(Rejection::unauthenticated("no signature matches"))?;
        let text = text.with_query(url.find('?').map_or("", |at| &url[at..]));
        let event = match text.body_hash() {
            Some(hash) => {
                check_body(&text, &hash, incoming.body)?;
                Event::from_body(&hash)
            }
            None if !is_form => {
                return Err(Rejection::unauthenticated("the body's hash is not at the end of the query"));
            }
            None if text.is_query_only() => {
                return Err(Rejection::key_missing("the callback has no parameters"));
            }
            None => Event::from_form(&text)?,
        };
        Ok(Received::Delivery(self.delivery(incoming, &proof, &event)?))
    }
}

/// An auth token. It has no prefix, and is easily confused with the Sids next to it in Twilio's console.
fn auth_token(text: &[u8]) -> Result<Secret, SecretError> {
    let is_sid = text.trim_ascii().split_at_checked(2).is_some_and(|(kind, digits)| {
        matches!(kind, b"AC" | b"SK") && digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
    });
    if is_sid { Err(SecretError::Malformed("an auth token: it is a sid")) } else { Secret::new(text) }
}

/// The order of a status among the statuses of the same message, call or recording.
fn order(scope: &Scope, status: &Status) -> Option<Order> {
    let resource = Resource::new(scope, status.subject.kind, &status.sid);
    Some(Order::new(resource, Version::new(status.rank()?)))
}

/// The parameters in the order in which they are signed: by name, then by value, each pair once.
///
/// # Errors
/// When there are too many: they are not authenticated yet, and processing one costs far more than sending it.
fn sorted<'b>(body: &'b [u8], buffer: &'b mut [u8]) -> Result<Vec<Parameter<'b>>, Rejection> {
    let mut parameters: Vec<_> = fields_in(body, buffer).take(MAX_PARAMETERS + 1).collect();
    if parameters.len() > MAX_PARAMETERS {
        return Err(Rejection::malformed("the form has more than 1,000 parameters"));
    }
    parameters.sort_unstable();
    parameters.dedup();
    Ok(parameters)
}

/// Checks a body against the hash at the end of the signed text. The whole text must be the query: a hash at the end of a
/// form's last value is part of that form.
fn check_body(text: &SignedText<'_>, signed: &[u8; 32], body: &[u8]) -> Result<(), Rejection> {
    use sha2::Digest as _;
    use subtle::ConstantTimeEq as _;
    let body: [u8; 32] = sha2::Sha256::digest(body).into();
    if text.is_query_only() && bool::from(body.ct_eq(signed)) {
        Ok(())
    } else {
        Err(Rejection::unauthenticated("the body does not match its signed hash"))
    }
}
