//! The routes: each has a path and a provider.

use std::error::Error;
use std::sync::Arc;

use idempotency_core::Policy;
use idempotency_core::provider::{
    GitHub, IdempotencyKey, Provider, SecretError, Shopify, Slack, StandardWebhooks, Stripe, Twilio,
};

use crate::{Config, Secrets, catalogue};

/// A path, its sender and its policy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Route {
    /// The path, such as `/webhooks/stripe`.
    pub path: String,
    /// The sender.
    pub provider: Arc<dyn Provider>,
    /// The provider's own policy, with the durations from the flags.
    pub policy: Policy,
}

/// Returns the webhook routes: six with settings of their own, and those of the catalogue.
///
/// # Errors
/// If a secret is not in its sender's format, or a type of event cannot be ordered.
pub fn webhook_routes(config: &Config, secrets: &Secrets) -> Result<Vec<Route>, Box<dyn Error>> {
    let stale = &config.discard_stale;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}/webhooks/twilio", config.listen),
    };
    let stripe = Stripe::new(&secrets.stripe).map_err(|error| with_name("STRIPE_WEBHOOK_SECRET", error))?;
    let shopify = Shopify::new(&secrets.shopify).map_err(|error| with_name("SHOPIFY_API_SECRET", error))?;
    let twilio =
        Twilio::new(&secrets.twilio, public_url).map_err(|error| with_name("TWILIO_AUTH_TOKEN", error))?;
    let github = GitHub::new(&secrets.github).map_err(|error| with_name("GITHUB_WEBHOOK_SECRET", error))?;
    let slack = Slack::new(&secrets.slack).map_err(|error| with_name("SLACK_SIGNING_SECRET", error))?;
    let standard_webhooks = StandardWebhooks::new(&secrets.standard_webhooks)
        .map_err(|error| with_name("STANDARD_WEBHOOKS_SECRET", error))?;
    let own: [(&str, Arc<dyn Provider>); 6] = [
        ("/webhooks/stripe", Arc::new(stripe.discarding_stale(stale)?)),
        ("/webhooks/shopify", Arc::new(shopify)),
        ("/webhooks/twilio", Arc::new(twilio)),
        ("/webhooks/github", Arc::new(github)),
        ("/webhooks/slack", Arc::new(slack)),
        ("/webhooks/standard-webhooks", Arc::new(standard_webhooks.discarding_stale(stale)?)),
    ];
    let route = |(path, provider): catalogue::Endpoint| {
        let policy = with_durations(provider.policy().with_wait(config.wait), config);
        Route { path, provider, policy }
    };
    let own = own.into_iter().map(|(path, provider)| (path.to_owned(), provider));
    Ok(own.chain(catalogue::routes(config)?).map(route).collect())
}

fn with_name(variable: &str, error: SecretError) -> String {
    format!("{variable}: {error}")
}

/// Returns the API route. Its keys are scoped by principal, which is the value of the `Authorization` header.
#[must_use]
pub fn payments_route(config: &Config) -> Route {
    let provider: Arc<dyn Provider> =
        Arc::new(IdempotencyKey::per_header_principal(http::header::AUTHORIZATION));
    let policy = with_durations(provider.policy(), config);
    Route { path: "/payments".to_owned(), provider, policy }
}

fn with_durations(policy: Policy, config: &Config) -> Policy {
    let policy = policy.with_lease(config.lease);
    match config.store_timeout {
        Some(timeout) => policy.with_store_timeout(timeout),
        None => policy,
    }
}
