//! Secrets in memory that change while the server runs.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;

use super::{Incoming, Rejection, Secret, SecretSource};

/// Secrets in memory that change while the server runs, by provider and tenant. Clones share them.
///
/// One value serves all providers of an app. A request is verified with the secrets of the provider that receives it, and of the
/// tenant that its path names (see [`Providers`](super::Providers)). Any of them may match. A change holds for every request
/// that is verified after it.
///
/// ```
/// use idempotency_core::provider::{Providers, RotatingSecrets, Secret, Secrets, Stripe, senders};
///
/// let rotating = RotatingSecrets::new();
/// rotating.replace("stripe", None, [Secret::new("whsec_old")?]);
/// rotating.replace("paddle", None, [Secret::new("pdl_ntfset_...")?]);
///
/// let secrets = Secrets::from_source(rotating.clone());
/// let providers = Providers::new("/webhooks/{provider}")?
///     .with_provider(Stripe::from_secrets(secrets.clone()))?
///     .with_provider(senders::PADDLE.with_secrets(secrets)?)?;
///
/// // To rotate: accept both, change the secret at the sender, and then withdraw the old one.
/// rotating.add("stripe", None, Secret::new("whsec_new")?);
/// assert!(rotating.withdraw("stripe", None, &Secret::new("whsec_old")?));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// | The request is for | The sender gets |
/// |---|---|
/// | a provider that never had a secret here, not even for a tenant | 503, and sends the delivery again later |
/// | a tenant that is unknown, while others of the provider are known | 401, as for a wrong signature |
/// | a provider or a tenant whose secrets are all withdrawn | 401 |
#[derive(Clone, Default)]
pub struct RotatingSecrets(Arc<RwLock<ByProvider>>);

type ByProvider = HashMap<Box<str>, ByTenant>;

#[derive(Default)]
struct ByTenant {
    /// For requests whose path names no tenant.
    own: Arc<[Secret]>,
    tenants: HashMap<Box<str>, Arc<[Secret]>>,
}

impl RotatingSecrets {
    /// No secrets yet. Add them before you serve requests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces all secrets of a provider, or of one of its tenants, at once. With none, every delivery gets a 401.
    ///
    /// `tenant` is the decoded text of the path, or `None` for requests whose path names no tenant. Those secrets are never
    /// tried for a tenant.
    pub fn replace<'t>(
        &self,
        provider: &str,
        tenant: impl Into<Option<&'t str>>,
        secrets: impl IntoIterator<Item = Secret>,
    ) {
        let secrets = secrets.into_iter().collect();
        self.change(provider, tenant.into(), |current| *current = secrets);
    }

    /// Adds a secret, which is tried first. The others stay valid.
    pub fn add<'t>(&self, provider: &str, tenant: impl Into<Option<&'t str>>, secret: Secret) {
        self.change(provider, tenant.into(), |current| {
            let others = current.iter().filter(|other| **other != secret).cloned();
            *current = std::iter::once(secret.clone()).chain(others).collect();
        });
    }

    /// Withdraws a secret: no request that is verified from now on is accepted by it. Returns whether it was valid.
    #[must_use = "`false` means that no such secret was valid, so the one to withdraw may still be"]
    pub fn withdraw<'t>(&self, provider: &str, tenant: impl Into<Option<&'t str>>, secret: &Secret) -> bool {
        let tenant = tenant.into();
        let mut providers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let Some(current) = providers.get_mut(provider).and_then(|secrets| secrets.of_mut(tenant)) else {
            return false;
        };
        let left: Arc<[Secret]> =
            current.iter().filter(|other| other.expose() != secret.expose()).cloned().collect();
        left.len() < std::mem::replace(current, left).len()
    }

    /// Forgets a tenant of a provider and its secrets.
    pub fn remove_tenant(&self, provider: &str, tenant: &str) {
        let mut providers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = providers.get_mut(provider) {
            secrets.tenants.remove(tenant);
        }
    }

    fn change(&self, provider: &str, tenant: Option<&str>, change: impl FnOnce(&mut Arc<[Secret]>)) {
        let mut providers = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let secrets = providers.entry(provider.into()).or_default();
        change(match tenant {
            None => &mut secrets.own,
            Some(tenant) => secrets.tenants.entry(tenant.into()).or_default(),
        });
    }
}

impl ByTenant {
    fn of(&self, tenant: Option<&str>) -> Option<&Arc<[Secret]>> {
        tenant.map_or(Some(&self.own), |tenant| self.tenants.get(tenant))
    }

    fn of_mut(&mut self, tenant: Option<&str>) -> Option<&mut Arc<[Secret]>> {
        match tenant {
            None => Some(&mut self.own),
            Some(tenant) => self.tenants.get_mut(tenant),
        }
    }
}

#[async_trait]
impl SecretSource for RotatingSecrets {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let provider = incoming.provider.ok_or(Rejection::unavailable("the request names no provider"))?;
        // Held for the look-up only, never over an await.
        let providers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let secrets = providers.get(provider);
        // Not a 401, after which many senders give a delivery up: the secrets may not be loaded yet.
        let secrets = secrets.ok_or(Rejection::unavailable("the provider has no secrets yet"))?;
        let secrets = secrets.of(incoming.tenant);
        secrets.cloned().ok_or(Rejection::unauthenticated("the tenant has no secrets"))
    }
}

/// Shows how many there are, and no secret or tenant.
impl fmt::Debug for RotatingSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let providers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let counts = providers.iter().map(|(name, secrets)| (name, secrets.tenants.len()));
        f.debug_struct("RotatingSecrets")
            .field("tenants_of_providers", &counts.collect::<HashMap<_, _>>())
            .finish()
    }
}
