//! Standard Webhooks and Svix: `webhook-signature` covers the id, the timestamp and the body.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::Encoding;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

use super::json::{self, Object, Scalar};
use super::snapshots::{OrderError, Position, Snapshots};
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Policy, Verified};

/// Senders that follow the Standard Webhooks specification and sign with a shared secret (`v1`) or a private key (`v1a`).
///
/// The key is `webhook-id`, which the signature covers and retries keep.
///
/// ```
/// use idempotency_core::provider::StandardWebhooks;
/// let sender = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
///     .discarding_stale(["user.created", "user.updated", "user.deleted"])?;
/// let by_public_key = StandardWebhooks::new("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")?;
/// let not_base64 = StandardWebhooks::from_raw_secret("a secret that is not base64")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct StandardWebhooks {
    secrets: Secrets,
    names: &'static [HeaderNames],
    tolerance: Duration,
    snapshots: Snapshots,
}

impl StandardWebhooks {
    /// Verifies with a shared secret (base64, with or without the prefix `whsec_`) or a public key (base64 with the prefix
    /// `whpk_`).
    ///
    /// # Errors
    /// When it is neither, or blank.
    pub fn new(secret: impl AsRef<str>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(parsed_secret(secret.as_ref())?)))
    }

    /// Verifies with a shared secret of exactly these bytes, for senders whose secrets are not base64.
    ///
    /// # Errors
    /// When it is blank.
    pub fn from_raw_secret(secret: impl AsRef<[u8]>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(Secret::raw(secret)?)))
    }

    /// Verifies webhooks sent through Svix, as by Clerk and Resend. Short for [`new`](Self::new) and
    /// [`with_svix_names`](Self::with_svix_names).
    ///
    /// # Errors
    /// When it is neither a shared secret nor a public key, or blank.
    pub fn svix(secret: impl AsRef<str>) -> Result<Self, SecretError> {
        Ok(Self::new(secret)?.with_svix_names())
    }

    /// Verifies with any of several secrets and public keys, or with those of a source. Each is text in the form of
    /// [`StandardWebhooks::new`] or a [raw](Secret::raw) shared secret.
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        let tolerance = signature::DEFAULT_TOLERANCE;
        Self { secrets, names: &[HeaderNames::STANDARD], tolerance, snapshots: Snapshots::default() }
    }

    /// Adds a secret or public key: during a rotation, the other one. Default: none.
    ///
    /// # Errors
    /// When it is neither, or blank.
    pub fn with_secret(mut self, secret: impl AsRef<str>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(parsed_secret(secret.as_ref())?);
        Ok(self)
    }

    /// Reads Svix's headers `svix-id`, `svix-timestamp` and `svix-signature`, and if they are absent the specification's.
    /// Default: only the specification's headers.
    #[must_use]
    pub fn with_svix_names(mut self) -> Self {
        self.names = &[HeaderNames::SVIX, HeaderNames::STANDARD];
        self
    }

    /// Sets the tolerance: the allowed clock skew of the signed timestamp, in either direction. Default: 300 s, as in the
    /// specification's libraries.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of one of these types if a newer event of these types about the same object was processed.
    ///
    /// The object is identified by `data.id` and by its kind, which is the event's type up to the last dot. Events are
    /// compared by the first of `timestamp`, `created_at` and `data.updated_at` in the body. An event without these fields
    /// runs and is observed as unordered.
    ///
    /// Each call adds a group, and types of different groups are never compared. Default: none. Right for snapshots such as
    /// `user.updated`, wrong for facts such as a payment.
    ///
    /// # Errors
    /// When a type is empty, a pattern, or in an earlier group.
    pub fn discarding_stale(
        mut self,
        types: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<Self, OrderError> {
        self.snapshots = self.snapshots.and(types, |_| Ok(()))?;
        Ok(self)
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        id: &str,
    ) -> Result<Delivery, Rejection> {
        let delivery = Delivery::new(proof, incoming.scope.clone(), Key::new(id)?);
        // The specification recommends this form of body but does not require it.
        let Some(event) = json::fields::<Event<'_>>(proof.bytes()) else { return Ok(delivery) };
        let Some(event_type) = event.event_type.text() else { return Ok(delivery) };
        let position = || event.position(event_type);
        let delivery =
            self.snapshots.order(delivery, event_type, || incoming.scope.clone(), incoming.now, position);
        Ok(delivery.with_attribute(Attributes::EVENT_TYPE, event_type))
    }
}

#[async_trait]
impl Provider for StandardWebhooks {
    fn name(&self) -> &str {
        "standard-webhooks"
    }

    /// Retention is 7 days: the specification recommends retries over several days, after any answer but a 2xx. A
    /// duplicate waits 5 s, since senders wait 15 to 30 s for an answer.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(7)).with_wait(Duration::from_secs(5))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.secrets.check(incoming, Verifier::parse).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let names = self.names.iter().find(|names| incoming.headers.contains_key(names.signature));
        let names = names.ok_or_else(|| Rejection::missing_header(self.names[0].signature))?;
        let header = signature::header(incoming, names.signature)?;
        let id = signature::header(incoming, names.id)?;
        let timestamp = signature::header(incoming, names.timestamp)?;
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let (verifiers, malformed) =
            self.secrets.usable(incoming, |secret| Verifier::parse(secret).map(Some)).await?;
        let proof = verify(verifiers, [id, timestamp], incoming.body, header);
        let proof = proof.map_err(|rejection| rejection.about_secret(malformed))?;
        // The signed parts are joined with dots, so an id with a dot could include the timestamp.
        if id.contains('.') {
            return Err(Rejection::malformed("the id contains a dot"));
        }
        Ok(Received::Delivery(self.delivery(incoming, &proof, id)?))
    }
}

