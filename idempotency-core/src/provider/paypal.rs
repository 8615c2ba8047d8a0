//! PayPal: signed with a certificate. The signature covers only a CRC-32 of the body. The key is the event's `id`.

use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;

use super::json;
use super::keys::{Algorithm, CertificateUrls, PublicKey};
use super::plain::Plain;
use super::{
    Certainty, Fact, Facts, Incoming, Provider, PublicKeys, Received, Rejection, Secret, SecretError,
    Secrets, days, signature,
};
use crate::{Attributes, Delivery, Fingerprint, Key, Policy, Verified};

const CERTIFICATES: CertificateUrls = CertificateUrls {
    is_host: |host| {
        matches!(
            host,
            "api.paypal.com" | "api.sandbox.paypal.com" | "api-m.paypal.com" | "api-m.sandbox.paypal.com"
        )
    },
    is_path: |path| path.starts_with("/v1/notifications/certs/"),
};

/// The longest transmission id. PayPal documents 50 characters.
const MAX_ID: usize = 50;

/// PayPal's webhooks.
///
/// **PayPal signs a CRC-32 of the body, which anyone can match.** A client that sees one genuine request can forge another body,
/// with any event and any amount, under the same signature. So a verified request proves that PayPal sent *something* to this
/// webhook, and TLS must keep others from seeing it. Before money moves, ask PayPal's API for the event by its id, or for the
/// resource.
///
/// `PAYPAL-TRANSMISSION-TIME` is signed, and refused outside the [tolerance](Self::with_tolerance).
///
/// The key is the event's `id`, and the body's digest is the fingerprint: a forged body under the id of another event is a
/// mismatch.
///
/// See [its page](crate::docs::providers::senders::paypal), with a whole route.
///
/// ```
/// # use idempotency_core::provider::PublicKeys;
/// use idempotency_core::provider::PayPal;
/// # fn of(keys: PublicKeys) -> Result<PayPal, idempotency_core::provider::SecretError> {
/// PayPal::new("4JH86294D6297924G", keys)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct PayPal {
    webhook_ids: Secrets,
    keys: PublicKeys,
    tolerance: Duration,
}

impl PayPal {
    /// What is known about PayPal.
    pub const FACTS: Facts = Facts {
        title: "PayPal",
        source: "https://github.com/paypal/PayPal-Python-SDK",
        certainty: Certainty::Confirmed,
        retry_horizon: Fact::confirmed(days(3)),
        retries_4xx: Fact::confirmed(true),
        retry_repeats_key: Fact::confirmed(true),
        setup: "`new` takes the webhook's id, which PayPal's developer dashboard shows. Instead of a secret, it takes the keys that PayPal publishes, through a cache.",
        note: "It retries up to 25 times. An event that you resend by hand may keep its time, so the tolerance is 14 days.",
        ..Facts::UNKNOWN
    };

    /// Verifies requests to the webhook with this id, which PayPal's developer dashboard shows.
    ///
    /// # Errors
    /// When the id is blank or has other characters than letters and digits.
    pub fn new(webhook_id: impl AsRef<str>, keys: impl Into<PublicKeys>) -> Result<Self, SecretError> {
        let id = Secret::new(webhook_id.as_ref())?;
        webhook_id_of(&id)?;
        Ok(Self::from_webhook_ids(Secrets::one(id), keys))
    }

    /// Verifies requests to any of several webhooks, or to those whose ids a source has, such as one for each tenant.
    #[must_use]
    pub fn from_webhook_ids(webhook_ids: Secrets, keys: impl Into<PublicKeys>) -> Self {
        Self { webhook_ids, keys: keys.into(), tolerance: days(14) }
    }

    /// Sets the tolerance: the allowed difference between the signed time of the transmission and now, in either direction.
    /// Default: 14 days. PayPal retries for 3 days, and a retry may keep the time of the first attempt, as an event may that PayPal
    /// resends on your request. Records are kept for 28 days, or for twice the tolerance if
    /// that is longer. To keep them for less time, also set the policy's retention.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }
}

#[async_trait]
impl Provider for PayPal {
    fn name(&self) -> &str {
        "paypal"
    }

    /// Retention is 28 days, twice the default tolerance: PayPal retries up to 25 times in 3 days, after any answer but a 2xx.
    fn policy(&self) -> Policy {
        Policy::webhook().with_retention(days(28))
    }

    fn signature_window(&self) -> Duration {
        self.tolerance
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        self.webhook_ids.check(incoming, webhook_id_of).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let algorithm = signature::header(incoming, "paypal-auth-algo")?;
        if algorithm != "SHA256withRSA" {
            return Err(Rejection::unauthenticated("the request names another algorithm than the sender's"));
        }
        let url = signature::header(incoming, "paypal-cert-url")?;
        CERTIFICATES.check(url)?;
        let id = signature::header(incoming, "paypal-transmission-id")?;
        let time = signature::header(incoming, "paypal-transmission-time")?;
        // The signed parts are joined with `|`.
        if id.len() > MAX_ID || id.contains('|') || time.len() > MAX_ID || time.contains('|') {
            return Err(Rejection::unauthenticated("the transmission's id or time is malformed"));
        }
        let candidate = signature::rsa(signature::header(incoming, "paypal-transmission-sig")?)?;
        let (webhook_ids, malformed) = self.webhook_ids.usable(incoming, webhook_id_of).await?;
        let found = self.keys.find(url, None).await?;
        let keys: Vec<_> = found
            .with_id(None)
            .filter(|key| {
                found.is_fixed
                    || key.certificate().is_some_and(|certificate| {
                        certificate.is_valid_at(incoming.now) && certificate.has_name(is_name)
                    })
            })
            .collect();
        let checksum = crc32fast::hash(incoming.body).to_string();
        let is_signed = |webhook_id: &Secret| {
            let parts = [id.as_bytes(), time.as_bytes(), webhook_id.expose(), checksum.as_bytes()];
            let signed = parts.join(&b'|');
            keys.iter().any(|key: &&PublicKey| key.verifies(Algorithm::RsaSha256, &signed, &candidate))
        };
        if !webhook_ids.iter().any(is_signed) {
            return Err(Rejection::unauthenticated("no signature matches").about_secret(malformed));
        }
        signature::fresh_date(time, incoming.now, self.tolerance)?;
        Ok(Received::Delivery(delivery(incoming)?))
    }
}

fn delivery(incoming: &Incoming<'_>) -> Result<Delivery, Rejection> {
    let proof = Verified::by_other_means(incoming.body);
    let event: Event<'_> =
        json::fields(proof.bytes()).ok_or(Rejection::malformed("the body is not an event"))?;
    let id = event.id.text().ok_or(Rejection::key_missing("the event has no id"))?;
    let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?);
    Ok(delivery
        .with_fingerprint(Fingerprint::of(proof.bytes()))
        .with_optional_attribute(Attributes::EVENT_TYPE, event.event_type.text()))
}

fn webhook_id_of(id: &Secret) -> Result<Option<Secret>, SecretError> {
    match id.expose().iter().all(u8::is_ascii_alphanumeric) {
        true => Ok(Some(id.clone())),
        false => Err(SecretError::Malformed("a webhook id of letters and digits")),
    }
}

fn is_name(name: &str) -> bool {
    matches!(name, "messageverificationcerts.paypal.com" | "messageverificationcerts.sandbox.paypal.com")
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default)]
    id: Plain<'a>,
    #[serde(borrow, default)]
    event_type: Plain<'a>,
}
