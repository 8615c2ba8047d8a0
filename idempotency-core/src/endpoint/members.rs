//! The endpoints of a registry: one for each of its providers, under the provider's own settings.

use crate::provider::{Member, Providers};
use crate::{Idempotency, Scope};

use super::Endpoint;

/// The endpoints of a registry's providers.
#[derive(Clone, Debug)]
pub(super) struct Members {
    registry: Providers,
    /// In the registry's order.
    endpoints: Vec<Endpoint>,
}

impl Members {
    pub(super) fn new(engine: &Idempotency, registry: &Providers) -> Self {
        let endpoint = |member: &std::sync::Arc<Member>| {
            let scope = member.default_scope();
            Endpoint::on_engine(engine, member.clone()).with_default_scope(scope)
        };
        Self { registry: registry.clone(), endpoints: registry.members().iter().map(endpoint).collect() }
    }

    /// The endpoint that serves a path.
    pub(super) fn serving(&self, path: &str) -> Option<&Endpoint> {
        self.registry.position(path).map(|position| &self.endpoints[position])
    }

    /// The scope of requests that no provider serves.
    pub(super) fn default_scope(&self) -> Scope {
        self.registry.default_scope()
    }

    /// Changes each endpoint, given its provider's name.
    pub(super) fn change(&mut self, change: impl Fn(Endpoint, &str) -> Endpoint) {
        for (endpoint, name) in self.endpoints.iter_mut().zip(self.registry.names()) {
            *endpoint = change(endpoint.clone(), name);
        }
    }
}
