//! A provider of a registry, under the name by which paths name it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method};

use super::pattern::{PathMatch, PathPattern};
use crate::clock::system_unix_time;
use crate::path::normalized;
use crate::provider::{Incoming, Methods, Provider, Received, Rejection};
use crate::{Delivery, Policy, Scope};

/// A provider of a registry, under the name by which paths name it. It narrows the scope to the tenant.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(super) name: Arc<str>,
    pub(super) pattern: PathPattern,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) policy: Policy,
}

impl Member {
    /// Whether this provider serves a path.
    pub(super) fn serves(&self, path: &PathMatch<'_>) -> bool {
        path.provider.is_none_or(|name| *name == *self.name)
    }

    /// Checks the secrets for requests that name no tenant.
    pub(super) async fn check_secrets(&self) -> Result<(), Rejection> {
        // As a request has it. A path that is not a URI could not be requested either.
        let uri = normalized(&self.pattern.of_provider(&self.name)).parse().unwrap_or_default();
        let (headers, body, scope) = (HeaderMap::new(), Bytes::new(), self.default_scope());
        let now = system_unix_time();
        self.check_secrets_for(&Incoming::new(&Method::POST, &uri, &headers, &body, now, &scope)).await
    }

    /// The scope of this provider's paths, before it is narrowed to a tenant. Without tenants, it is that of a route of its own.
    pub(crate) fn default_scope(&self) -> Scope {
        Scope::endpoint(format!("{} {}", self.name, self.pattern.of_provider(&self.name)))
    }
}

#[async_trait]
impl Provider for Member {
    fn name(&self) -> &str {
        &self.name
    }

    fn policy(&self) -> Policy {
        self.policy.clone()
    }

    fn methods(&self) -> Methods {
        self.provider.methods()
    }

    fn challenge(&self) -> String {
        self.provider.challenge()
    }

    fn signature_window(&self) -> Duration {
        self.provider.signature_window()
    }

    fn needs_body(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.provider.needs_body(method, headers)
    }

    async fn check_secrets_for(&self, incoming: &Incoming<'_>) -> Result<(), Rejection> {
        let incoming = Incoming { provider: Some(&self.name), ..incoming.clone() };
        self.provider.check_secrets_for(&incoming).await
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let path = normalized(incoming.uri.path());
        let path = self.pattern.matches(&path).filter(|path| self.serves(path));
        let path = path.ok_or(Rejection::not_found("the path is not one of this provider's"))?;
        let tenant = path.tenant.as_deref();
        let mut scope = incoming.scope.clone();
        if let Some(tenant) = tenant {
            scope = scope.with_path_tenant(tenant);
        }
        let narrowed = Incoming { scope: &scope, provider: Some(&self.name), tenant, ..incoming.clone() };
        let received = self.provider.receive(&narrowed).await?;
        let Some(tenant) = tenant else { return Ok(received) };
        let named = |delivery: Delivery| delivery.of_tenant(tenant);
        Ok(match received {
            Received::Delivery(delivery) => Received::Delivery(named(delivery)),
            Received::Batch(deliveries) => Received::Batch(deliveries.into_iter().map(named).collect()),
            other @ (Received::Handshake(_) | Received::Bypass) => other,
        })
    }
}
