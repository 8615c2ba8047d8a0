//! A registry: recorded deliveries of several senders on one route, and the settings, scopes and tenants of each.

use std::sync::Arc;
use std::time::Duration;

use http::{Extensions, HeaderMap, Method, Uri};
use idempotency_core::endpoint::{Admission, Arrival, Endpoint, Head};
use idempotency_core::provider::{
    ContentKey, GitHub, IdempotencyKey, Incoming, Methods, Provider, Providers, ProvidersError, Received,
    Rejection, RejectionKind, RotatingSecrets, Secret, Secrets, Shopify, Slack, StandardWebhooks, Stripe,
    from_fn, senders, signature,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::testing::Signer;
use idempotency_core::{Delivery, Idempotency, Key, Policy, Scope, Verified, testing};
use idempotency_tests::vectors::{self, Request};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const BODY: &[u8] = br#"{"id":"evt_1","type":"customer.updated"}"#;

fn stripe(secret: &str) -> Stripe {
    Stripe::new(secret).unwrap()
}

/// A sender whose requests are all genuine, with a delivery of their own tenant attribute.
fn open(name: &'static str) -> idempotency_core::provider::FromFn {
    from_fn(name, |incoming: &Incoming<'_>| {
        let proof = Verified::by_other_means(incoming.body);
        let delivery = Delivery::new(&proof, incoming.scope.clone(), Key::new("evt_1")?);
        Ok(Received::Delivery(delivery.with_attribute("tenant", "of the sender")))
    })
}

/// A sender that signs the body.
fn signing(name: &'static str) -> idempotency_core::provider::FromFn {
    let secrets = [Secret::new("secret").unwrap()];
    from_fn(name, move |incoming: &Incoming<'_>| {
        let signature = signature::hex::<32>(signature::header(incoming, "x-signature")?);
        let proof = signature::hmac_sha256(&secrets, &[], incoming.body, signature)?;
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new("evt_1")?)))
    })
}

fn to(path: &'static str, headers: HeaderMap) -> Request {
    let mut request = Request::new(headers, BODY, NOW);
    request.uri = Uri::from_static(path);
    request
}

fn delivery(received: Result<Received, Rejection>) -> Delivery {
    match received {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("{other:?} is no delivery"),
    }
}

/// The delivery that an endpoint makes of a request, or the status of its answer.
async fn arrival(endpoint: &Endpoint, request: &Request) -> Result<Delivery, u16> {
    let Request { method, uri, headers, body, .. } = request;
    let head = Head { method, uri, headers, extensions: &Extensions::new() };
    let endpoint = endpoint.of_path(uri.path());
    if let Admission::Answer(answer) = endpoint.admit(&head) {
        return Err(answer.status.as_u16());
    }
    match endpoint.receive(&head, body).await {
        Arrival::Delivery(delivery) => Ok(delivery),
        Arrival::Answer(answer) => Err(answer.status.as_u16()),
        other => panic!("{other:?}"),
    }
}

fn endpoint(providers: Providers) -> Endpoint {
    Endpoint::new(MemoryStore::new(), providers).with_insecure_verification_time(NOW)
}

type Make = fn(Secrets) -> Arc<dyn Provider>;

