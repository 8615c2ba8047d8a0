//! The check of a registry's secrets at start-up.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use idempotency_core::provider::{
    Adyen, AwsSns, Braintree, CloudEvents, Cloudinary, ContentKey, Contentful, Figma, GitHub, GooglePubSub,
    Incoming, LiveKit, Mailgun, Mandrill, MicrosoftGraph, Monday, Netlify, PayPal, Plaid, Provider,
    Providers, PublicKeys, QStash, Rejection, RejectionKind, RotatingSecrets, Secret, SecretError,
    SecretSource, Secrets, Shopify, Slack, StandardWebhooks, Stripe, Twilio, Wise, senders,
};
use idempotency_core::testing::TEST_PUBLIC_KEYS;

const URL: &str = "https://example.com/webhooks";
const ED25519_KEY: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

fn source(rotating: &RotatingSecrets) -> Secrets {
    Secrets::from_source(rotating.clone())
}

fn registry(path: &str, provider: impl Provider) -> Providers {
    Providers::new(path).unwrap().with_provider(provider).unwrap()
}

/// The names of the providers whose secrets cannot be used.
async fn failing(providers: &Providers) -> Vec<String> {
    let error = providers.check_secrets().await.err();
    error.iter().flat_map(|error| error.failures()).map(|(name, _)| name.to_owned()).collect()
}

/// A vault that is out of reach.
struct Unreachable;

#[async_trait]
impl SecretSource for Unreachable {
    async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        Err(Rejection::unavailable("the vault is out of reach").with_source("connection refused"))
    }
}

/// Remembers what it is asked for: the provider, the tenant and the path.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<[Option<String>; 3]>>>);

#[async_trait]
impl SecretSource for Asked {
    async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
        let asked = [incoming.provider, incoming.tenant, Some(incoming.uri.path())];
        self.0.lock().unwrap().push(asked.map(|text| text.map(str::to_owned)));
        Ok(Arc::from([secret("whsec_1")]))
    }
}

#[tokio::test]
async fn each_provider_without_usable_secrets_is_named_and_no_secret_is_shown() {
    let rotating = RotatingSecrets::new();
    rotating.replace("stripe", None, [secret("whsec_valid")]);
    rotating.replace("github", None, []);
    rotating.replace("adyen", None, [secret("not-hexadecimal")]);
    let providers = Providers::new("/webhooks/{provider}").unwrap();
    let providers = providers.with_provider(Stripe::from_secrets(source(&rotating))).unwrap();
    let providers =
        providers.with_provider(senders::PADDLE.with_secrets(source(&rotating)).unwrap()).unwrap();
    let providers = providers.with_provider(GitHub::from_secrets(source(&rotating))).unwrap();
    let providers = providers.with_provider(Adyen::from_secrets(source(&rotating)).unwrap()).unwrap();
    let shopify = Shopify::from_secrets(Secrets::from_source(Unreachable));
    let providers = providers.with_named_provider("shop", shopify).unwrap();
    let error = providers.check_secrets().await.unwrap_err();
    let expected = "secrets of providers cannot be used: paddle: the provider has no secrets yet; \
                    github: the source returned no secret; \
                    adyen: a secret is malformed: the secret is not valid hexadecimal; \
                    shop: the vault is out of reach: connection refused";
    assert_eq!(error.to_string(), expected);
    assert_eq!(format!("{error:?}"), expected);
    let kinds: Vec<_> = error.failures().map(|(name, rejection)| (name, rejection.kind())).collect();
    let unavailable = RejectionKind::Unavailable;
    assert_eq!(
        kinds,
        [
            ("paddle", unavailable),
            ("github", RejectionKind::Unauthenticated),
            ("adyen", unavailable),
            ("shop", unavailable),
        ]
    );
    for (provider, text) in [("paddle", "pdl_1"), ("github", "a secret"), ("adyen", "64656d6f")] {
        rotating.replace(provider, None, [secret(text)]);
    }
    assert_eq!(failing(&providers).await, ["shop"]);
}

