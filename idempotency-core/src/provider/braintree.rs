//! Braintree: a signed payload in a form. The key is the payload's SHA-256.

use std::fmt;

use async_trait::async_trait;
use data_encoding::{BASE64, HEXLOWER};
use http::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, StatusCode};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::{
    Certainty, Fact, Facts, Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days,
    form, hours, seconds, signature,
};
use crate::{Attributes, Delivery, Key, Policy, RecordedResponse, Verified};

/// Braintree's webhooks.
///
/// The secret is the public and the private key of the gateway with a `|` between them. Braintree sends no id, so the key is the
/// SHA-256 of `bt_payload`, which has the kind, the time and the subject of the notification. The type is its kind.
///
/// The provider answers the `bt_challenge`. Braintree signs challenges as it signs payloads. So only a challenge in its form, 20
/// to 32 lower-case hexadecimal digits, is signed, and no such text is a payload.
///
/// See [its page](crate::docs::providers::senders::braintree), with a whole route.
///
/// ```
/// use idempotency_core::provider::Braintree;
/// let braintree = Braintree::new("public_key|private_key")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Braintree {
    secrets: Secrets,
}

impl Braintree {
    /// What is known about Braintree.
    pub const FACTS: Facts = Facts {
        title: "Braintree",
        source: "https://github.com/braintree/braintree_node",
        certainty: Certainty::Confirmed,
        retry_horizon: Some(Fact { value: hours(24), certainty: Certainty::Unconfirmed }),
        patience: Some(Fact { value: seconds(30), certainty: Certainty::Unconfirmed }),
        setup: "The secret is `public_key|private_key`, the two keys of the gateway.",
        note: "It sends forms with XML in base64.",
        ..Facts::UNKNOWN
    };

    /// Verifies with the gateway's keys: `public_key|private_key`.
    ///
    /// # Errors
    /// When it is blank, or one of the keys is missing.
    pub fn new(keys: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Self::from_secrets(Secrets::one(Secret::new(keys)?))
    }

    /// Verifies with any of several pairs of keys, or with those of a source. A malformed pair of a source is left out.
    ///
    /// # Errors
    /// When one of the keys is missing in a pair that is not from the source.
    pub fn from_secrets(secrets: Secrets) -> Result<Self, SecretError> {
        for secret in secrets.fixed() {
            Keys::of(secret)?;
        }
        Ok(Self { secrets })
    }

    /// Adds a pair of keys: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is blank, or one of the keys is missing.
    pub fn with_secret(self, keys: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Self::from_secrets(self.secrets.with_secret(Secret::new(keys)?))
    }
}

#[async_trait]
impl Provider for Braintree {
    fn name(&self) -> &str {
        "braintree"
    }

    /// Retention is 7 days: Braintree is said to retry for a day. A duplicate waits 5 s.
    fn policy(&self) -> Policy {
        Self::FACTS.policy(days(7))
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, Keys::of).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let (keys, _) = self.secrets.usable(incoming, |secret| Keys::of(secret).map(Some)).await?;
        if incoming.method == Method::GET {
            let query = incoming.uri.query().unwrap_or_default();
            let challenge = form::single(query.as_bytes(), "bt_challenge").filter(|text| is_challenge(text));
            let (challenge, keys) = challenge
                .zip(keys.first())
                .ok_or(Rejection::unauthenticated("the query has no challenge in braintree's form"))?;
            return Ok(Received::Handshake(keys.answer(&challenge)));
        }
        let field = |name| form::single(incoming.body, name).filter(|text| !text.is_empty());
        let (signatures, payload) = field("bt_signature")
            .zip(field("bt_payload"))
            .ok_or(Rejection::unauthenticated("the form has no signature, or no payload"))?;
        let proof = keys.iter().find_map(|keys| keys.verify(incoming, &signatures, &payload));
        let proof = proof.ok_or(Rejection::unauthenticated("no signature matches"))?;
        // A web framework may have removed the newline at the end.
        let payload = payload.trim_end_matches('\n');
        if is_challenge(payload) {
            return Err(Rejection::malformed("the payload is a challenge, which is signed for any client"));
        }
        let key = HEXLOWER.encode(&Sha256::digest(payload));
        let kind = kind(payload).ok_or(Rejection::malformed("the payload is not xml in base64"))?;
        Ok(Received::Delivery(
            Delivery::new(&proof, incoming.scope.clone(), Key::new(&key)?)
                .with_optional_attribute(Attributes::EVENT_TYPE, kind),
        ))
    }
}

/// As Braintree's own libraries check it.
fn is_challenge(text: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (20..=32).contains(&text.len()) && text.bytes().all(is_digit)
}

/// The kind of notification, if the XML names exactly one. `None` if the payload is not text in base64.
#[expect(clippy::option_option, reason = "a payload without a kind is not a malformed one")]
fn kind(payload: &str) -> Option<Option<String>> {
    let base64: Vec<u8> = payload.bytes().filter(|byte| *byte != b'\n').collect();
    let xml = String::from_utf8(BASE64.decode(&base64).ok()?).ok()?;
    let mut kinds = xml.split("<kind>").skip(1).filter_map(|rest| rest.split_once("</kind>"));
    Some(match (kinds.next(), kinds.next()) {
        (Some((kind, _)), None) if !kind.is_empty() => Some(kind.to_owned()),
        _ => None,
    })
}

/// The keys of a gateway.
struct Keys {
    public: String,
    /// The SHA-1 of the private key, which is the key of the HMAC.
    private: Secret,
}

/// Shows no key.
impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    fn of(secret: &Secret) -> Result<Self, SecretError> {
        let malformed = || SecretError::Malformed("of the form `public_key|private_key`");
        let text = std::str::from_utf8(secret.expose()).map_err(|_| malformed())?;
        let (public, private) = text.split_once('|').ok_or_else(malformed)?;
        if public.trim().is_empty() || private.trim().is_empty() {
            return Err(malformed());
        }
        Ok(Self { public: public.to_owned(), private: Secret::raw(Sha1::digest(private))? })
    }

    /// The proof, if a signature under the public key is one of the payload, with or without its last newline.
    fn verify<'a>(&self, incoming: &Incoming<'a>, signatures: &str, payload: &str) -> Option<Verified<'a>> {
        let pairs = signatures.split('&').filter_map(|pair| pair.split_once('|'));
        let ours = pairs.filter(|(public, _)| *public == self.public);
        let candidates: Vec<_> = ours.filter_map(|(_, signature)| signature::hex::<20>(signature)).collect();
        let secrets = std::slice::from_ref(&self.private);
        [&b""[..], b"\n"].into_iter().find_map(|end| {
            signature::hmac_sha1_over(secrets, &[payload.as_bytes(), end], &candidates, incoming.body).ok()
        })
    }

    fn answer(&self, challenge: &str) -> RecordedResponse {
        let mac = HEXLOWER.encode(&signature::mac_sha1(&self.private, challenge.as_bytes()));
        RecordedResponse::new(StatusCode::OK, format!("{}|{mac}", self.public))
            .with_header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .with_header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }
}