/// The secrets are rotated for each delivery, while the registry stays.
#[test]
fn recorded_deliveries_are_verified_by_the_provider_that_their_path_names() {
    let makers: [(&'static str, Make); 9] = [
        ("stripe", |secrets| Arc::new(Stripe::from_secrets(secrets))),
        ("shopify", |secrets| Arc::new(Shopify::from_secrets(secrets))),
        ("github", |secrets| Arc::new(GitHub::from_secrets(secrets))),
        ("slack", |secrets| Arc::new(Slack::from_secrets(secrets))),
        ("standard-webhooks", |secrets| Arc::new(StandardWebhooks::from_secrets(secrets))),
        ("paddle", |secrets| Arc::new(senders::PADDLE.with_secrets(secrets).unwrap())),
        ("linear", |secrets| Arc::new(senders::LINEAR.with_secrets(secrets).unwrap())),
        ("twitch", |secrets| Arc::new(senders::TWITCH.with_secrets(secrets).unwrap())),
        ("coinbase-commerce", |secrets| Arc::new(senders::COINBASE_COMMERCE.with_secrets(secrets).unwrap())),
    ];
    let rotating = RotatingSecrets::new();
    let mut providers = Providers::new("/webhooks/{provider}").unwrap();
    for (_, make) in makers {
        providers = providers.with_provider(make(Secrets::from_source(rotating.clone()))).unwrap();
    }
    assert!(providers.names().eq(makers.map(|(name, _)| name)));
    let (mut accepted, mut refused) = (0, 0);
    for (name, make) in makers {
        for vector in vectors::load(name) {
            let Ok(secret) = Secret::new(&vector.secret) else { continue };
            let mut request = vector.request();
            let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            request.uri = format!("/webhooks/{name}{query}").parse().unwrap();
            rotating.replace(name, None, [secret.clone()]);
            let alone = request.received_by(&make(Secrets::one(secret)));
            match (alone, request.received_by(&providers)) {
                (Ok(Received::Delivery(alone)), Ok(Received::Delivery(found))) => {
                    assert_eq!(alone.key(), found.key(), "{}", vector.id);
                    assert_eq!(alone.attributes().event_type(), found.attributes().event_type());
                    accepted += 1;
                }
                (Ok(Received::Handshake(alone)), Ok(Received::Handshake(found))) => assert_eq!(alone, found),
                (Ok(Received::Bypass), Ok(Received::Bypass)) => {}
                (Err(alone), Err(found)) => {
                    assert_eq!(alone.kind(), found.kind(), "{}", vector.id);
                    refused += 1;
                }
                (alone, found) => panic!("{}: {alone:?} alone, {found:?} in the registry", vector.id),
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted >= 9 && refused >= 9, "{accepted} accepted, {refused} refused");
}

#[test]
fn a_delivery_of_one_provider_is_refused_on_the_path_of_another() {
    let providers = Providers::new("/webhooks/{provider}").unwrap();
    let providers = providers.with_provider(stripe("whsec_a")).unwrap();
    let providers = providers.with_named_provider("stripe-connect", stripe("whsec_b")).unwrap();
    let genuine = testing::stripe("whsec_a", BODY, NOW);
    assert!(to("/webhooks/stripe", genuine.clone()).received_by(&providers).is_ok());
    let refused = to("/webhooks/stripe-connect", genuine.clone()).received_by(&providers).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Unauthenticated);
    for path in ["/webhooks/unknown", "/webhooks/Stripe", "/webhooks", "/hooks/stripe", "/webhooks/stripe/x"]
    {
        let refused = to(path, genuine.clone()).received_by(&providers).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::NotFound, "{path}");
    }
}

#[tokio::test]
async fn the_scope_of_a_provider_is_that_of_a_route_of_its_own() {
    let alone = Endpoint::new(MemoryStore::new(), stripe("whsec_a")).with_insecure_verification_time(NOW);
    let providers = Providers::new("/webhooks/{provider}").unwrap().with_provider(stripe("whsec_a")).unwrap();
    let genuine = testing::stripe("whsec_a", BODY, NOW);
    let expected = arrival(&alone, &to("/webhooks/stripe", genuine.clone())).await.unwrap();
    for path in ["/webhooks/stripe", "/webhooks/stripe/", "/webhooks/%73tripe"] {
        let found = arrival(&endpoint(providers.clone()), &to(path, genuine.clone())).await.unwrap();
        assert_eq!(found.scope(), expected.scope(), "{path}");
    }
    assert_eq!(expected.scope().to_string(), "stripe /webhooks/stripe");
}

#[tokio::test]
async fn equal_ids_of_two_providers_or_tenants_are_two_keys_in_any_scope() {
    let providers = Providers::new("/{provider}/{tenant}").unwrap();
    let providers = providers.with_provider(open("a")).unwrap().with_provider(open("b")).unwrap();
    for endpoint in [endpoint(providers.clone()), endpoint(providers).with_scope(Scope::endpoint("all"))] {
        let mut digests = Vec::new();
        for path in ["/a/x", "/a/y", "/b/x", "/b/y", "/a/x%2Fy", "/a/x;tenant=y"] {
            let found = arrival(&endpoint, &to(path, HeaderMap::new())).await.unwrap();
            digests.push(endpoint.engine().digest_of(found.scope(), found.key()));
        }
        digests.sort_unstable_by_key(ToString::to_string);
        digests.dedup();
        assert_eq!(digests.len(), 6);
    }
}

#[tokio::test]
async fn the_tenant_of_a_delivery_is_that_of_the_path_decoded() {
    let providers = Providers::new("/{tenant}").unwrap().with_provider(open("a")).unwrap();
    for (path, tenant) in [("/acme", "acme"), ("/a%2Fb", "a/b"), ("/caf%C3%A9/", "caf\u{e9}")] {
        let found = arrival(&endpoint(providers.clone()), &to(path, HeaderMap::new())).await.unwrap();
        assert_eq!(found.attributes().tenant(), Some(tenant));
        assert!(found.scope().tenants().eq([tenant]));
        assert_eq!(found.scope().endpoint_name(), "a /{tenant}");
    }
    for path in ["/", "/a%0Ab", "/%FF"] {
        let refused = arrival(&endpoint(providers.clone()), &to(path, HeaderMap::new())).await;
        assert_eq!(refused.unwrap_err(), 404, "{path}");
    }
}

#[tokio::test]
async fn each_provider_keeps_its_methods_and_its_policy() {
    let small = open("small").with_policy(Policy::webhook().with_body_limit(BODY.len() - 1));
    let put = open("put").with_methods(Methods::only([Method::PUT]));
    let providers = Providers::new("/{provider}").unwrap();
    let providers = providers.with_provider(small).unwrap().with_provider(put).unwrap();
    let endpoint = endpoint(providers);
    let with_length = |path| to(path, HeaderMap::new()).with("content-length", &BODY.len().to_string());
    assert_eq!(arrival(&endpoint, &with_length("/small")).await.unwrap_err(), 413);
    assert_eq!(arrival(&endpoint, &with_length("/put")).await.unwrap_err(), 405);
    let mut request = with_length("/put");
    request.method = Method::PUT;
    assert!(arrival(&endpoint, &request).await.is_ok());
    for method in [Method::GET, Method::POST, Method::PUT, Method::TRACE] {
        let mut request = with_length("/unknown");
        request.method = method;
        assert_eq!(arrival(&endpoint, &request).await.unwrap_err(), 404);
    }
}

#[tokio::test]
async fn settings_of_the_layer_reach_every_provider() {
    let day = Duration::from_secs(86_400);
    let long = open("long").with_policy(Policy::webhook().with_retention(30 * day));
    let providers = Providers::new("/{provider}").unwrap();
    let providers = providers.with_provider(long).unwrap().with_provider(stripe("whsec_a")).unwrap();
    let policy = |endpoint: &Endpoint, path: &str| endpoint.of_path(path).engine().policy().clone();
    let minute = Duration::from_secs(60);
    let engine = Idempotency::new(MemoryStore::new());
    let changed =
        Endpoint::on_engine(&engine, providers.clone()).map_policy(|policy| policy.with_lease(minute));
    for path in ["/long", "/stripe"] {
        assert_eq!(policy(&changed, path).lease(), minute);
    }
    assert_eq!(policy(&changed, "/long").retention(), 30 * day);
    assert_eq!(policy(&changed, "/stripe").retention(), 7 * day);
    let one = providers.clone().map_policy_of("stripe", |policy| policy.with_lease(minute)).unwrap();
    let one = Endpoint::on_engine(&engine, one);
    assert_eq!(policy(&one, "/stripe").lease(), minute);
    assert_eq!(policy(&one, "/long").lease(), Policy::webhook().lease());
    // A record outlives the time in which a captured request is accepted.
    let replaced =
        Endpoint::on_engine(&engine, providers).with_policy(Policy::webhook().with_retention(minute));
    assert_eq!(policy(&replaced, "/long").retention(), minute);
    assert_eq!(policy(&replaced, "/stripe").retention(), Duration::from_secs(600));
}

#[tokio::test]
async fn a_query_is_part_of_the_scope_on_demand() {
    let providers = Providers::new("/{provider}").unwrap().with_provider(open("a")).unwrap();
    let endpoint = endpoint(providers).with_query_in_scope();
    let with = arrival(&endpoint, &to("/a?version=2", HeaderMap::new())).await.unwrap();
    let without = arrival(&endpoint, &to("/a", HeaderMap::new())).await.unwrap();
    assert_eq!(without.scope().to_string(), "a /a");
    assert!(with.scope().to_string().starts_with("a /a;query="), "{}", with.scope());
}

/// In a scope that the user shares. A sender chooses the names of its accounts.
#[tokio::test]
async fn an_account_is_never_a_tenant_of_the_path_or_a_provider() {
    let of_account = from_fn("a", |incoming: &Incoming<'_>| {
        let proof = Verified::by_other_means(incoming.body);
        let account = incoming.headers["x-account"].to_str().unwrap_or_default();
        Ok(Received::Delivery(Delivery::new(&proof, incoming.narrowed_scope(account), Key::new("evt_1")?)))
    });
    let account =
        |name: &'static str| HeaderMap::from_iter([("x-account".parse().unwrap(), name.parse().unwrap())]);
    let registry = |path: &str, provider: &dyn Fn() -> idempotency_core::provider::FromFn| {
        let providers = Providers::new(path).unwrap().with_provider(provider()).unwrap();
        endpoint(providers).with_scope(Scope::endpoint("shared"))
    };
    let tenants = registry("/{provider}/{tenant}", &|| open("a"));
    let accounts = registry("/{provider}", &|| of_account.clone());
    let alone = Endpoint::new(MemoryStore::new(), of_account.clone()).with_scope(Scope::endpoint("shared"));
    let providers = registry("/{provider}", &|| open("a"));
    let mut scopes = Vec::new();
    for (endpoint, path, headers) in [
        (&tenants, "/a/acme", HeaderMap::new()),
        (&accounts, "/a", account("acme")),
        (&alone, "/a", account("a")),
        (&providers, "/a", HeaderMap::new()),
    ] {
        let found = arrival(endpoint, &to(path, headers)).await.unwrap();
        scopes.push(found.scope().to_string());
    }
    assert_eq!(
        scopes,
        [
            "shared;provider=a;path-tenant=acme",
            "shared;provider=a;account=acme",
            "shared;account=a",
            "shared;provider=a"
        ]
    );
}