#[tokio::test]
async fn a_malformed_secret_is_found_beside_a_valid_one() {
    let rotating = RotatingSecrets::new();
    rotating.replace("adyen", None, [secret("64656d6f"), secret("not-hexadecimal")]);
    let providers = registry("/{provider}", Adyen::from_secrets(source(&rotating)).unwrap());
    assert_eq!(failing(&providers).await, ["adyen"]);
    assert!(rotating.withdraw("adyen", None, &secret("not-hexadecimal")));
    assert_eq!(failing(&providers).await, [""; 0]);
}

#[tokio::test]
async fn a_source_sees_the_name_and_the_path_and_is_asked_for_no_tenant() {
    let asked = Asked::default();
    let secrets = Secrets::from_source(asked.clone());
    let providers = Providers::new("/webhooks/{provider}").unwrap();
    let providers = providers.with_provider(Stripe::from_secrets(secrets.clone())).unwrap();
    let stripe = Stripe::from_secrets(secrets.clone());
    let providers = providers.with_named_provider("stripe-connect", stripe).unwrap();
    assert_eq!(failing(&providers).await, [""; 0]);
    let of = |name: &str| [Some(name.to_owned()), None, Some(format!("/webhooks/{name}"))];
    assert_eq!(*asked.0.lock().unwrap(), [of("stripe"), of("stripe-connect")]);
    asked.0.lock().unwrap().clear();
    let tenants = registry("/webhooks/{provider}/{tenant}", Stripe::from_secrets(secrets));
    assert_eq!(failing(&tenants).await, [""; 0]);
    assert!(asked.0.lock().unwrap().is_empty(), "there is no tenant to ask for");
}

/// Each provider that has secrets, a secret that it accepts, and one that is malformed, if there is any.
fn each(secrets: &Secrets) -> Vec<(Box<dyn Provider>, &'static str, Option<&'static str>)> {
    let from = || secrets.clone();
    let contentful = "demo-secret-demo-secret-demo-secret-demo-secret-demo-secret-demo";
    let keys = PublicKeys::fixed(TEST_PUBLIC_KEYS).unwrap();
    let sid = "AC00000000000000000000000000000000";
    vec![
        (Box::new(Adyen::from_secrets(from()).unwrap()), "64656d6f", Some("x")),
        (Box::new(Braintree::from_secrets(from()).unwrap()), "public|private", Some("private")),
        (Box::new(CloudEvents::from_secrets(from())), "a", None),
        (Box::new(Cloudinary::from_secrets(from())), "a", None),
        (Box::new(Contentful::from_secrets(from())), contentful, Some("short")),
        (Box::new(Figma::from_secrets(from())), "a", None),
        (Box::new(GitHub::from_secrets(from())), "a", Some("ghp_1")),
        (Box::new(LiveKit::from_secrets("key", from())), "a", None),
        (Box::new(Mailgun::from_secrets(from())), "a", None),
        (Box::new(Mandrill::from_secrets(URL, from()).unwrap()), "a", None),
        (Box::new(MicrosoftGraph::from_secrets(from())), "a", None),
        (Box::new(Monday::from_secrets(URL, from()).unwrap()), "a", None),
        (Box::new(Netlify::from_secrets(from())), "a", None),
        (Box::new(PayPal::from_webhook_ids(from(), keys)), "4JH86294D6297924G", Some("a|b")),
        (Box::new(QStash::from_secrets(URL, from()).unwrap()), "a", None),
        (Box::new(Shopify::from_secrets(from())), "a", Some("shpat_1")),
        (Box::new(Slack::from_secrets(from())), "a", Some("xoxb-1")),
        (Box::new(StandardWebhooks::from_secrets(from())), "whsec_ZGVtbw==", Some("whsk_1")),
        (Box::new(Stripe::from_secrets(from())), "whsec_1", Some("sk_live_1")),
        (Box::new(Twilio::from_secrets(from(), URL).unwrap()), "a", Some(sid)),
        (Box::new(senders::PADDLE.with_secrets(from()).unwrap()), "pdl_1", None),
        (Box::new(senders::DISCORD.with_secrets(from()).unwrap()), ED25519_KEY, Some("x")),
        (Box::new(ContentKey::over(Stripe::from_secrets(from()))), "whsec_1", Some("sk_live_1")),
        (Box::new(Arc::new(Stripe::from_secrets(from()))), "whsec_1", Some("sk_live_1")),
    ]
}

