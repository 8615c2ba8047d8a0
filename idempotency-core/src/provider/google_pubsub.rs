//! Google Cloud Pub/Sub push: a token in `Authorization` proves the sender. The key is the `messageId`, which nothing signs.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{self, Flag, Text};
use super::jws::{self, Token};
use super::keys::{self, Algorithm};
use super::plain::Plain;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, PublicKeys, Received, Rejection, SettingError, canonical,
    days, signature,
};
use crate::{Delivery, Fingerprint, Key, Policy, Verified};

/// Google's public keys, as a set of JSON Web Keys.
const KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
/// The allowed clock skew, as in Google's own libraries.
const SKEW: u64 = 300;
/// The longest life of a token, as in Google's own libraries. Pub/Sub's live for one hour.
const MAX_LIFE: u64 = 86_400;

/// Push subscriptions of Google Cloud Pub/Sub with authentication.
///
/// **The token does not cover the body.** It proves that Google made it for your service account and for your audience. A client
/// that sees one can send any message with it until it expires, about an hour later. So accept pushes over TLS only, and do not
/// log their headers.
///
/// The key is `message.messageId` within the subscription, and the message is the fingerprint: the same id with another message
/// is a mismatch. `deliveryAttempt` does not count.
///
/// Both the audience and the service account are required. Anyone who uses Google Cloud can get a token for your audience, but
/// not of your service account.
///
/// See [its page](crate::docs::providers::senders::google_pubsub), with a whole route.
///
/// ```
/// # use idempotency_core::provider::PublicKeys;
/// use idempotency_core::provider::GooglePubSub;
/// # fn of(keys: PublicKeys) -> Result<GooglePubSub, idempotency_core::provider::SettingError> {
/// GooglePubSub::new("https://example.com/push", "pusher@my-project.iam.gserviceaccount.com", keys)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct GooglePubSub {
    audience: Box<str>,
    service_account: Box<str>,
    keys: PublicKeys,
}

impl GooglePubSub {
    /// What is known about Google Cloud Pub/Sub.
    pub const FACTS: Facts = Facts {
        title: "Google Cloud Pub/Sub (push)",
        source: "https://github.com/googleapis/google-auth-library-nodejs",
        certainty: Certainty::Confirmed,
        retries_4xx: Fact::confirmed(true),
        retry_repeats_key: Fact::confirmed(true),
        answers: "The statuses 102, 200, 201, 202 and 204 acknowledge a message (not confirmed). After any other, and after a timeout, it sends the message again until the subscription drops it (confirmed). With a dead-letter topic, it stops after 5 to 100 attempts (confirmed). A retry policy adds growing delays (confirmed).",
        setup: "Switch authentication on for the push subscription, with a service account. Leave payload unwrapping off. The first argument of `new` is the audience: the push endpoint's URL, unless the subscription sets another. The second is the service account's email address. Instead of a secret, `new` takes the keys that Google publishes, through a cache.",
        note: "It waits for an answer until the subscription's acknowledgement deadline, 10 s by default and at most 600 s (confirmed). To redeliver by hand, seek the subscription: it then sends acknowledged messages again. A message keeps the id that it got when it was published, so the key should be the same (not confirmed). The record is kept for 14 days, since a subscription keeps a message for 7 days by default (confirmed).",
        ..Facts::UNKNOWN
    };

    /// Verifies tokens for this audience, which is the push endpoint's URL unless the subscription sets another one, and of
    /// this service account, by its email address.
    ///
    /// # Errors
    /// [`SettingError::Blank`] if one of them is blank, because it would then not be checked.
    pub fn new(
        audience: impl AsRef<str>,
        service_account: impl AsRef<str>,
        keys: impl Into<PublicKeys>,
    ) -> Result<Self, SettingError> {
        let [audience, service_account] = [audience.as_ref().trim(), service_account.as_ref().trim()];
        if audience.is_empty() || service_account.is_empty() {
            return Err(SettingError::Blank);
        }
        Ok(Self { audience: audience.into(), service_account: service_account.into(), keys: keys.into() })
    }

