//! monday.com: a token in `Authorization` proves the sender. The key is `event.triggerUuid`, which nothing signs.

use std::time::Duration;

use async_trait::async_trait;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use serde::Deserialize;

use super::endpoint_url::EndpointUrl;
use super::json::{self, Object, Text};
use super::jws::{self, Life, Token};
use super::plain::Plain;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, Secrets, SettingError, seconds,
    signature,
};
use crate::{Attributes, Delivery, Fingerprint, Key, RecordedResponse, Verified};

/// The webhooks of apps on monday.com.
///
/// **The token does not cover the body.** A client that sees one can send any event until it expires, five minutes later. So
/// accept the requests over TLS only, and do not log their headers.
///
/// The key is `event.triggerUuid`, and the body is the fingerprint. The account in the token narrows the scope. The challenge
/// that monday.com sends when the webhook is made is answered. It may have no token.
///
/// See [its page](crate::docs::providers::senders::monday), with a whole route.
///
/// ```
/// use idempotency_core::provider::Monday;
/// let monday = Monday::new("https://example.com/webhooks/monday", "the signing secret")?;
/// # Ok::<(), idempotency_core::provider::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monday {
    url: EndpointUrl,
    secrets: Secrets,
}

impl Monday {
    /// What is known about monday.com.
    pub const FACTS: Facts = Facts {
        title: "monday.com (apps)",
        source: "",
        certainty: Certainty::Unconfirmed,
        retry_horizon: Fact::confirmed(seconds(1_800)),
        retries_4xx: Fact::confirmed(true),
        answers: "It expects the status 200, and retries every minute.",
        setup: "The secret is the app's signing secret. The token names the URL: give `new` exactly the URL that monday.com has.",
        note: "The token is confirmed; the place of the id is not.",
        ..Facts::UNKNOWN
    };

    /// Verifies tokens for this URL, exactly as monday.com has it, with the app's signing secret.
    ///
    /// # Errors
    /// [`SettingError::Secret`] when the secret is blank. [`SettingError::Url`] when the URL is not absolute, is not `http` or
    /// `https`, or has a fragment.
    pub fn new(url: impl AsRef<str>, secret: impl AsRef<[u8]>) -> Result<Self, SettingError> {
        Self::from_secrets(url, Secrets::one(Secret::new(secret)?))
    }

    /// Verifies tokens for this URL with any of several secrets, or with those of a source.
    ///
    /// # Errors
    /// [`SettingError::Url`], as for [`new`](Self::new).
    pub fn from_secrets(url: impl AsRef<str>, secrets: Secrets) -> Result<Self, SettingError> {
        Ok(Self { url: EndpointUrl::checked(url.as_ref())?, secrets })
    }
}

#[async_trait]
impl Provider for Monday {
    fn name(&self) -> &str {
        "monday"
    }

    /// Five minutes, which a token lives.
    fn signature_window(&self) -> Duration {
        Duration::from_secs(300)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.for_request(incoming).await.map(drop)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        if let Some(answer) = challenge(incoming) {
            return Ok(Received::Handshake(answer));
        }
        let token = Token::parse(signature::header(incoming, "authorization")?, "HS256")?;
        let secrets = self.secrets.for_request(incoming).await?;
        let claims = token.signed_with(&secrets)?;
        // No skew, as in the library that monday.com names.
        claims.read::<Life>()?.check(incoming.now, 0)?;
        let claims: Claims<'_> = claims.read()?;
        jws::check_text(claims.aud.as_deref(), self.url.as_str(), "the token is for another url")?;
        let proof = Verified::by_other_means(incoming.body);
        let body: Body<'_> =
            json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not an event"))?;
        let event = body.event.0.ok_or(Rejection::malformed("the body is not an event"))?;
        let id = event.trigger_uuid.text().ok_or(Rejection::key_missing("the event has no id"))?;
        let account = claims.account_id.name();
        let delivery = Delivery::new(&proof, incoming.scope_for(account), Key::new(id)?);
        Ok(Received::Delivery(
            delivery
                .with_fingerprint(Fingerprint::of(proof.bytes()))
                .with_optional_attribute(Attributes::EVENT_TYPE, event.kind.text())
                .with_optional_attribute("account", account),
        ))
    }
}

/// The answer to a challenge: the same one. It proves nothing, so it needs no proof.
fn challenge(incoming: &Incoming<'_>) -> Option<RecordedResponse> {
    let body: Body<'_> =
        Some(incoming.body).filter(|body| body.len() <= 1_024).and_then(|body| json::fields(body))?;
    let text = body.challenge.text().filter(|_| body.event.0.is_none() && incoming.method == Method::POST)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'=');
    let is_challenge = !text.is_empty() && text.bytes().all(is_plain);
    let answer = is_challenge.then(|| serde_json::json!({ "challenge": text }).to_string())?;
    let json = HeaderValue::from_static("application/json");
    Some(RecordedResponse::new(StatusCode::OK, answer).with_header(CONTENT_TYPE, json))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims<'a> {
    #[serde(borrow, default)]
    aud: Option<Text<'a>>,
    #[serde(borrow, default)]
    account_id: Plain<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, default)]
    challenge: Plain<'a>,
    #[serde(borrow, default)]
    event: Object<Event<'a>>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "triggerUuid")]
    trigger_uuid: Plain<'a>,
    #[serde(borrow, default, rename = "type")]
    kind: Plain<'a>,
}
