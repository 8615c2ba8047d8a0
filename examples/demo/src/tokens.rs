//! The senders that sign tokens with a shared secret: each is served under its name.

use std::env;
use std::error::Error;

use idempotency_core::provider::{LiveKit, Monday, Netlify, Providers, QStash, SecretError};

use crate::Config;
use crate::catalogue::{about, url};

/// Adds the provider of each sender. The secret is in `<NAME>_WEBHOOK_SECRET`, and the URL of the endpoint in
/// `<NAME>_WEBHOOK_URL`, or else it is `--public-url`.
pub(crate) fn added_to(providers: Providers, config: &Config) -> Result<Providers, Box<dyn Error>> {
    let secret = |sender: &str| {
        env::var(format!("{sender}_WEBHOOK_SECRET")).unwrap_or_else(|_| "demo_token_secret".to_owned())
    };
    let named = |sender: &str, error: SecretError| format!("{sender}_WEBHOOK_SECRET: {error}");
    let api_key = env::var("LIVEKIT_API_KEY").unwrap_or_else(|_| "APIsyntheticKey".to_owned());
    let livekit = LiveKit::new(api_key, secret("LIVEKIT")).map_err(|error| named("LIVEKIT", error))?;
    let monday =
        Monday::new(url("monday", config), secret("MONDAY")).map_err(|error| about("monday", error))?;
    let netlify = Netlify::new(secret("NETLIFY")).map_err(|error| named("NETLIFY", error))?;
    let qstash =
        QStash::new(url("qstash", config), secret("QSTASH")).map_err(|error| about("qstash", error))?;
    let qstash = match env::var("QSTASH_WEBHOOK_NEXT_SECRET") {
        Ok(next) => {
            qstash.with_secret(next).map_err(|error| format!("QSTASH_WEBHOOK_NEXT_SECRET: {error}"))?
        }
        Err(_) => qstash,
    };
    Ok(providers
        .with_provider(livekit)?
        .with_provider(monday)?
        .with_provider(netlify)?
        .with_provider(qstash)?)
}
