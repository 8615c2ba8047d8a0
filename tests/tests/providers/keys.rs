//! The key, scope and order of each sender's deliveries.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use idempotency_core::endpoint::Endpoint;
use idempotency_core::provider::{
    self, Braintree, ContentKey, GitHub, Mailgun, Provider, Received, RejectionKind, Secret, Shopify, Slack,
    StandardWebhooks, Stripe, Twilio, signature,
};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Delivery, Key, KeyDigest, Namespace, Policy, Scope, ScopedKey, testing};
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const URL: &str = "https://example.com/webhooks";
const SID: &str = "SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09";

fn delivery(request: &Request, provider: &dyn Provider) -> Delivery {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

fn key(delivery: &Delivery) -> &str {
    delivery.key().as_str()
}

/// The address of its record.
fn address(delivery: &Delivery) -> KeyDigest {
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

fn refusal(request: &Request, provider: &dyn Provider) -> RejectionKind {
    request.received_by(provider).expect_err("it was accepted").kind()
}

fn stripe(body: &str) -> Request {
    Request::new(testing::stripe(SECRET, body.as_bytes(), NOW), body.to_owned(), NOW)
}

fn slack(body: &str) -> Request {
    Request::new(testing::slack(SECRET, body.as_bytes(), NOW), body.to_owned(), NOW)
}

fn standard(body: &str) -> Request {
    let headers = testing::standard_webhooks(SECRET, "msg_1", body.as_bytes(), NOW);
    Request::new(headers, body.to_owned(), NOW)
}

fn github(event: &str, body: &str) -> Request {
    Request::new(testing::github(SECRET, "d-1", event, body.as_bytes()), body.to_owned(), NOW)
}

fn twilio(form: &str) -> Request {
    Request::new(testing::twilio("token", URL, form.as_bytes()), form.to_owned(), NOW)
}

#[test]
fn an_endpoints_scope_is_narrowed_and_never_replaced() {
    let requests: [(Box<dyn Provider>, Request); 6] = [
        (Box::new(Stripe::new(SECRET).unwrap()), stripe(r#"{"id":"evt_1","account":"acct_1"}"#)),
        (Box::new(Slack::new(SECRET).unwrap()), slack(r#"{"event_id":"Ev1","team_id":"T1"}"#)),
        (
            Box::new(Shopify::new(SECRET).unwrap()),
            Request::new(testing::shopify(SECRET, "e", "orders/paid", b"{}"), "{}", NOW),
        ),
        (Box::new(GitHub::new(SECRET).unwrap()), github("ping", r#"{"zen":"x"}"#)),
        (Box::new(Twilio::new("token", URL).unwrap()), twilio(&format!("MessageSid={SID}&EventType=added"))),
        (Box::new(StandardWebhooks::new(SECRET).unwrap()), standard("{}")),
    ];
    for (provider, request) in &requests {
        let scopes = [
            Scope::endpoint("a"),
            Scope::endpoint("b"),
            Scope::endpoint("a").with_tenant("x"),
            Scope::endpoint("a").with_tenant("y"),
            Scope::endpoint("a").with_principal("x"),
        ];
        let digests: Vec<_> = scopes
            .iter()
            .map(|scope| match request.received_in(scope, &**provider) {
                Ok(Received::Delivery(delivery)) => address(&delivery),
                other => panic!("not a delivery: {other:?}"),
            })
            .collect();
        for (at, digest) in digests.iter().enumerate() {
            assert!(!digests[at + 1..].contains(digest), "{}: two scopes are one", provider.name());
        }
    }
}

#[test]
fn each_provider_is_named_after_its_sender() {
    let named: [(&dyn Provider, &str); 7] = [
        (&Stripe::new(SECRET).unwrap(), "stripe"),
        (&Slack::new(SECRET).unwrap(), "slack"),
        (&Shopify::new(SECRET).unwrap(), "shopify"),
        (&GitHub::new(SECRET).unwrap(), "github"),
        (&Twilio::new("token", URL).unwrap(), "twilio"),
        (&StandardWebhooks::new(SECRET).unwrap(), "standard-webhooks"),
        (&provider::IdempotencyKey::global_across_principals(), "idempotency-key"),
    ];
    for (provider, name) in named {
        assert_eq!(provider.name(), name);
    }
    let endpoint = Endpoint::new(MemoryStore::new(), Stripe::new(SECRET).unwrap());
    assert_eq!(endpoint.engine().name(), "stripe");
}

#[test]
fn the_headers_of_shopify_and_github_tell_the_type_of_an_event() {
    let request = Request::new(testing::shopify(SECRET, "e", "orders/paid", b"{}"), "{}", NOW)
        .with("x-shopify-shop-domain", "a.myshopify.com");
    let shopify = delivery(&request, &Shopify::new(SECRET).unwrap());
    assert_eq!(shopify.attributes().event_type(), Some("orders/paid"));
    assert_eq!(shopify.attributes().get("shop"), Some("a.myshopify.com"));
    let github = delivery(&github("some_later_type", "{}"), &GitHub::new(SECRET).unwrap());
    assert_eq!(github.attributes().event_type(), Some("some_later_type"), "the body does not contradict it");
}

#[test]
fn equal_ids_of_two_accounts_shops_or_workspaces_do_not_collide() {
    let provider = Stripe::new(SECRET).unwrap();
    let of = |account: &str| address(&delivery(&stripe(&format!(r#"{{"id":"evt_1"{account}}}"#)), &provider));
    assert_ne!(of(r#","account":"acct_1""#), of(r#","account":"acct_2""#));
    assert_ne!(of(r#","account":"acct_1""#), of(""));
    let provider = Slack::new(SECRET).unwrap();
    let of = |team: &str| {
        address(&delivery(&slack(&format!(r#"{{"event_id":"Ev1","team_id":"{team}"}}"#)), &provider))
    };
    assert_ne!(of("T1"), of("T2"));
    let provider = Shopify::new(SECRET).unwrap();
    let of = |shop: &str, topic: &str| {
        let request = Request::new(testing::shopify(SECRET, "e", topic, b"{}"), "{}", NOW);
        address(&delivery(&request.with("x-shopify-shop-domain", shop), &provider))
    };
    assert_ne!(of("a.example", "orders/paid"), of("b.example", "orders/paid"));
    assert_ne!(of("a.example", "orders/paid"), of("a.example/orders", "paid"));
}

#[test]
fn an_event_with_two_ids_or_none_is_refused() {
    let provider = Stripe::new(SECRET).unwrap();
    assert_eq!(refusal(&stripe(r#"{"id":"evt_1","id":"evt_2"}"#), &provider), RejectionKind::Malformed);
    assert_eq!(refusal(&stripe(r#"{"type":"x"}"#), &provider), RejectionKind::KeyMissing);
    assert_eq!(refusal(&stripe(r#"{"id":""}"#), &provider), RejectionKind::Malformed);
    assert_eq!(refusal(&stripe(r#"["evt_1"]"#), &provider), RejectionKind::Malformed);
    let provider = Slack::new(SECRET).unwrap();
    assert_eq!(refusal(&slack("{}"), &provider), RejectionKind::KeyMissing);
    assert_eq!(refusal(&slack("a=b"), &provider), RejectionKind::KeyMissing);
}

#[test]
fn a_slack_interaction_is_named_by_its_trigger_and_one_without_an_id_passes() {
    let provider = Slack::new(SECRET).unwrap();
    let interaction = r#"payload=%7B%22type%22%3A%22block_actions%22%2C%22trigger_id%22%3A%221.2.a%22%2C%22team%22%3A%7B%22id%22%3A%22T1%22%7D%7D"#;
    let delivered = delivery(&slack(interaction), &provider);
    assert_eq!((key(&delivered), delivered.attributes().event_type()), ("1.2.a", Some("block_actions")));
    assert_eq!(delivered.attributes().get("team"), Some("T1"));
    let closed = slack("payload=%7B%22type%22%3A%22view_closed%22%7D");
    assert!(matches!(closed.received_by(&provider), Ok(Received::Bypass)));
}

#[test]
fn the_kind_of_a_slack_body_is_read_from_the_body_and_not_from_an_unsigned_header() {
    let provider = Slack::new(SECRET).unwrap();
    let request = slack(r#"{"event_id":"Ev1"}"#).with("content-type", "application/x-www-form-urlencoded");
    assert_eq!(key(&delivery(&request, &provider)), "Ev1");
}

#[test]
fn an_id_with_a_dot_is_malformed() {
    let provider = StandardWebhooks::new(SECRET).unwrap();
    let headers = testing::standard_webhooks(SECRET, "msg.1", b"{}", NOW);
    assert_eq!(refusal(&Request::new(headers, "{}", NOW), &provider), RejectionKind::Malformed);
}

#[test]
fn a_body_of_standard_webhooks_need_not_be_json() {
    let provider = StandardWebhooks::new(SECRET).unwrap();
    let body = b"\xff\x00";
    let request = Request::new(testing::standard_webhooks(SECRET, "msg_1", body, NOW), &body[..], NOW);
    assert_eq!(key(&delivery(&request, &provider)), "msg_1");
}

#[test]
fn equal_bodies_are_one_delivery_by_their_content() {
    let secrets = [Secret::new(SECRET).unwrap()];
    let provider = ContentKey::verified_by("acme", move |incoming| {
        let header = signature::header(incoming, "x-hub-signature-256")?;
        let candidate = header.strip_prefix("sha256=").and_then(signature::hex::<32>);
        signature::hmac_sha256(&secrets, &[], incoming.body, candidate)
    });
    let a = delivery(&github("a", "{}"), &provider);
    assert_eq!(key(&a), "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert_eq!(address(&a), address(&delivery(&github("b", "{}"), &provider)));
    assert_ne!(address(&a), address(&delivery(&github("a", "{ }"), &provider)));
    let forged = github("a", "{}").with("x-hub-signature-256", "sha256=00");
    assert_eq!(refusal(&forged, &provider), RejectionKind::Unauthenticated);
    let trusting = ContentKey::without_authentication("queue");
    assert_eq!(key(&delivery(&forged, &trusting)), key(&a));
    assert_eq!((trusting.name(), ContentKey::over(GitHub::new("s").unwrap()).name()), ("queue", "github"));
}

#[test]
fn a_closure_is_a_provider() {
    let policy = Policy::webhook().with_wait(Duration::ZERO);
    let provider = provider::from_fn("acme", |incoming| {
        let id = incoming.single_header("x-id")?.unwrap_or_default();
        let proof = idempotency_core::Verified::by_other_means(incoming.body);
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new(id)?)))
    })
    .with_policy(policy.clone());
    assert_eq!((provider.name(), provider.policy()), ("acme", policy));
    let request = stripe("{}");
    assert_eq!(key(&delivery(&request.clone().with("x-id", "7"), &provider)), "7");
    assert_eq!(refusal(&request, &provider), RejectionKind::Malformed);
}

#[test]
fn every_sender_is_remembered_longer_than_its_signature_is_fresh() {
    let day = Duration::from_secs(86_400);
    let week = day * 7;
    let tolerance = week * 2;
    let senders: [(Box<dyn Provider>, Duration); 9] = [
        (Box::new(Stripe::new(SECRET).unwrap()), week),
        (Box::new(Stripe::new(SECRET).unwrap().with_tolerance(tolerance)), tolerance * 2),
        (Box::new(Slack::new(SECRET).unwrap().with_tolerance(tolerance)), tolerance * 2),
        (Box::new(StandardWebhooks::new(SECRET).unwrap().with_tolerance(tolerance)), tolerance * 2),
        (Box::new(StandardWebhooks::new(SECRET).unwrap()), week),
        (Box::new(GitHub::new(SECRET).unwrap()), week),
        (Box::new(Shopify::new(SECRET).unwrap()), day * 3),
        (Box::new(Slack::new(SECRET).unwrap()), day),
        (Box::new(Twilio::new(SECRET, URL).unwrap()), day),
    ];
    for (provider, retention) in senders {
        let provider: Arc<dyn Provider> = Arc::from(provider);
        let endpoint = Endpoint::new(MemoryStore::new(), provider.clone());
        assert_eq!(endpoint.engine().policy().retention(), retention, "{}", provider.name());
        // This also holds for a custom policy with a shorter retention.
        let endpoint = endpoint.with_policy(Policy::webhook().with_retention(Duration::ZERO));
        assert!(endpoint.engine().policy().retention() >= provider.signature_window() * 2);
    }
    assert_eq!(Slack::new(SECRET).unwrap().policy().wait(), Duration::from_millis(1500));
    assert_eq!(GitHub::new(SECRET).unwrap().policy().body_limit(), 25 * 1024 * 1024);
}

#[test]
fn a_url_behind_a_proxy_is_the_one_that_the_sender_knows() {
    let form = format!("MessageSid={SID}&MessageStatus=sent");
    let mut request =
        Request::new(testing::twilio("token", "https://a.example/t/x?k=v", form.as_bytes()), form, NOW);
    request.uri = Uri::from_static("/inside?k=v");
    let proxied = Twilio::new("token", "https://a.example/t/x").unwrap();
    assert_eq!(key(&delivery(&request, &proxied)), format!("{SID}:sent"));
    let at_request_path = Twilio::new("token", "https://a.example").unwrap().with_request_path();
    assert_eq!(refusal(&request, &at_request_path), RejectionKind::Unauthenticated);
    request.uri = Uri::from_static("/t/x?k=v");
    assert_eq!(key(&delivery(&request, &at_request_path)), format!("{SID}:sent"));
}

/// An unsigned change of the body would make another key, and a captured request would run again.
#[test]
fn a_body_that_is_not_signed_as_a_whole_is_no_key() {
    let (headers, form) = testing::braintree("public|private", "<n><kind>check</kind></n>");
    let braintree =
        (Request::new(headers, form, NOW), ContentKey::over(Braintree::new("public|private").unwrap()));
    let (headers, event) = testing::mailgun(SECRET, "token", r#"{"id":"DACS"}"#, NOW);
    let mailgun = (Request::new(headers, event, NOW), ContentKey::over(Mailgun::new(SECRET).unwrap()));
    let form = format!("MessageSid={SID}&MessageStatus=sent");
    let twilio = Request::new(testing::twilio("token", URL, form.as_bytes()), form, NOW);
    // Signed like `ping=`.
    let bare = Request::new(testing::twilio("token", URL, b"ping"), "ping", NOW);
    let [twilio, bare] =
        [twilio, bare].map(|form| (form, ContentKey::over(Twilio::new("token", URL).unwrap())));
    // A provider of your own, which signs a part of the body, or vouches for it.
    let secrets = [Secret::new("secret").unwrap()];
    let partial = ContentKey::over(provider::from_fn("acme", move |incoming| {
        let signature = signature::hex::<32>(signature::header(incoming, "x-signature")?);
        let signed = incoming.body.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let proof = signature::hmac_sha256(&secrets, &[], signed, signature)?;
        Ok(Received::Delivery(Delivery::new(&proof, incoming.scope.clone(), Key::new("1")?)))
    }));
    let signer = testing::Signer::hmac_sha256("secret").with_header("x-signature", "{signature}");
    let acme = Request::new(signer.sign("", b"{}", NOW), "{}\n{}", NOW);
    let vouching = ContentKey::over(ContentKey::without_authentication("queue"));
    for (request, provider) in
        [braintree, mailgun, twilio, bare, (acme.clone(), partial.clone()), (acme.clone(), vouching)]
    {
        assert_eq!(refusal(&request, &provider), RejectionKind::Unavailable, "{provider:?}");
    }
    let mut whole = acme;
    whole.body = "{}".into();
    assert_eq!(key(&delivery(&whole, &partial)).len(), 64);
}

#[test]
fn a_key_of_the_content_is_taken_as_the_other_provider_says() {
    let stripe = || Stripe::new(SECRET).unwrap();
    let over = ContentKey::over(stripe());
    assert_eq!(over.name(), stripe().name());
    assert_eq!(over.signature_window(), stripe().signature_window());
    assert!(!over.signature_window().is_zero());
    let own = ContentKey::without_authentication("acme");
    assert_eq!((own.name(), own.signature_window()), ("acme", Duration::ZERO));
    // A request of any method may carry content.
    for provider in [&over, &own] {
        assert!(provider.needs_body(&http::Method::GET, &http::HeaderMap::new()));
    }
}
