//! Acme, an invented sender. The relevant part of its documentation:
//!
//! > Each event is a JSON object with an `id`, which a retry keeps. `acme-signature` is the HMAC-SHA256 of
//! > `acme-timestamp` (seconds since 1970), a dot and the body, in hexadecimal. We wait 4 seconds for a 2xx and retry
//! > for 2 days.

use std::time::Duration;

use async_trait::async_trait;
use idempotency_tower::core::provider::{
    Incoming, Provider, Received, Rejection, Secret, SecretError, Secrets, signature,
};
use idempotency_tower::core::{Attributes, Delivery, Key, Policy};

/// Knows how Acme signs, where its key is, and how it retries.
///
/// If nothing has to be awaited, `provider::from_fn` makes a provider from a closure.
#[derive(Clone, Debug)]
pub(crate) struct Acme {
    secrets: Secrets,
}

#[derive(serde::Deserialize)]
struct Event<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    event_type: &'a str,
}

impl Acme {
    pub(crate) fn new(secret: &str) -> Result<Self, SecretError> {
        Ok(Self { secrets: Secrets::one(Secret::new(secret)?) })
    }
}

#[async_trait]
impl Provider for Acme {
    fn name(&self) -> &str {
        "acme"
    }

    /// A record must outlive every retry, and a duplicate must be answered before Acme stops waiting.
    fn policy(&self) -> Policy {
        let day = Duration::from_secs(24 * 60 * 60);
        Policy::webhook().with_retention(4 * day).with_wait(Duration::from_secs(2))
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let timestamp = signature::header(incoming, "acme-timestamp")?;
        let candidate = signature::hex::<32>(signature::header(incoming, "acme-signature")?);
        signature::fresh(timestamp, incoming.now, signature::DEFAULT_TOLERANCE)?;
        let secrets = self.secrets.for_request(incoming).await?;
        let head = [timestamp.as_bytes(), b"."];
        let proof = signature::hmac_sha256(&secrets, &head, incoming.body, candidate)?;
        // Read the body only now: these are the bytes that Acme signed.
        let event: Event<'_> = serde_json::from_slice(proof.bytes())
            .map_err(|_| Rejection::malformed("the body is not an acme event"))?;
        let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new(event.id)?)
            .with_attribute(Attributes::EVENT_TYPE, event.event_type);
        Ok(Received::Delivery(delivery))
    }
}
