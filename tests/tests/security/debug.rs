//! `Debug` shows no secret, key, header value or body.

use std::fmt::Debug;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use idempotency_core::endpoint::{Endpoint, Head};
use idempotency_core::provider::{
    ContentKey, GitHub, IdempotencyKey, Incoming, Provider, Providers, Received, RotatingSecrets, Secret,
    Secrets, Shopify, Slack, StandardWebhooks, Stripe, Twilio, from_fn, senders,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::store::{Claim, Claimed, Completed, Grant, Owner, Resolution};
use idempotency_core::{
    Delivery, Fence, Fingerprint, Key, Namespace, Order, Outcome, Policy, RecordedResponse, Resource, Scope,
    ScopedKey, Verified, Version,
};
use idempotency_tower::IdempotencyLayer;

/// Valid base64, so that it can be the secret of every provider.
const SECRET: &str = "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0";

/// Checks every common way to print bytes, and that the output is not empty.
#[track_caller]
fn assert_hidden(shown: &str, secret: &str) {
    assert!(!shown.is_empty(), "nothing is printed");
    let listed = format!("{:?}", secret.as_bytes());
    let hex = data_encoding::HEXLOWER.encode(secret.as_bytes());
    for form in [secret, listed.trim_matches(['[', ']']), &hex] {
        assert!(!shown.contains(form), "{secret} shows in {shown}");
    }
}

#[track_caller]
fn assert_silent(value: &dyn Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}")] {
        assert_hidden(&shown, SECRET);
    }
}