#[tokio::test]
async fn a_retry_under_another_spelling_of_the_path_is_the_same_request() {
    let pay = || IdempotencyKey::global_across_principals().optional();
    let headers = || HeaderMap::from_iter([("idempotency-key".parse().unwrap(), "k".parse().unwrap())]);
    let registry = Providers::new("/{provider}").unwrap().with_named_provider("pay", pay()).unwrap();
    let alone = Endpoint::new(MemoryStore::new(), pay()).with_scope(Scope::endpoint("pay"));
    for endpoint in [endpoint(registry), alone] {
        let first = arrival(&endpoint, &to("/pay", headers())).await.unwrap();
        for path in ["/pay/", "/p%61y", "/p%61y/"] {
            let retry = arrival(&endpoint, &to(path, headers())).await.unwrap();
            assert_eq!((retry.scope(), retry.fingerprint()), (first.scope(), first.fingerprint()), "{path}");
        }
        let other = arrival(&endpoint, &to("/pay?x=1", headers())).await.unwrap();
        assert_ne!(other.fingerprint(), first.fingerprint());
    }
}

#[tokio::test]
async fn a_content_key_over_a_registry_is_over_each_of_its_providers() {
    let providers = Providers::new("/{provider}/{tenant}").unwrap();
    let signer = Signer::hmac_sha256("secret").with_header("x-signature", "{signature}");
    let signed = || signer.sign("", BODY, NOW);
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let long = signing("b").with_policy(Policy::webhook().with_retention(days(30)));
    let registry = providers.with_provider(signing("a")).unwrap().with_provider(long).unwrap();
    let around = ContentKey::over(registry.clone());
    let alone = ContentKey::over(signing("a"));
    let key = delivery(to("/", signed()).received_by(&alone)).key().clone();
    let endpoint = Endpoint::new(MemoryStore::new(), around.clone());
    for (path, retention) in [("/a/acme", days(7)), ("/b/acme", days(30))] {
        let found = arrival(&endpoint, &to(path, signed())).await.unwrap();
        assert_eq!(found.key(), &key);
        assert_eq!(found.attributes().tenant(), Some("acme"));
        assert_eq!(endpoint.of_path(path).engine().policy().retention(), retention);
        assert_eq!(endpoint.of_path(path).engine().name(), &path[1..2]);
        let without_endpoint = delivery(to(path, signed()).received_by(&around));
        assert_eq!(without_endpoint.key(), &key);
    }
    assert_eq!(arrival(&endpoint, &to("/c/acme", signed())).await.unwrap_err(), 404);
    let nested = Providers::new("/{provider}").unwrap().with_provider(around);
    assert_eq!(nested.unwrap_err(), ProvidersError::Nested);
}

