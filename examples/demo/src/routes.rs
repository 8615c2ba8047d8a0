//! The routes: a path and a provider each.

use std::error::Error;
use std::sync::Arc;

use idempotency_core::Policy;
use idempotency_core::provider::{
    GitHub, IdempotencyKey, Provider, SecretError, Shopify, Slack, StandardWebhooks, Stripe, Twilio,
};

use crate::{Config, Secrets};

/// A path, who sends there, and under which policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The path, such as `/webhooks/stripe`.
    pub path: &'static str,
    /// Who sends there.
    pub provider: Arc<dyn Provider>,
    /// The provider's own policy with what the flags say of time.
    pub policy: Policy,
}

/// The six webhook routes.
///
/// # Errors
/// When a secret is not in the form that its sender gives out, or a type of event cannot be ordered.
pub fn webhook_routes(config: &Config, secrets: &Secrets) -> Result<Vec<Route>, Box<dyn Error>> {
    let stale = &config.discard_stale;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}/webhooks/twilio", config.listen),
    };
    let stripe = Stripe::new(&secrets.stripe).map_err(|error| named("STRIPE_WEBHOOK_SECRET", error))?;
    let shopify = Shopify::new(&secrets.shopify).map_err(|error| named("SHOPIFY_API_SECRET", error))?;
    let twilio =
        Twilio::new(&secrets.twilio, public_url).map_err(|error| named("TWILIO_AUTH_TOKEN", error))?;
    let github = GitHub::new(&secrets.github).map_err(|error| named("GITHUB_WEBHOOK_SECRET", error))?;
    let slack = Slack::new(&secrets.slack).map_err(|error| named("SLACK_SIGNING_SECRET", error))?;
    let standard_webhooks = StandardWebhooks::new(&secrets.standard_webhooks)
        .map_err(|error| named("STANDARD_WEBHOOKS_SECRET", error))?;
    let providers: [(&'static str, Arc<dyn Provider>); 6] = [
        ("/webhooks/stripe", Arc::new(stripe.discarding_stale(stale)?)),
        ("/webhooks/shopify", Arc::new(shopify)),
        ("/webhooks/twilio", Arc::new(twilio)),
        ("/webhooks/github", Arc::new(github)),
        ("/webhooks/slack", Arc::new(slack)),
        ("/webhooks/standard-webhooks", Arc::new(standard_webhooks.discarding_stale(stale)?)),
    ];
    let route = |(path, provider): (_, Arc<dyn Provider>)| {
        let policy = timed(provider.policy().with_wait(config.wait), config);
        Route { path, provider, policy }
    };
    Ok(providers.into_iter().map(route).collect())
}

fn named(variable: &str, error: SecretError) -> String {
    format!("{variable}: {error}")
}

/// The API route: a key per principal, who is whoever the `Authorization` header says.
#[must_use]
pub fn payments_route(config: &Config) -> Route {
    let provider: Arc<dyn Provider> =
        Arc::new(IdempotencyKey::per_header_principal(http::header::AUTHORIZATION));
    let policy = timed(provider.policy(), config);
    Route { path: "/payments", provider, policy }
}

fn timed(policy: Policy, config: &Config) -> Policy {
    let policy = policy.with_lease(config.lease);
    match config.store_timeout {
        Some(timeout) => policy.with_store_timeout(timeout),
        None => policy,
    }
}
