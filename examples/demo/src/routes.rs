//! The routes: the webhooks of all senders on one, and the payments on another.

use std::error::Error;

use idempotency_core::Policy;
use idempotency_core::provider::{
    GitHub, IdempotencyKey, Providers, SettingError, Shopify, Slack, StandardWebhooks, Stripe, Twilio,
};

use crate::{Config, Secrets, catalogue, fetched, tokens};

/// The path of the webhooks, for the router and for the registry of providers.
pub const WEBHOOKS: &str = "/webhooks/{provider}";

/// Returns the senders of the webhooks: six with settings of their own, those of the catalogue, and those
/// whose keys are fetched or that sign tokens.
///
/// # Errors
/// If a secret is not in its sender's format, a URL is not that of an endpoint, or a type of event cannot be ordered.
pub fn webhook_providers(config: &Config, secrets: &Secrets) -> Result<Providers, Box<dyn Error>> {
    let stale = &config.discard_stale;
    let public_url = match &config.public_url {
        Some(url) => url.clone(),
        None => format!("http://{}/webhooks/twilio", config.listen),
    };
    let stripe = Stripe::new(&secrets.stripe).map_err(|error| with_name("STRIPE_WEBHOOK_SECRET", error))?;
    let shopify = Shopify::new(&secrets.shopify).map_err(|error| with_name("SHOPIFY_API_SECRET", error))?;
    let twilio = Twilio::new(&secrets.twilio, public_url).map_err(|error| match error {
        SettingError::Url => with_name("PUBLIC_URL", error),
        error => with_name("TWILIO_AUTH_TOKEN", error),
    })?;
    let github = GitHub::new(&secrets.github).map_err(|error| with_name("GITHUB_WEBHOOK_SECRET", error))?;
    let slack = Slack::new(&secrets.slack).map_err(|error| with_name("SLACK_SIGNING_SECRET", error))?;
    let standard_webhooks = StandardWebhooks::new(&secrets.standard_webhooks)
        .map_err(|error| with_name("STANDARD_WEBHOOKS_SECRET", error))?;
    let providers = Providers::new(WEBHOOKS)?
        .with_provider(stripe.discarding_stale(stale)?)?
        .with_provider(shopify)?
        .with_provider(twilio)?
        .with_provider(github)?
        .with_provider(slack)?
        .with_provider(standard_webhooks.discarding_stale(stale)?)?;
    let providers = catalogue::added_to(providers, config)?;
    tokens::added_to(fetched::added_to(providers, config)?, config)
}

/// Changes a webhook sender's own policy to the durations from the flags.
#[must_use]
pub fn webhook_policy(policy: Policy, config: &Config) -> Policy {
    with_durations(policy.with_wait(config.wait), config)
}

/// Returns the sender of the payments. Its keys are scoped by principal, which is the value of the `Authorization` header.
#[must_use]
pub fn payments_provider() -> IdempotencyKey {
    IdempotencyKey::per_header_principal(http::header::AUTHORIZATION)
}

/// Changes the policy of the payments to the durations from the flags.
#[must_use]
pub fn payments_policy(policy: Policy, config: &Config) -> Policy {
    with_durations(policy, config)
}

fn with_name(variable: &str, error: impl Error) -> String {
    format!("{variable}: {error}")
}

fn with_durations(policy: Policy, config: &Config) -> Policy {
    let policy = policy.with_lease(config.lease);
    match config.store_timeout {
        Some(timeout) => policy.with_store_timeout(timeout),
        None => policy,
    }
}
