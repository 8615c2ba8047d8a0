//! A registry of providers: one route for many senders and tenants.

mod error;
mod member;
mod pattern;
mod secret_check;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::{Incoming, Provider, Received, Rejection};
use crate::{Policy, Scope};

pub use error::ProvidersError;
pub(crate) use member::Member;
use pattern::PathPattern;
pub use secret_check::SecretCheckError;

/// A registry of providers: one route for many senders, and for many tenants.
///
/// It is made for the path of a route, in which `{provider}` is the provider's name and `{tenant}` a tenant:
///
/// ```
/// use idempotency_core::provider::{GitHub, Providers, Stripe, senders};
///
/// const PATH: &str = "/webhooks/{provider}"; // the router's path too
/// let providers = Providers::new(PATH)?
///     .with_provider(Stripe::new("whsec_...")?)?
///     .with_provider(GitHub::new("the webhook's secret")?)?
///     .with_provider(senders::PADDLE.with_secret("pdl_ntfset_...")?)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The layer serves each request as a route with that provider alone would: under its policy, methods, body limit and name.
/// A path that names no provider of the registry gets a 404.
///
/// The page [providers/registry](crate::docs::providers::registry) describes tenants, secrets and paths.
#[derive(Clone, Debug)]
#[must_use]
pub struct Providers {
    pattern: PathPattern,
    members: Vec<Arc<Member>>,
}

impl Providers {
    /// Creates a registry for the paths of a route, such as `/webhooks/{provider}`, `/webhooks/{provider}/{tenant}`, or
    /// `/hooks/{tenant}` for the tenants of a single provider.
    ///
    /// This is the path that the client sends, with the prefix of every router or scope around the route. A slash at its end is
    /// ignored, in a request too. Names are compared in lower case only.
    ///
    /// # Errors
    /// When the path has neither placeholder, has one twice, or has another one.
    pub fn new(path: impl AsRef<str>) -> Result<Self, ProvidersError> {
        Ok(Self { pattern: PathPattern::parse(path.as_ref())?, members: Vec::new() })
    }

    /// Adds a provider under its own name, such as `stripe`. Default: none, so every path gets a 404.
    ///
    /// # Errors
    /// When the name is taken or is no plain segment of a path. When the path does not name the provider and there is one
    /// already.
    pub fn with_provider(self, provider: impl Provider) -> Result<Self, ProvidersError> {
        let name = provider.name().to_owned();
        self.with_named_provider(name, provider)
    }

    /// Adds a provider under another name, such as `stripe-connect` for a second endpoint of a sender.
    ///
    /// The name takes the place of the provider's own in paths, scopes, contexts and observations, and when a
    /// [`SecretSource`](super::SecretSource) is asked.
    ///
    /// # Errors
    /// As for [`with_provider`](Self::with_provider).
    pub fn with_named_provider(
        mut self,
        name: impl Into<Arc<str>>,
        provider: impl Provider,
    ) -> Result<Self, ProvidersError> {
        let name = name.into();
        let stays = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if name.is_empty() || !name.bytes().all(stays) {
            return Err(ProvidersError::Name(String::from(&*name)));
        }
        if self.names().any(|taken| *taken == *name) {
            return Err(ProvidersError::Duplicate(String::from(&*name)));
        }
        if !self.members.is_empty() && !self.pattern.names_provider() {
            return Err(ProvidersError::Unnamed);
        }
        if provider.as_registry().is_some() {
            return Err(ProvidersError::Nested);
        }
        let (pattern, policy) = (self.pattern.clone(), provider.policy());
        self.members.push(Arc::new(Member { name, pattern, provider: Arc::new(provider), policy }));
        Ok(self)
    }

    /// Changes the policy of one provider, such as `|policy| policy.with_lease(minute)`. Default: the provider's own.
    ///
    /// `map_policy` of the layer changes the policies of all of them.
    ///
    /// # Errors
    /// When no provider has this name.
    pub fn map_policy_of(
        mut self,
        name: &str,
        change: impl FnOnce(Policy) -> Policy,
    ) -> Result<Self, ProvidersError> {
        let member = self.members.iter_mut().find(|member| *member.name == *name);
        let member = Arc::make_mut(member.ok_or_else(|| ProvidersError::Unknown(name.to_owned()))?);
        member.policy = change(member.policy.clone());
        Ok(self)
    }