    fn check(&self, claims: &Claims<'_>, now: u64) -> Result<(), Rejection> {
        if !ISSUERS.iter().any(|issuer| claims.iss.as_deref() == Some(issuer)) {
            return Err(Rejection::unauthenticated("the token is not google's"));
        }
        jws::check_text(claims.aud.as_deref(), &self.audience, "the token is for another audience")?;
        jws::check_text(
            claims.email.as_deref(),
            &self.service_account,
            "the token is of another service account",
        )?;
        if claims.email_verified != Flag(Some(true)) {
            return Err(Rejection::unauthenticated("the token's service account is not verified"));
        }
        let (Some(from), Some(to)) = (claims.iat, claims.exp) else {
            return Err(Rejection::unauthenticated("the token has no time"));
        };
        let is_fresh = from.saturating_sub(SKEW) <= now && now <= to.saturating_add(SKEW);
        match is_fresh && to <= now.saturating_add(MAX_LIFE) {
            true => Ok(()),
            false => Err(Rejection::unauthenticated("the token is outside its time")),
        }
    }
}

#[async_trait]
impl Provider for GooglePubSub {
    fn name(&self) -> &str {
        "google-pubsub"
    }

    /// Retention is 14 days: a subscription keeps a message for 7 days by default, and pushes it until it is acknowledged.
    fn policy(&self) -> Policy {
        // A message has up to 10 MB, and is sent in base64.
        Policy::webhook().with_retention(days(14)).with_body_limit(16 * 1024 * 1024)
    }

    fn challenge(&self) -> String {
        format!("Bearer realm=\"{}\"", self.name())
    }

    /// The longest life of a token, and the clock skew.
    fn signature_window(&self) -> Duration {
        Duration::from_secs(MAX_LIFE + SKEW)
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        keys::refuse_tenant(incoming)?;
        let header = signature::header(incoming, "authorization")?;
        // RFC 9110, section 11.1: the name of a scheme has no case.
        let token = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) =
            token.ok_or(Rejection::unauthenticated("the authorization is not a bearer token"))?;
        let token = Token::parse(token, "RS256")?;
        let id = token.key_id()?.to_owned();
        let found = self.keys.find(KEYS, Some(&id)).await?;
        let claims = token.signed_by(Algorithm::RsaSha256, found.with_id(Some(&id)))?;
        self.check(&claims.read()?, incoming.now.as_secs())?;
        Ok(Received::Delivery(delivery(incoming)?))
    }
}

fn delivery(incoming: &Incoming<'_>) -> Result<Delivery, Rejection> {
    let malformed = || Rejection::malformed("the body is not a pushed message");
    let proof = Verified::by_other_means(incoming.body);
    let push: Push<'_> = json::fields(proof.bytes()).ok_or_else(malformed)?;
    let message = push.message.ok_or_else(malformed)?.get().as_bytes();
    let ids: Message<'_> = json::fields(message).ok_or_else(malformed)?;
    let id = ids.message_id.text().ok_or(Rejection::key_missing("the message has no id"))?;
    // The order of a message's fields may differ between attempts.
    let fingerprint = canonical::digest(message, &[]);
    let fingerprint = fingerprint.map_or_else(|| Fingerprint::of(message), |digest| Fingerprint::of(&digest));
    let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?).with_fingerprint(fingerprint);
    Ok(match push.subscription.text() {
        Some(subscription) => delivery.narrowed_by_unsigned(subscription),
        None => delivery,
    })
}

#[derive(Deserialize)]
struct Claims<'a> {
    #[serde(borrow, default)]
    iss: Option<Text<'a>>,
    #[serde(borrow, default)]
    aud: Option<Text<'a>>,
    #[serde(borrow, default)]
    email: Option<Text<'a>>,
    #[serde(default)]
    email_verified: Flag,
    iat: Option<u64>,
    exp: Option<u64>,
}

#[derive(Deserialize)]
struct Push<'a> {
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    subscription: Plain<'a>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default, rename = "messageId")]
    message_id: Plain<'a>,
}