/// A wrapper that is not of this crate sees a registry as one provider.
#[test]
fn a_provider_around_a_registry_keeps_the_keys_of_its_providers_apart() {
    #[derive(Debug)]
    struct Around(Providers);

    #[async_trait::async_trait]
    impl Provider for Around {
        fn name(&self) -> &str {
            self.0.name()
        }

        fn policy(&self) -> Policy {
            self.0.policy()
        }

        async fn receive(&self, incoming: &Incoming<'_>) -> Result<Received, Rejection> {
            self.0.receive(incoming).await
        }
    }

    let providers = Providers::new("/{provider}").unwrap();
    let long = open("b").with_policy(Policy::webhook().with_retention(Duration::from_secs(30 * 86_400)));
    let around = Around(providers.with_provider(open("a")).unwrap().with_provider(long).unwrap());
    let [a, b] = ["/a", "/b"].map(|path| delivery(to(path, HeaderMap::new()).received_by(&around)));
    assert_eq!(a.key(), b.key());
    assert_ne!(a.scope(), b.scope());
    assert_eq!(around.policy().retention(), Duration::from_secs(30 * 86_400));
    assert_eq!(around.policy().wait(), Policy::webhook().wait());
}

#[test]
fn a_registry_that_cannot_be_meant_is_refused() {
    let registry = |path| Providers::new(path).unwrap().with_provider(open("a")).unwrap();
    let refused = |registry: Providers, name: &'static str| registry.with_provider(open(name)).unwrap_err();
    for name in ["", "A", "a/b", "a b", "..", "{tenant}", "\u{e9}"] {
        assert_eq!(refused(registry("/{provider}"), name), ProvidersError::Name(name.to_owned()));
    }
    assert_eq!(refused(registry("/{provider}"), "a"), ProvidersError::Duplicate("a".to_owned()));
    assert_eq!(refused(registry("/{tenant}"), "b"), ProvidersError::Unnamed);
    let unknown = registry("/{provider}").map_policy_of("b", |policy| policy);
    assert_eq!(unknown.unwrap_err(), ProvidersError::Unknown("b".to_owned()));
    let nested = registry("/{provider}").with_provider(Arc::new(registry("/{provider}")));
    assert_eq!(nested.unwrap_err(), ProvidersError::Nested);
    let error = Providers::new("/webhooks/:provider").unwrap_err().to_string();
    assert!(error.starts_with("the path `/webhooks/:provider` has a placeholder other than"), "{error}");
}

/// Otherwise one captured request would be a delivery of each tenant that an attacker makes up.
#[tokio::test]
async fn a_fixed_secret_authenticates_no_tenant() {
    let headers = || testing::github("a secret", "evt_1", "push", BODY);
    let of = |pattern: &str, secrets: Secrets| {
        endpoint(Providers::new(pattern).unwrap().with_provider(GitHub::from_secrets(secrets)).unwrap())
    };
    let fixed = || Secrets::one(Secret::new("a secret").unwrap());
    let rotating = RotatingSecrets::new();
    rotating.replace("github", "acme", [Secret::new("a secret").unwrap()]);
    let source = || Secrets::from_source(rotating.clone());
    let beside = source().with_secret(Secret::new("a secret").unwrap());

    let with_tenant = "/{provider}/{tenant}";
    assert_eq!(arrival(&of(with_tenant, fixed()), &to("/github/acme", headers())).await.unwrap_err(), 503);
    assert_eq!(arrival(&of(with_tenant, beside), &to("/github/acme", headers())).await.unwrap_err(), 503);
    assert!(arrival(&of(with_tenant, source()), &to("/github/acme", headers())).await.is_ok());
    assert!(arrival(&of("/{provider}", fixed()), &to("/github", headers())).await.is_ok());
}