    /// The names under which providers are served, in the order in which they were added.
    #[must_use]
    pub fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.members.iter().map(|member| &*member.name)
    }

    /// Checks at start-up that the secrets of each provider can be looked up, and that each of them has the form of its sender's.
    ///
    /// Without this check, the first delivery reveals a missing secret: it gets a 401 or a 503. The sources of secrets
    /// are asked for one provider after the other, each with a POST request that has the provider's path and name, and neither
    /// headers nor a body. A source that needs more of the request than these may fail. There is no time limit: put a
    /// timeout around this call if a source may hang.
    ///
    /// It is stricter than a delivery: a malformed secret is an error even beside a valid one. If that must not keep
    /// your app from starting, log the error instead of returning it.
    ///
    /// **With `{tenant}` in the path, nothing is checked**: at start-up there is no tenant to ask for. A fixed secret there, which
    /// answers every delivery with a 503, is not found either. Public keys, and what a
    /// provider of your own checks without [`check_secrets_for`](Provider::check_secrets_for), are not checked either.
    ///
    /// ```
    /// # use idempotency_core::provider::{Providers, RotatingSecrets, Secrets, Stripe};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
    /// let secrets = Secrets::from_source(RotatingSecrets::new()); // still empty
    /// let providers = Providers::new("/webhooks/{provider}")?.with_provider(Stripe::from_secrets(secrets))?;
    /// let error = providers.check_secrets().await.unwrap_err();
    /// assert_eq!(error.to_string(), "secrets of providers cannot be used: stripe: the provider has no secrets yet");
    /// # Ok(()) }) }
    /// ```
    ///
    /// # Errors
    /// When secrets of a provider are missing or malformed, or could not be looked up. The error names each such provider.
    ///
    /// # Cancel safety
    /// Safe to drop at any time: it changes nothing.
    pub async fn check_secrets(&self) -> Result<(), SecretCheckError> {
        let mut failures = Vec::new();
        for member in self.members.iter().filter(|_| !self.pattern.names_tenant()) {
            if let Err(rejection) = member.check_secrets().await {
                failures.push((member.name.clone(), rejection));
            }
        }
        SecretCheckError::check(failures)
    }

    /// Replaces each provider, under its name and policy.
    pub(super) fn map_providers(mut self, change: impl Fn(Arc<dyn Provider>) -> Arc<dyn Provider>) -> Self {
        for member in &mut self.members {
            let member = Arc::make_mut(member);
            member.provider = change(member.provider.clone());
        }
        self
    }

    pub(crate) fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// The number of the provider that serves a path.
    pub(crate) fn position(&self, path: &str) -> Option<usize> {
        crate::path::decoded(path)?;
        let path = crate::path::normalized(path);
        let path = self.pattern.matches(&path)?;
        self.members.iter().position(|member| member.serves(&path))
    }

    /// The scope of requests that no provider serves. It has no part of their paths, which any client may choose.
    pub(crate) fn default_scope(&self) -> Scope {
        Scope::endpoint(format!("{} {}", self.name(), self.pattern.as_str()))
    }
}

/// An endpoint serves each provider by itself. These settings are for a caller that sees a single provider, such as a provider
/// around this one. They hold for all requests, so they are the most patient ones, and only POST is accepted.
#[async_trait]
impl Provider for Providers {
    fn name(&self) -> &str {
        "providers"
    }

    fn policy(&self) -> Policy {
        let policies = self.members.iter().map(|member| member.policy());
        policies.fold(Policy::webhook(), |widest, policy| {
            let retention = widest.retention().max(policy.retention());
            let body_limit = widest.body_limit().max(policy.body_limit());
            let wait = widest.wait().min(policy.wait());
            let verification_timeout = widest.verification_timeout().max(policy.verification_timeout());
            let widest = widest.with_retention(retention).with_body_limit(body_limit).with_wait(wait);
            widest.with_verification_timeout(verification_timeout)
        })
    }

    fn signature_window(&self) -> Duration {
        self.members.iter().map(|member| member.signature_window()).max().unwrap_or_default()
    }

    fn as_registry(&self) -> Option<&Providers> {
        Some(self)
    }

    /// Checks all providers, whatever the path.
    async fn check_secrets_for(&self, _incoming: &Incoming<'_>) -> Result<(), Rejection> {
        let checked = self.check_secrets().await;
        checked.map_err(|error| {
            Rejection::unavailable("secrets of the registry cannot be used").with_source(error)
        })
    }

    async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
        let position = self.position(incoming.uri.path());
        let position = position.ok_or(Rejection::not_found("no provider is served at this path"))?;
        let member = &self.members[position];
        let scope = incoming.scope.clone().with_provider(&member.name);
        member.receive(&Incoming { scope: &scope, ..incoming.clone() }).await
    }
}