#[test]
fn no_provider_prints_its_secret() {
    let secret = Secret::new(SECRET).unwrap();
    let secrets = Secrets::one(secret.clone()).with_secret(secret.clone());
    let url = format!("https://user:{SECRET}@example.com/hook");
    let providers: [&dyn Provider; 9] = [
        &Stripe::new(SECRET).unwrap(),
        &Slack::new(SECRET).unwrap(),
        &GitHub::new(SECRET).unwrap(),
        &Shopify::new(SECRET).unwrap(),
        &StandardWebhooks::new(SECRET).unwrap(),
        &senders::SQUARE.with_url(&url).with_secret(SECRET).unwrap(),
        &senders::GITLAB.with_secret(SECRET).unwrap(),
        &Twilio::new(SECRET, url).unwrap(),
        &IdempotencyKey::per_header_principal(http::header::AUTHORIZATION),
    ];
    for provider in providers {
        assert_silent(&provider);
    }
    assert_silent(&secret);
    assert_silent(&secrets);
    let over = ContentKey::over(Stripe::new(SECRET).unwrap());
    assert_silent(&over);
    assert_eq!(format!("{over:?}"), format!("ContentKey({:?})", Stripe::new(SECRET).unwrap()));
    assert_eq!(
        format!("{:?}", ContentKey::without_authentication("acme")),
        r#"ContentKey { name: "acme", .. }"#
    );
    let own = from_fn("acme", |_| Ok(Received::Bypass));
    assert!(format!("{own:?}").starts_with(r#"FromFn { name: "acme", policy: "#), "{own:?}");
    let rotating = RotatingSecrets::new();
    rotating.replace("stripe", None, [secret.clone()]);
    rotating.replace("stripe", SECRET, [secret]);
    assert_silent(&rotating);
    let registry =
        Providers::new("/{provider}").unwrap().with_provider(Stripe::new(SECRET).unwrap()).unwrap();
    let rotated = Stripe::from_secrets(Secrets::from_source(rotating));
    let registry = registry.with_named_provider("rotated", rotated).unwrap();
    assert_silent(&registry);
    assert_silent(&Endpoint::new(MemoryStore::new(), registry));
    assert_silent(&StandardWebhooks::new(format!("whsec_{SECRET}\u{1}")).unwrap_err());
    let layer = IdempotencyLayer::memory(Stripe::new(SECRET).unwrap());
    assert_silent(&layer);
    assert_silent(layer.engine());
    assert_silent(&Endpoint::new(MemoryStore::new(), Slack::new(SECRET).unwrap()));
}

#[test]
fn no_redis_store_prints_its_password() {
    let url = format!("redis://app:{SECRET}@localhost:1/");
    for store in [
        RedisStore::new(&url, Namespace::default()).unwrap(),
        RedisStore::sentinel([&url], "main", Namespace::default()).unwrap().with_user("app", SECRET),
        RedisStore::cluster([&url], Namespace::default()).unwrap(),
    ] {
        assert_silent(&store);
        let shown = format!("{store:?}");
        assert!(shown.contains(r#"Server("localhost:1")"#), "{shown}");
        assert!(shown.contains("Subscriptions { channels: 0 }"), "{shown}");
    }
    for url in [
        format!("redis://app:{SECRET}@localhost:port/"),
        format!("http://app:{SECRET}@localhost/"),
        SECRET.to_owned(),
    ] {
        let error = RedisStore::new(&url, Namespace::default()).unwrap_err();
        assert_silent(&error);
        assert_hidden(&error.to_string(), SECRET);
    }
}

#[tokio::test]
async fn no_error_of_an_operation_shows_the_password() {
    let store = RedisStore::new(format!("redis://app:{SECRET}@127.0.0.1:1/"), Namespace::default()).unwrap();
    let error = store.check_health().await.unwrap_err();
    assert_silent(&error);
    assert_hidden(&error.to_string(), SECRET);
}

#[test]
fn nothing_of_a_request_but_its_shape_is_printed() {
    let (method, uri) = (Method::POST, Uri::try_from(format!("/hook?token={SECRET}")).unwrap());
    let mut headers = HeaderMap::new();
    headers.insert("authorization", HeaderValue::from_static(SECRET));
    headers.insert("idempotency-key", HeaderValue::from_static(SECRET));
    let body = Bytes::from_static(SECRET.as_bytes());
    let scope = Scope::endpoint("e").with_principal(SECRET);
    let incoming = Incoming::new(&method, &uri, &headers, &body, Duration::ZERO, &scope);
    assert_silent(&incoming);
    let extensions = http::Extensions::new();
    assert_silent(&Head { method: &method, uri: &uri, headers: &headers, extensions: &extensions });
    assert_silent(&Verified::by_other_means(&body));
}

#[test]
fn nothing_of_a_delivery_but_digests_is_printed() {
    let key = ScopedKey::new(
        &Namespace::default(),
        Scope::endpoint("e").with_principal(SECRET),
        Key::new(SECRET).unwrap(),
    );
    let order = Order::new(Resource::new(key.scope(), "kind", SECRET), Version::new(1));
    let delivery = Delivery::new(&Verified::by_other_means(b""), key.scope().clone(), key.key().clone())
        .with_fingerprint(Fingerprint::of(SECRET.as_bytes()))
        .with_order(order.clone())
        .with_attribute("customer", SECRET);
    let mut claim = Claim::new(key.clone(), Owner::from_bytes([1; 16]), Duration::ZERO, Duration::ZERO);
    claim.order = delivery.order().map(|order| order.scoped(&Namespace::default()));
    let outcome = Outcome::new(SECRET);
    let response = RecordedResponse::new(StatusCode::OK, SECRET)
        .with_header(http::header::LOCATION, HeaderValue::from_static(SECRET));
    let values: [&dyn Debug; 14] = [
        &key,
        &Fingerprint::of(SECRET.as_bytes()),
        &Owner::from_bytes([1; 16]),
        &order.resource(),
        &outcome,
        &key.key(),
        &key.scope(),
        &delivery,
        &delivery.attributes(),
        &claim,
        &claim.granted(Fence::new(1)),
        &Claimed::Completed(Completed::new(
            outcome.clone(),
            Grant::new(Fence::new(1), 1),
            Duration::ZERO,
            Duration::ZERO,
        )),
        &Resolution::Completed(outcome.clone()),
        &response,
    ];
    for value in values {
        assert_silent(value);
    }
    assert_silent(&Received::Delivery(delivery));
    assert_silent(&Received::Handshake(response));
    assert_silent(&Policy::api());
}

/// A service that answers with the body of its request.
#[tokio::test]
async fn no_body_is_printed() {
    use tower::{Layer as _, Service as _};
    let layer = IdempotencyLayer::memory(IdempotencyKey::global_across_principals());
    let service = tower::service_fn(|request: http::Request<axum::body::Body>| async move {
        assert_silent(&request.body());
        Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::from(SECRET)))
    });
    let service = layer.layer(service);
    for _ in 0..2 {
        let request = http::Request::post("/").header("idempotency-key", "k");
        let request = request.body(axum::body::Body::from(SECRET)).unwrap();
        let answering = service.clone().call(request);
        assert_silent(&answering);
        let answer = answering.await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_silent(&answer.body());
    }
}
