//! The senders of the catalogue: each is served under its name.

use std::env;
use std::error::Error;
use std::sync::Arc;

use idempotency_core::provider::{
    Adyen, Braintree, CloudEvents, Cloudinary, Contentful, Figma, Mailgun, Mandrill, MicrosoftGraph, Proof,
    Provider, Providers, Scheme, SchemeError, SettingError, senders,
};
use idempotency_core::testing;

use crate::Config;

/// Valid as hexadecimal and as base64, so most senders accept it.
const DEMO_SECRET: &str = "64656d6f2d7365637265742d31323334";

/// A sender whose provider is code: its name, a secret for the demo, and how the provider is made of a secret and a URL.
type Coded = (&'static str, &'static str, fn(&str, &str) -> Result<Arc<dyn Provider>, SettingError>);

const CODED: &[Coded] = &[
    ("adyen", "64656d6f2d736563726574", |key, _| Ok(Arc::new(Adyen::new(key)?))),
    ("braintree", "demo_public_key|demo_private_key", |keys, _| Ok(Arc::new(Braintree::new(keys)?))),
    ("cloudevents", DEMO_SECRET, |token, _| Ok(Arc::new(CloudEvents::new(token)?.with_batches()))),
    ("cloudinary", DEMO_SECRET, |secret, _| Ok(Arc::new(Cloudinary::new(secret)?))),
    ("contentful", "demo-secret-demo-secret-demo-secret-demo-secret-demo-secret-demo", |secret, _| {
        Ok(Arc::new(Contentful::new(secret)?))
    }),
    ("figma", DEMO_SECRET, |passcode, _| Ok(Arc::new(Figma::new(passcode)?))),
    ("mailgun", DEMO_SECRET, |key, _| Ok(Arc::new(Mailgun::new(key)?))),
    ("mandrill", DEMO_SECRET, |key, url| Ok(Arc::new(Mandrill::new(url, key)?))),
    ("microsoft-graph", DEMO_SECRET, |client_state, _| Ok(Arc::new(MicrosoftGraph::new(client_state)?))),
];

/// Adds the provider of each sender. The secret is in `<NAME>_WEBHOOK_SECRET`, such as
/// `COINBASE_COMMERCE_WEBHOOK_SECRET`. Senders without one use the demo's own, with one warning for all.
///
/// A sender may sign the URL of its endpoint. It is in `<NAME>_WEBHOOK_URL`, or else it is `--public-url`.
pub(crate) fn added_to(mut providers: Providers, config: &Config) -> Result<Providers, Box<dyn Error>> {
    let mut without_secret = Vec::new();
    for scheme in senders::ALL {
        let name = scheme.name();
        let (url, secret) = (url(name, config), variable(name, "SECRET"));
        let given = env::var(&secret).unwrap_or_else(|_| {
            without_secret.push(name);
            demo_secret(scheme)
        });
        let scheme = if scheme.is_url_signed() { scheme.clone().with_url(url) } else { scheme.clone() };
        let provider = scheme.with_secret(given).map_err(|error| match error {
            SchemeError::Url => about_url(name, error),
            error => format!("{secret}: {error}"),
        })?;
        providers = providers.with_provider(provider)?;
    }
    for (name, demo_secret, made) in CODED {
        let secret = variable(name, "SECRET");
        let given = env::var(&secret).unwrap_or_else(|_| {
            without_secret.push(name);
            (*demo_secret).to_owned()
        });
        let provider = made(&given, &url(name, config)).map_err(|error| match error {
            SettingError::Url => about_url(name, error),
            error => format!("{secret}: {error}"),
        })?;
        providers = providers.with_provider(provider)?;
    }
    if !without_secret.is_empty() {
        tracing::warn!("using the demo secret, which is public, for {}", without_secret.join(", "));
    }
    Ok(providers)
}

fn url(name: &str, config: &Config) -> String {
    let url = env::var(variable(name, "URL")).ok().or_else(|| config.public_url.clone());
    url.unwrap_or_else(|| format!("http://{}/webhooks/{name}", config.listen))
}

/// Names the variables that a sender's URL comes from.
fn about_url(name: &str, error: impl Error) -> String {
    format!("{} or PUBLIC_URL: {error}", variable(name, "URL"))
}

fn variable(name: &str, what: &str) -> String {
    format!("{}_WEBHOOK_{what}", name.to_uppercase().replace('-', "_"))
}

fn demo_secret(scheme: &Scheme) -> String {
    if let Some(public_key) = testing::public_key(scheme, DEMO_SECRET) {
        return public_key;
    }
    match scheme.proof() {
        Proof::BasicAuth => format!("demo:{DEMO_SECRET}"),
        _ => DEMO_SECRET.to_owned(),
    }
}
