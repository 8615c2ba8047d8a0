//! The senders whose public keys are fetched: each is served under its name.

use std::env;
use std::error::Error;

use idempotency_core::clock::TokioClock;
use idempotency_core::provider::{
    AwsSns, CachedKeys, GooglePubSub, HttpKeys, PayPal, Plaid, PlaidKeys, Providers, PublicKeys, Wise,
};

use crate::Config;

/// Adds the provider of each sender.
///
/// A fixed key, in PEM or as a JSON Web Key, is in `<NAME>_WEBHOOK_SECRET`. Without one, keys are fetched, or for
/// Wise built in.
pub(crate) fn added_to(providers: Providers, config: &Config) -> Result<Providers, Box<dyn Error>> {
    let http = HttpKeys::new()?;
    let fetched = || CachedKeys::new(http.clone(), TokioClock::new());
    let keys = |name: &str| fixed(name).unwrap_or_else(|| Ok(fetched().into()));
    let topic = variable("AWS_SNS_TOPIC_ARN", "arn:aws:sns:us-west-2:123456789012:MyTopic");
    let account = variable("GOOGLE_PUBSUB_SERVICE_ACCOUNT", "pubsub-push@myproject.iam.gserviceaccount.com");
    let audience = env::var("GOOGLE_PUBSUB_WEBHOOK_URL").ok().or_else(|| config.public_url.clone());
    let audience = audience.unwrap_or_else(|| format!("http://{}/webhooks/google-pubsub", config.listen));
    // The webhook's id may also be in the place of the certificate, as it is what PayPal's dashboard shows.
    let secret = env::var("PAYPAL_WEBHOOK_SECRET").ok().filter(|secret| !secret.contains("-----BEGIN"));
    let (webhook_id, paypal_keys) = match secret {
        Some(webhook_id) => (webhook_id, keys("PAYPAL_WEBHOOK_PUBLIC_CERT")?),
        None => (variable("PAYPAL_WEBHOOK_ID", "DEMO"), keys("PAYPAL_WEBHOOK_SECRET")?),
    };
    let [client, secret] = ["PLAID_CLIENT_ID", "PLAID_SECRET"].map(|name| variable(name, "demo"));
    let plaid = match fixed("PLAID_WEBHOOK_SECRET") {
        Some(keys) => keys?,
        None => CachedKeys::new(PlaidKeys::new(http.clone(), client, secret)?, TokioClock::new()).into(),
    };
    let paypal =
        PayPal::new(webhook_id, paypal_keys).map_err(|error| format!("PAYPAL_WEBHOOK_ID: {error}"))?;
    let wise =
        fixed("WISE_WEBHOOK_SECRET").map_or_else(|| Ok(Wise::production()), |keys| keys.map(Wise::new))?;
    let sns = AwsSns::new(topic, keys("AWS_SNS_WEBHOOK_SECRET")?)
        .map_err(|error| format!("AWS_SNS_TOPIC_ARN: {error}"))?;
    Ok(providers
        .with_provider(sns)?
        .with_provider(GooglePubSub::new(audience, account, keys("GOOGLE_PUBSUB_WEBHOOK_SECRET")?)?)?
        .with_provider(paypal)?
        .with_provider(Plaid::new(plaid))?
        .with_provider(wise)?)
}

fn variable(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}

/// The fixed keys in a variable, if it is set.
fn fixed(name: &str) -> Option<Result<PublicKeys, String>> {
    let text = env::var(name).ok()?;
    Some(PublicKeys::fixed(text).map_err(|error| format!("{name}: {error}")))
}
