//! Secrets. They come only from the environment: a flag would show them to every process of the machine.

use std::fmt;

/// The senders' secrets.
#[derive(Clone)]
#[non_exhaustive]
pub struct Secrets {
    /// `STRIPE_WEBHOOK_SECRET`, default `whsec_demo_stripe`.
    pub stripe: String,
    /// `SHOPIFY_API_SECRET`, default `demo_shopify_secret`.
    pub shopify: String,
    /// `TWILIO_AUTH_TOKEN`, default `demo_twilio_token`.
    pub twilio: String,
    /// `GITHUB_WEBHOOK_SECRET`, default `demo_github_secret`.
    pub github: String,
    /// `SLACK_SIGNING_SECRET`, default `demo_slack_secret`.
    pub slack: String,
    /// `STANDARD_WEBHOOKS_SECRET`, default `whsec_ZGVtby1zdGFuZGFyZC13ZWJob29rcy1zZWNyZXQ=`.
    pub standard_webhooks: String,
}

impl Secrets {
    /// Reads the secrets. For each one that is unset, uses the demo's own and logs a warning.
    #[must_use]
    pub fn from_env() -> Self {
        Self {
            stripe: secret("STRIPE_WEBHOOK_SECRET", "whsec_demo_stripe"),
            shopify: secret("SHOPIFY_API_SECRET", "demo_shopify_secret"),
            twilio: secret("TWILIO_AUTH_TOKEN", "demo_twilio_token"),
            github: secret("GITHUB_WEBHOOK_SECRET", "demo_github_secret"),
            slack: secret("SLACK_SIGNING_SECRET", "demo_slack_secret"),
            standard_webhooks: secret(
                "STANDARD_WEBHOOKS_SECRET",
                "whsec_ZGVtby1zdGFuZGFyZC13ZWJob29rcy1zZWNyZXQ=",
            ),
        }
    }
}

fn secret(name: &str, demo: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        tracing::warn!("{name} is unset: using the demo secret, which is public");
        demo.to_owned()
    })
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[REDACTED]")
    }
}