#[tokio::test]
async fn the_secrets_of_every_provider_are_checked() {
    let rotating = RotatingSecrets::new();
    for (provider, valid, malformed) in each(&source(&rotating)) {
        let name = provider.name().to_owned();
        let providers = registry("/{provider}", Arc::<dyn Provider>::from(provider));
        rotating.replace(&name, None, []);
        assert_eq!(failing(&providers).await, [&*name], "without a secret");
        rotating.replace(&name, None, [secret(valid)]);
        assert_eq!(failing(&providers).await, [""; 0], "{name}");
        if let Some(malformed) = malformed {
            rotating.replace(&name, None, [secret(malformed)]);
            let error = providers.check_secrets().await.expect_err(&name).to_string();
            assert!(error.contains("a secret is malformed: the secret is not "), "{error}");
            assert!(!error.contains(&format!(" {malformed}")), "{error}");
        }
    }
}

#[tokio::test]
async fn a_fixed_secret_of_another_credential_is_found_and_a_raw_one_passes() {
    let stripe = |secret| registry("/{provider}", Stripe::from_secrets(Secrets::one(secret)));
    assert_eq!(failing(&stripe(secret("sk_live_1"))).await, ["stripe"]);
    assert_eq!(failing(&stripe(Secret::raw(b"sk_\n\xff").unwrap())).await, [""; 0]);
}

#[tokio::test]
async fn a_content_key_over_a_registry_checks_each_provider() {
    let rotating = RotatingSecrets::new();
    let over = ContentKey::over(registry("/{provider}", Stripe::from_secrets(source(&rotating))));
    assert_eq!(failing(over.as_registry().unwrap()).await, ["stripe"]);
}

#[tokio::test]
async fn providers_with_public_keys_have_nothing_to_check() {
    let keys = || PublicKeys::fixed(TEST_PUBLIC_KEYS).unwrap();
    let sns = AwsSns::new("arn:aws:sns:us-west-2:123456789012:orders", keys()).unwrap();
    let providers = registry("/{provider}", sns);
    let pubsub = GooglePubSub::new(URL, "pusher@example.com", keys()).unwrap();
    let providers = providers.with_provider(pubsub).unwrap();
    let providers = providers.with_provider(Plaid::new(keys())).unwrap();
    let providers = providers.with_provider(Wise::new(keys())).unwrap();
    assert_eq!(failing(&providers).await, [""; 0]);
}

/// The path of a route may have characters that a request has escaped.
#[tokio::test]
async fn a_source_is_asked_for_the_path_that_a_request_has() {
    for (path, requested) in
        [("/my hooks/{provider}", "/my%20hooks/stripe"), ("/größe/{provider}", "/gr%C3%B6%C3%9Fe/stripe")]
    {
        let asked = Asked::default();
        let providers = registry(path, Stripe::from_secrets(Secrets::from_source(asked.clone())));
        providers.check_secrets().await.unwrap();
        let paths: Vec<_> = asked.0.lock().unwrap().iter().map(|[.., path]| path.clone()).collect();
        assert_eq!(paths, [Some(requested.to_owned())]);
    }
}

#[tokio::test]
async fn a_token_that_no_header_can_have_is_malformed() {
    let text = "t\u{fc}";
    assert!(matches!(CloudEvents::new(text).map(drop), Err(SecretError::Malformed(_))));
    let rotating = RotatingSecrets::new();
    rotating.add("cloudevents", None, secret(text));
    let providers = registry("/{provider}", CloudEvents::from_secrets(source(&rotating)));
    assert_eq!(failing(&providers).await, ["cloudevents"]);
    assert!(CloudEvents::new("token of ascii").is_ok());
}
