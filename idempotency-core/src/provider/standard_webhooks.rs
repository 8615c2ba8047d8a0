//! Standard Webhooks, and Svix: `webhook-signature` over id, time and body.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::Encoding;
use ed25519_dalek::VerifyingKey;
use serde::Deserialize;

use super::json::{self, Object, Scalar};
use super::snapshots::Snapshots;
use super::{Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, days, signature};
use crate::{Attributes, Delivery, Key, Order, Policy, Verified, Version};

/// What any sender by the Standard Webhooks specification sends, signed with a shared secret (`v1`) or with a private
/// key (`v1a`).
///
/// The key is `webhook-id`, which the signature covers and retries keep.
///
/// ```
/// use idempotency_core::provider::StandardWebhooks;
/// let sender = StandardWebhooks::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?
///     .discarding_stale(["user.created", "user.updated", "user.deleted"]);
/// let by_public_key = StandardWebhooks::new("whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=")?;
/// # Ok::<(), idempotency_core::provider::SecretError>(())
/// ```
#[derive(Clone, Debug)]
pub struct StandardWebhooks {
    secrets: Secrets,
    names: &'static [Names],
    tolerance: Duration,
    snapshots: Snapshots,
}

impl StandardWebhooks {
    /// Verifies with a shared secret, `whsec_` and base64 or base64 alone, or with a public key, `whpk_` and base64.
    ///
    /// # Errors
    /// When it is neither, or blank.
    pub fn new(secret: impl AsRef<str>) -> Result<Self, SecretError> {
        Ok(Self::from_secrets(Secrets::one(checked(secret.as_ref())?)))
    }

    /// Verifies what Svix sends, directly or for its customers, who include Clerk and Resend: short for
    /// [`new`](Self::new) and [`with_svix_names`](Self::with_svix_names).
    ///
    /// # Errors
    /// When it is neither a secret nor a public key, or blank.
    pub fn svix(secret: impl AsRef<str>) -> Result<Self, SecretError> {
        Ok(Self::new(secret)?.with_svix_names())
    }

    /// Verifies with any of several secrets and public keys, or with those of a source: each as text, as for
    /// [`StandardWebhooks::new`].
    #[must_use]
    pub fn from_secrets(secrets: Secrets) -> Self {
        let tolerance = signature::DEFAULT_TOLERANCE;
        Self { secrets, names: &[Names::STANDARD], tolerance, snapshots: Snapshots::default() }
    }

    /// Accepts another secret or public key as well. Default: none; during a rotation the other one.
    ///
    /// # Errors
    /// When it is neither, or blank.
    pub fn with_secret(mut self, secret: impl AsRef<str>) -> Result<Self, SecretError> {
        self.secrets = self.secrets.with_secret(checked(secret.as_ref())?);
        Ok(self)
    }

    /// Reads Svix's names of the headers: `svix-id`, `svix-timestamp` and `svix-signature`, or the names of the
    /// specification where those are absent. Default: the names of the specification only.
    #[must_use]
    pub fn with_svix_names(mut self) -> Self {
        self.names = &[Names::SVIX, Names::STANDARD];
        self
    }

    /// How far the signed time may be from ours, before or after. Default: 300 s, as in the specification's libraries.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Discards an event of these types when a newer one of these types about the same `data.id` was processed. Older
    /// and newer is by the body's `timestamp`, or where there is none by `created_at` or `data.updated_at`.
    ///
    /// Default: none. It is right for snapshots such as `user.updated`, and wrong for facts such as a payment.
    #[must_use]
    pub fn discarding_stale(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.snapshots = Snapshots::of(types);
        self
    }

    fn delivery(
        &self,
        incoming: &Incoming<'_>,
        proof: &Verified<'_>,
        id: &str,
    ) -> Result<Delivery, Rejection> {
        let mut delivery = Delivery::new(proof, incoming.scope.clone(), Key::new(id)?);
        // The specification recommends this shape of body and does not require it.
        let Some(event) = json::fields::<Event<'_>>(proof.bytes()) else { return Ok(delivery) };
        let Some(event_type) = event.event_type.text() else { return Ok(delivery) };
        if self.snapshots.include(event_type)
            && let Some((resource, version)) = event.order()
        {
            delivery = delivery
                .with_order(Order::new(crate::Resource::new(incoming.scope, "data", resource), version));
        }
        Ok(delivery.with_attribute(Attributes::EVENT_TYPE, event_type))
    }
}

