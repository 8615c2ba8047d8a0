//! Secrets that are rotated while a registry runs, for each provider and tenant.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use idempotency_core::provider::{
    Incoming, Providers, Rejection, RejectionKind, RotatingSecrets, Secret, SecretSource, Secrets,
    StandardWebhooks, Stripe, senders,
};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const BODY: &[u8] = br#"{"id":"evt_1","type":"customer.updated"}"#;

fn secret(text: &str) -> Secret {
    Secret::new(text).unwrap()
}

fn source(rotating: &RotatingSecrets) -> Secrets {
    Secrets::from_source(rotating.clone())
}

fn providers(path: &str, secrets: Secrets) -> Providers {
    Providers::new(path).unwrap().with_provider(Stripe::from_secrets(secrets)).unwrap()
}

/// A delivery that Stripe signed with a secret, to a path: accepted, or how it is refused.
fn signed_with(secret: &str, path: &'static str, providers: &Providers) -> Result<(), RejectionKind> {
    let mut request = Request::new(testing::stripe(secret, BODY, NOW), BODY, NOW);
    request.uri = Uri::from_static(path);
    request.received_by(providers).map(drop).map_err(|rejection| rejection.kind())
}

const REFUSED: Result<(), RejectionKind> = Err(RejectionKind::Unauthenticated);

#[test]
fn an_old_secret_works_until_it_is_withdrawn() {
    let rotating = RotatingSecrets::new();
    let providers = providers("/{provider}", source(&rotating));
    let accepted = |providers: &Providers| {
        ["whsec_old", "whsec_new"].map(|secret| signed_with(secret, "/stripe", providers))
    };
    rotating.replace("stripe", None, [secret("whsec_old")]);
    assert_eq!(accepted(&providers), [Ok(()), REFUSED]);
    rotating.add("stripe", None, secret("whsec_new"));
    assert_eq!(accepted(&providers), [Ok(()), Ok(())]);
    assert!(rotating.withdraw("stripe", None, &secret("whsec_old")));
    assert_eq!(accepted(&providers), [REFUSED, Ok(())]);
    assert!(!rotating.withdraw("stripe", None, &secret("whsec_old")), "it was withdrawn before");
    assert!(!rotating.withdraw("github", None, &secret("whsec_new")));
    rotating.replace("stripe", None, []);
    assert_eq!(accepted(&providers), [REFUSED, REFUSED]);
}

/// However it was added, or how often.
#[test]
fn a_withdrawn_secret_is_withdrawn_in_every_form() {
    let rotating = RotatingSecrets::new();
    let providers = providers("/{provider}", source(&rotating));
    rotating.replace("stripe", None, [secret("whsec_a"), Secret::raw("whsec_a").unwrap(), secret("whsec_a")]);
    rotating.add("stripe", None, secret("whsec_a"));
    assert_eq!(signed_with("whsec_a", "/stripe", &providers), Ok(()));
    assert!(rotating.withdraw("stripe", None, &secret(" whsec_a\n")));
    assert_eq!(signed_with("whsec_a", "/stripe", &providers), REFUSED);
}

#[test]
fn each_tenant_has_secrets_of_its_own() {
    let rotating = RotatingSecrets::new();
    let providers = providers("/{provider}/{tenant}", source(&rotating));
    rotating.replace("stripe", None, [secret("whsec_all")]);
    rotating.replace("stripe", "acme", [secret("whsec_acme")]);
    rotating.replace("stripe", "a/b", [secret("whsec_ab")]);
    rotating.replace("github", "globex", [secret("whsec_globex")]);
    assert_eq!(signed_with("whsec_acme", "/stripe/acme", &providers), Ok(()));
    assert_eq!(signed_with("whsec_ab", "/stripe/a%2Fb", &providers), Ok(()));
    for (secret, path) in [
        ("whsec_acme", "/stripe/a%2Fb"),
        ("whsec_all", "/stripe/acme"),
        ("whsec_all", "/stripe/unknown"),
        ("whsec_acme", "/stripe/Acme"),
        ("whsec_globex", "/stripe/globex"),
    ] {
        assert_eq!(signed_with(secret, path, &providers), REFUSED, "{secret} {path}");
    }
    rotating.remove_tenant("stripe", "acme");
    assert_eq!(signed_with("whsec_acme", "/stripe/acme", &providers), REFUSED);
    assert_eq!(signed_with("whsec_ab", "/stripe/a%2Fb", &providers), Ok(()));
}

