//! The digest of the body as the key, for senders that send no id.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use data_encoding::HEXLOWER;
use http::{HeaderMap, Method};
use sha2::{Digest as _, Sha256};

use super::{Incoming, Methods, Provider, Providers, Received, Rejection};
use crate::{Attributes, Delivery, Key, Policy, Scope, Verified};

type Verify = dyn for<'a> Fn(&Incoming<'a>) -> Result<Verified<'a>, Rejection> + Send + Sync;

/// Uses the SHA-256 of the body as the key.
///
/// **Two events with the same body, byte for byte, count as one**: while the record of the first lives, the second is not
/// processed. If a sender changes the body on a retry (a counter, a timestamp), the retry is processed again.
///
/// Use it if the sender sends no id or does not sign it, and no two events have the same body.
#[derive(Clone)]
pub struct ContentKey(Kind);

#[derive(Clone)]
enum Kind {
    Over(Arc<dyn Provider>),
    /// A registry of providers, each of which has its own `ContentKey`.
    OverEach(Providers),
    Verified {
        name: Arc<str>,
        verify: Arc<Verify>,
    },
}

impl ContentKey {
    /// Verifies as another provider does, and uses the body as the key instead of the sender's id.
    ///
    /// For senders that do not sign the id: a captured request that is sent again under another id is a duplicate while the
    /// record lives. The other provider's scope is kept, because two topics may carry the same body. Its order and the
    /// event's type are kept too; other attributes are not.
    ///
    /// **The signature must cover the whole body.** If it covers a part, as Braintree's does, or nothing of it, as Mailgun's
    /// does, an unsigned change would make a new key, and a captured request would run again. Each delivery of such a provider
    /// is refused as [unavailable](Rejection::unavailable): 503. So is each of a provider of your own, unless it is made with a
    /// [`Verified`] of the whole body from [`signature`](super::signature). For a check of your own, use
    /// [`verified_by`](Self::verified_by).
    ///
    /// **Parts of that scope may be unsigned as well.** GitHub's unsigned hook id is left out of it. Shopify's unsigned shop
    /// and topic headers are not: a captured body that is sent again under another shop or topic counts as new.
    ///
    /// ```
    /// use idempotency_core::provider::{ContentKey, GitHub};
    /// let github = ContentKey::over(GitHub::new("the webhook's secret")?);
    /// # Ok::<(), idempotency_core::provider::SecretError>(())
    /// ```
    ///
    /// Over a [registry](Providers), this is over each of its providers, which keep their own policies and names.
    #[must_use]
    pub fn over(provider: impl Provider) -> Self {
        Self(match provider.as_registry() {
            Some(registry) => {
                Kind::OverEach(registry.clone().map_providers(|provider| Arc::new(Self::over(provider))))
            }
            None => Kind::Over(Arc::new(provider)),
        })
    }

    /// Verifies with your own check.
    ///
    /// ```
    /// use idempotency_core::provider::{ContentKey, Secret, signature};
    /// let secrets = [Secret::new("shared with acme")?];
    /// let acme = ContentKey::verified_by("acme", move |incoming| {
    ///     let header = signature::header(incoming, "x-acme-signature")?;
    ///     signature::hmac_sha256(&secrets, &[], incoming.body, signature::hex::<32>(header))
    /// });
    /// # Ok::<(), idempotency_core::provider::SecretError>(())
    /// ```
    pub fn verified_by<F>(name: impl Into<Arc<str>>, verify: F) -> Self
    where
        F: for<'a> Fn(&Incoming<'a>) -> Result<Verified<'a>, Rejection> + Send + Sync + 'static,
    {
        Self(Kind::Verified { name: name.into(), verify: Arc::new(verify) })
    }

    /// Verifies nothing. **Any client that reaches the endpoint can make it process anything.** Use it only if the sender
    /// is authenticated in front of the endpoint.
    #[must_use]
    pub fn without_authentication(name: impl Into<Arc<str>>) -> Self {
        Self::verified_by(name, |incoming| Ok(Verified::by_other_means(incoming.body)))
    }
}

#[async_trait]
impl Provider for ContentKey {
    fn name(&self) -> &str {
        match &self.0 {
            Kind::Over(provider) => provider.name(),
            Kind::OverEach(registry) => registry.name(),
            Kind::Verified { name, .. } => name,
        }
    }

    fn policy(&self) -> Policy {
        match &self.0 {
            Kind::Over(provider) => provider.policy(),
            Kind::OverEach(registry) => registry.policy(),
            Kind::Verified { .. } => Policy::webhook(),
        }
    }

    fn methods(&self) -> Methods {
        match &self.0 {
            Kind::Over(provider) => provider.methods(),
            Kind::OverEach(registry) => registry.methods(),
            Kind::Verified { .. } => Methods::default(),
        }
    }

    fn challenge(&self) -> String {
        match &self.0 {
            Kind::Over(provider) => provider.challenge(),
            Kind::OverEach(registry) => registry.challenge(),
            Kind::Verified { name, .. } => format!("Webhook-Signature realm=\"{name}\""),
        }
    }

    fn signature_window(&self) -> Duration {
        match &self.0 {
            Kind::Over(provider) => provider.signature_window(),
            Kind::OverEach(registry) => registry.signature_window(),
            Kind::Verified { .. } => Duration::ZERO,
        }
    }

    fn needs_body(&self, _method: &Method, _headers: &HeaderMap) -> bool {
        true
    }

    fn as_registry(&self) -> Option<&Providers> {
        match &self.0 {
            Kind::OverEach(registry) => Some(registry),
            Kind::Over(_) | Kind::Verified { .. } => None,
        }
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        match &self.0 {
            Kind::Over(provider) => provider.check_secrets_for(incoming).await,
            Kind::OverEach(registry) => registry.check_secrets_for(incoming).await,
            Kind::Verified { .. } => Ok(()),
        }
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let provider = match &self.0 {
            Kind::Verified { verify, .. } => {
                return delivery(&verify(incoming)?, incoming.scope).map(Received::Delivery);
            }
            Kind::OverEach(registry) => return registry.receive(incoming).await,
            Kind::Over(provider) => provider,
        };
        let inner = match provider.receive(incoming).await? {
            Received::Delivery(inner) => inner,
            other => return Ok(other),
        };
        if !inner.is_signed_over(incoming.body) {
            return Err(Rejection::unavailable(
                "the sender's signature does not cover the whole body, so a content key over this provider is unsafe",
            ));
        }
        let mut delivery = delivery(&Verified::by_signature(incoming.body), inner.signed_scope())?;
        if let Some(order) = inner.order() {
            delivery = delivery.with_order(order.clone());
        }
        if let Some(reason) = inner.unordered() {
            delivery = delivery.with_unordered(reason);
        }
        let event_type = inner.attributes().event_type();
        Ok(Received::Delivery(delivery.with_optional_attribute(Attributes::EVENT_TYPE, event_type)))
    }
}

fn delivery(proof: &Verified<'_>, scope: &Scope) -> Result<Delivery, Rejection> {
    let key = Key::new(HEXLOWER.encode(&Sha256::digest(proof.bytes())))?;
    Ok(Delivery::new(proof, scope.clone(), key))
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Over(provider) => f.debug_tuple("ContentKey").field(provider).finish(),
            Kind::OverEach(registry) => f.debug_tuple("ContentKey").field(registry).finish(),
            Kind::Verified { name, .. } => {
                f.debug_struct("ContentKey").field("name", name).finish_non_exhaustive()
            }
        }
    }
}