#[async_trait]
impl Provider for StandardWebhooks {
    fn name(&self) -> &str {
        "standard-webhooks"
    }

    /// 7 days: the specification recommends retries over several days, after anything but a 2xx. Senders wait 15 to
    /// 30 s for an answer, so a duplicate waits 5 s.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(7)).with_wait(Duration::from_secs(5))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let names = self.names.iter().find(|names| incoming.headers.contains_key(names.signature));
        let names = names.ok_or(Rejection::unauthenticated("the signature header is missing"))?;
        let header = signature::header(incoming, names.signature)?;
        let id = signature::header(incoming, names.id)?;
        let timestamp = signature::header(incoming, names.timestamp)?;
        signature::fresh(timestamp, incoming.now, self.tolerance)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let proof = verify(&secrets, [id, timestamp], incoming.body, header)?;
        // The parts are signed with dots between them: an id with a dot could be one that swallowed its neighbour.
        if id.contains('.') {
            return Err(Rejection::malformed("the id has a dot"));
        }
        Ok(Received::Delivery(self.delivery(incoming, &proof, id)?))
    }
}

/// The names of the headers. One set is used as a whole, so that an added header of the other set changes nothing.
#[derive(Debug)]
struct Names {
    id: &'static str,
    timestamp: &'static str,
    signature: &'static str,
}

impl Names {
    const STANDARD: Self =
        Self { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" };
    const SVIX: Self = Self { id: "svix-id", timestamp: "svix-timestamp", signature: "svix-signature" };
}

/// How many `v1a` signatures are tried: each costs a digest of the whole body, and nobody has authenticated the header.
const MOST_PUBLIC_SIGNATURES: usize = 8;

/// Tries every secret with every `v1` signature, and every public key with the first `v1a` signatures; a signature is never
/// tried under another label than its own.
fn verify<'a>(
    secrets: &[Secret],
    [id, timestamp]: [&str; 2],
    body: &'a [u8],
    header: &str,
) -> Result<Verified<'a>, Rejection> {
    let mut shared = Vec::with_capacity(secrets.len());
    let mut public = Vec::new();
    for secret in secrets {
        let parsed = Verifier::parse(secret.expose())
            .map_err(|error| Rejection::unavailable("a secret is malformed").with_source(error));
        match parsed? {
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
    let candidates = candidates.take(MOST_PUBLIC_SIGNATURES);
    let by_key = signature::ed25519(&public, &head, body, candidates);
    by_secret.or(by_key)
}

enum Verifier {
    Shared(Secret),
    Public(VerifyingKey),
}

impl Verifier {
    fn parse(text: &[u8]) -> Result<Self, SecretError> {
        if let Some(key) = text.strip_prefix(b"whpk_") {
            let malformed = SecretError::Malformed("an ed25519 public key in base64");
            let key = decoded(key).and_then(|key| key.try_into().ok()).ok_or_else(|| malformed.clone())?;
            return Ok(Self::Public(VerifyingKey::from_bytes(&key).map_err(|_| malformed)?));
        }
        let secret = decoded(text.strip_prefix(b"whsec_").unwrap_or(text));
        Ok(Self::Shared(Secret::new(secret.ok_or(SecretError::Malformed("base64"))?)?))
    }
}

/// A secret's bytes. Its padding does not count, nor do bits that are left over: senders give out secrets that have too
/// much of the one or the other, and the specification's libraries take them. Signatures are read strictly.
pub(crate) fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    static LENIENT: LazyLock<Encoding> = LazyLock::new(|| {
        let mut base64 = data_encoding::BASE64_NOPAD.specification();
        base64.check_trailing_bits = false;
        base64.encoding().expect("base64 is an encoding, whichever bits are checked")
    });
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    LENIENT.decode(&text[..text.len() - padding]).ok()
}

/// The secret as text, once it is known to be a good one.
fn checked(text: &str) -> Result<Secret, SecretError> {
    Verifier::parse(text.trim().as_bytes())?;
    Secret::new(text.trim())
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
    fn order(&self) -> Option<(std::borrow::Cow<'_, str>, Version)> {
        let data = self.data.0.as_ref()?;
        let mut times = [&self.timestamp, &self.created_at, &data.updated_at].into_iter();
        // A date, or milliseconds, as Clerk writes them; both in microseconds.
        let version = times.find_map(|time| time.date().or_else(|| time.number()?.checked_mul(1_000)))?;
        Some((data.id.name()?, Version::new(version)))
    }
}