/// A 401 would make many senders give the delivery up.
#[test]
fn a_provider_whose_secrets_are_not_loaded_yet_is_unavailable() {
    let rotating = RotatingSecrets::new();
    for (path, target) in [("/{provider}", "/stripe"), ("/{provider}/{tenant}", "/stripe/acme")] {
        let providers = providers(path, source(&rotating));
        assert_eq!(signed_with("whsec_a", target, &providers), Err(RejectionKind::Unavailable));
    }
    // Outside an endpoint and a registry, there is no name to look up.
    let request = Request::new(testing::stripe("whsec_a", BODY, NOW), BODY, NOW);
    let refused = request.received_by(&Stripe::from_secrets(source(&rotating))).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Unavailable);
}

#[test]
fn a_malformed_secret_does_not_stop_deliveries_that_another_one_signed() {
    let rotating = RotatingSecrets::new();
    let standard = StandardWebhooks::from_secrets(source(&rotating));
    let openai = senders::OPENAI.with_secrets(source(&rotating)).unwrap();
    let providers = Providers::new("/{provider}").unwrap();
    let providers = providers.with_named_provider("standard", standard).unwrap();
    let providers = providers.with_provider(openai).unwrap();
    let genuine = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    for (name, path) in [("standard", "/standard"), ("openai", "/openai")] {
        let mut request = Request::new(testing::standard_webhooks(genuine, "msg_1", BODY, NOW), BODY, NOW);
        request.uri = Uri::from_static(path);
        let kind = || request.received_by(&providers).map(drop).map_err(|rejection| rejection.kind());
        for secrets in [["not base64!", genuine], [genuine, "not base64!"]] {
            rotating.replace(name, None, secrets.map(secret));
            assert_eq!(kind(), Ok(()), "{name}");
        }
        // The secret that would have matched may be the malformed one, which the log says.
        let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
        rotating.replace(name, None, ["not base64!", other].map(secret));
        let refused = request.received_by(&providers).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{name}");
        assert!(std::error::Error::source(&refused).is_some(), "{name}");
        rotating.replace(name, None, [secret("not base64!")]);
        assert_eq!(kind(), Err(RejectionKind::Unavailable), "{name}");
    }
}

/// A source of your own is asked with the provider's name and the tenant of the path.
#[test]
fn a_source_is_asked_for_the_provider_and_the_tenant_and_its_failures_are_passed_on() {
    struct Vault;
    #[async_trait::async_trait]
    impl SecretSource for Vault {
        async fn secrets(&self, incoming: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
            match (incoming.provider, incoming.tenant) {
                (Some("stripe-eu"), Some("acme corp")) => Ok([secret("whsec_a")].into()),
                (Some("stripe-eu"), Some("down")) => Err(Rejection::unavailable("the vault is out of reach")),
                _ => Err(Rejection::unauthenticated("the tenant is unknown")),
            }
        }
    }
    let stripe = Stripe::from_secrets(Secrets::from_source(Vault));
    let providers = Providers::new("/{tenant}/{provider}").unwrap();
    let providers = providers.with_named_provider("stripe-eu", stripe).unwrap();
    assert_eq!(signed_with("whsec_a", "/acme%20corp/stripe-eu", &providers), Ok(()));
    assert_eq!(signed_with("whsec_a", "/down/stripe-eu", &providers), Err(RejectionKind::Unavailable));
    assert_eq!(signed_with("whsec_a", "/unknown/stripe-eu", &providers), REFUSED);
}