/// A set of header names. Sets are never mixed, so an added header of the other set changes nothing.
#[derive(Debug)]
struct HeaderNames {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

impl HeaderNames {
    const STANDARD: Self =
        Self { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };
    const SVIX: Self = Self { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };
}

/// The most `v1a` signatures that are tried. Each costs a digest of the whole body, and the header is not authenticated.
const MAX_PUBLIC_KEY_SIGNATURES: usize = 8;

/// Tries every shared secret with every `v1` signature, and every public key with the first `v1a` signatures. A signature is
/// only tried under its own label.
fn verify<'a>(
    verifiers: Vec<Verifier>,
    [id, timestamp]: [&str; 2],
    body: &'a [u8],
    header: &str,
) -> Result<Verified<'a>, Rejection> {
    let (mut shared, mut public) = (Vec::with_capacity(verifiers.len()), Vec::new());
    for verifier in verifiers {
        match verifier {
            Verifier::Shared(secret) => shared.push(secret),
            Verifier::Public(key) => public.push(key),
        }
    }
    let candidates = header.split(' ').filter_map(|item| signature::base64::<32>(item.strip_prefix("v1,")?));
    let head = [id.as_bytes(), b".", timestamp.as_bytes(), b"."];
    let by_secret = signature::hmac_sha256(&shared, &head, body, candidates);
    if public.is_empty() {
        return by_secret;
    }
    let candidates = header.split(' ').filter_map(|item| signature::base64::<64>(item.strip_prefix("v1a,")?));
    let candidates = candidates.take(MAX_PUBLIC_KEY_SIGNATURES);
    let message = [head.concat().as_slice(), body].concat();
    let by_key = signature::ed25519(&public, &message, body, candidates);
    by_secret.or(by_key)
}

enum Verifier {
    Shared(Secret),
    Public(VerifyingKey),
}

impl Verifier {
    fn parse(secret: &Secret) -> Result<Self, SecretError> {
        if secret.is_raw() {
            return Ok(Self::Shared(secret.clone()));
        }
        let text = secret.expose();
        if let Some(key) = text.strip_prefix(b"whpk_") {
            let malformed = SecretError::Malformed("an ed25519 public key in base64");
            let key = decoded(key).and_then(|key| key.try_into().ok()).ok_or_else(|| malformed.clone())?;
            return Ok(Self::Public(VerifyingKey::from_bytes(&key).map_err(|_| malformed)?));
        }
        let hint = match text {
            [b'v', b'1', b',', ..] => "bare: remove the `v1,` before it",
            [b'w', b'h', b's', b'k', b'_', ..] => "for verifying: `whsk_` is the sender's private key",
            _ => "base64: if it is not encoded, use `from_raw_secret`",
        };
        let secret = decoded(text.strip_prefix(b"whsec_").unwrap_or(text));
        Ok(Self::Shared(Secret::raw(secret.ok_or(SecretError::Malformed(hint))?)?))
    }
}

/// Decodes a secret leniently: padding and trailing bits are ignored. Some senders' secrets have the wrong padding or
/// trailing bits, and the specification's libraries accept them. Signatures are decoded strictly.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
        let mut base64 = data_encoding::BASE64_NOPAD.specification();
        base64.check_trailing_bits = false;
        base64.encoding().expect("base64 without a check of its trailing bits is an encoding")
    });
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    LENIENT.decode(&text[..text.len() - padding]).ok()
}

/// Keeps the secret as text, after a check that it can be parsed.
fn parsed_secret(text: &str) -> Result<Secret, SecretError> {
    let secret = Secret::new(text)?;
    Verifier::parse(&secret)?;
    Ok(secret)
}

/// Converts a time since 1970 in seconds, or in milliseconds as Clerk sends it, to microseconds. The bound between the two
/// is the year 5138 in seconds and 1973 in milliseconds.
fn micros(number: u64) -> Option<u64> {
    const MIN_MILLIS: u64 = 100_000_000_000;
    number.checked_mul(if number < MIN_MILLIS { 1_000_000 } else { 1_000 })
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    event_type: Scalar<'a>,
    #[serde(borrow, default)]
    timestamp: Scalar<'a>,
    #[serde(borrow, default)]
    created_at: Scalar<'a>,
    #[serde(borrow, default)]
    data: Object<Data<'a>>,
}

#[derive(Deserialize)]
struct Data<'a> {
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    updated_at: Scalar<'a>,
}

impl Event<'_> {
    fn position(&self, event_type: &str) -> Option<Position<'_>> {
        let data = self.data.0.as_ref()?;
        let mut times = [&self.timestamp, &self.created_at, &data.updated_at].into_iter();
        let version = times.find_map(|time| time.date().or_else(|| micros(time.number()?)))?;
        let kind = event_type.rsplit_once('.').map_or(event_type, |(kind, _)| kind);
        let name = data.id.name()?;
        Some(Position { kind: kind.to_owned().into(), name, version, per_second: 1_000_000 })
    }
}
