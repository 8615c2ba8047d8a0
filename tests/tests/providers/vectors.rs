//! Every recorded delivery is accepted with the right key, or refused.

use std::sync::Arc;

use idempotency_core::provider::{
    ContentKey, GitHub, Provider, Received, RejectionKind, Secret, Secrets, Shopify, Slack, StandardWebhooks,
    Stripe, Twilio,
};
use idempotency_core::{Delivery, KeyDigest, Namespace, ScopedKey};
use idempotency_tests::vectors::{Request, Vector, load};

/// Checks all deliveries of a sender. `verify` gets the accepted ones.
fn run(
    sender: &str,
    at_least: usize,
    make: impl Fn(&Vector) -> Box<dyn Provider>,
    verify: impl Fn(&Vector, &Delivery),
) {
    let vectors = load(sender);
    assert!(vectors.len() >= at_least, "only {} deliveries", vectors.len());
    for vector in &vectors {
        let id = &vector.id;
        match vector.request().received_by(&*make(vector)) {
            Ok(Received::Delivery(delivery)) => {
                assert!(vector.valid || vector.policy_dependent, "{id} was accepted");
                if let (Some(expected), false) = (vector.key(), vector.policy_dependent) {
                    assert_eq!(delivery.key().as_str(), expected, "{id}");
                }
                verify(vector, &delivery);
            }
            Ok(_) => assert!(vector.valid && vector.event_id.is_none(), "{id} was not a delivery"),
            Err(rejection) if rejection.kind() == RejectionKind::Unauthenticated => {
                assert!(!vector.valid || vector.policy_dependent, "{id} was refused: {rejection}");
            }
            Err(rejection) => {
                let has_no_key = vector.valid && vector.event_id.is_none();
                assert!(vector.policy_dependent || has_no_key, "{id} was refused: {rejection}");
            }
        }
    }
}

fn delivery(request: &Request, provider: &dyn Provider) -> Delivery {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

/// The address of its record.
fn address(delivery: &Delivery) -> KeyDigest {
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

fn named<'v>(vectors: &'v [Vector], name: &str) -> &'v Vector {
    vectors.iter().find(|vector| vector.name == name).unwrap_or_else(|| panic!("there is no {name}"))
}

fn assert_order(vector: &Vector, delivery: &Delivery, resource: &str, version: u64) {
    let order = delivery.order().unwrap_or_else(|| panic!("{} has no order", vector.id));
    assert_eq!((order.resource().name(), order.version().get()), (resource, version), "{}", vector.id);
}

/// The dates of the recordings, computed by hand.
fn micros(date: &str) -> u64 {
    match date {
        "2021-12-31T19:00:00-05:00" => 1_640_995_200_000_000,
        "2019-05-15T15:20:33Z" => 1_557_933_633_000_000,
        "2019-05-15T15:20:18Z" => 1_557_933_618_000_000,
        "2022-11-03T20:26:10.344522Z" => 1_667_507_170_344_522,
        _ => panic!("{date} is not known"),
    }
}

#[test]
fn stripes_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let make = |vector: &Vector| -> Box<dyn Provider> {
        let types = ["charge.succeeded", "charge.refunded"];
        Box::new(Stripe::new(&vector.secret).unwrap().discarding_stale(types).unwrap())
    };
    run("stripe", 7, make, |vector, delivery| {
        if let (Some(resource), Some(version)) = (&vector.resource, &vector.version) {
            let seconds: u64 = version.value.as_str().unwrap().parse().unwrap();
            assert_order(vector, delivery, resource.value.as_str().unwrap(), seconds * 1_000);
        }
    });
}

#[test]
fn shopifys_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let make = |vector: &Vector| -> Box<dyn Provider> {
        Box::new(Shopify::new(&vector.secret).unwrap().discarding_stale(["orders/cancelled"]).unwrap())
    };
    run("shopify", 5, make, |vector, delivery| {
        assert!(delivery.fingerprint().is_some(), "{}", vector.id);
        if let (Some(resource), Some(version)) = (&vector.resource, &vector.version) {
            let version = micros(version.value.as_str().unwrap());
            assert_order(vector, delivery, resource.value.as_str().unwrap(), version);
        }
    });
}

#[test]
fn githubs_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let make = |vector: &Vector| -> Box<dyn Provider> {
        Box::new(
            GitHub::new(&vector.secret)
                .unwrap()
                .discarding_stale(["push", "pull_request", "issues"])
                .unwrap(),
        )
    };
    run("github", 9, make, |vector, delivery| {
        assert!(delivery.fingerprint().is_some(), "{}", vector.id);
        let event_type = delivery.attributes().event_type();
        if vector.name == "event-header-swapped" {
            assert_eq!(event_type, None, "a type that the body contradicts was accepted");
        } else if let (Some(resource), Some(version)) = (&vector.resource, &vector.version) {
            assert!(event_type.is_some(), "{}", vector.id);
            let version = match (version.kind.as_deref(), version.value.as_str().unwrap()) {
                (Some("unix_s"), seconds) => seconds.parse::<u64>().unwrap() * 1_000_000,
                (_, date) => micros(date),
            };
            assert_order(vector, delivery, resource.value.as_str().unwrap(), version);
        }
    });
}

#[test]
fn slacks_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let make = |vector: &Vector| -> Box<dyn Provider> {
        Box::new(
            Slack::new(&vector.secret)
                .unwrap()
                .discarding_stale(["channel_rename", "reaction_added"])
                .unwrap(),
        )
    };
    run("slack", 8, make, |vector, delivery| match vector.name.as_str() {
        "valid-1" => assert!(delivery.order().is_none(), "a message is a fact"),
        "valid-2" => assert_order(
            vector,
            delivery,
            "C123ABC456:1464196127.000002:U123ABC456:thumbsup",
            1_735_689_698_000_005,
        ),
        "official-docs-slash-command" => {
            let trigger = "398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
            assert_eq!(delivery.key().as_str(), trigger);
        }
        _ => {}
    });
}

#[test]
fn slacks_challenge_is_answered_with_its_value() {
    let vectors = load("slack");
    let vector = named(&vectors, "url-verification");
    let slack = Slack::new(&vector.secret).unwrap();
    let Ok(Received::Handshake(answer)) = vector.request().received_by(&slack) else {
        panic!("not a handshake")
    };
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(answer.body, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P");
    let refused = vector.request().received_by(&Slack::new("another").unwrap()).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "answered without its signature");
}

#[test]
fn twilios_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let at_url = |vector: &Vector| -> Box<dyn Provider> {
        Box::new(Twilio::new(&vector.secret, vector.url.as_deref().unwrap()).unwrap())
    };
    run("twilio", 10, at_url, |_, _| {});
    let at_request_path = |vector: &Vector| -> Box<dyn Provider> {
        let url = vector.url.as_deref().unwrap();
        let path = url.match_indices('/').nth(2).unwrap().0;
        Box::new(Twilio::new(&vector.secret, &url[..path]).unwrap().with_request_path())
    };
    run("twilio", 10, at_request_path, |_, _| {});
}

#[test]
fn a_twilio_parameter_that_swallowed_its_neighbour_is_malformed() {
    let vectors = load("twilio");
    let vector = named(&vectors, "param-boundary-shift");
    let twilio = Twilio::new(&vector.secret, vector.url.as_deref().unwrap()).unwrap();
    let refused = vector.request().received_by(&twilio).unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Malformed);
}

#[test]
fn standard_webhooks_recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let make = |vector: &Vector| -> Box<dyn Provider> {
        Box::new(
            StandardWebhooks::new(&vector.secret).unwrap().discarding_stale(["contact.created"]).unwrap(),
        )
    };
    run("standard-webhooks", 8, make, |vector, delivery| {
        if let (Some(resource), Some(version)) = (&vector.resource, &vector.version) {
            let version = micros(version.value.as_str().unwrap());
            assert_order(vector, delivery, resource.value.as_str().unwrap(), version);
        }
    });
}

#[test]
fn svix_reads_its_own_recorded_deliveries_and_those_of_standard_webhooks() {
    let make =
        |vector: &Vector| -> Box<dyn Provider> { Box::new(StandardWebhooks::svix(&vector.secret).unwrap()) };
    run("svix", 4, make, |_, _| {});
    run("standard-webhooks", 8, make, |_, _| {});
    run("resend", 2, make, |_, _| {});
}

#[test]
fn clerks_recorded_deliveries_are_read_by_svix_and_ordered_by_their_milliseconds() {
    // The provider is built by name, as when the secrets come from a source.
    let make = |vector: &Vector| -> Box<dyn Provider> {
        let secrets = Secrets::one(Secret::new(&vector.secret).unwrap());
        let by_svix = StandardWebhooks::from_secrets(secrets).with_svix_names();
        Box::new(by_svix.discarding_stale(["user.created"]).unwrap())
    };
    run("clerk", 2, make, |vector, delivery| {
        if let (Some(resource), Some(version)) = (&vector.resource, &vector.version) {
            let micros = version.value.as_str().unwrap().parse::<u64>().unwrap() * 1_000;
            assert_order(vector, delivery, resource.value.as_str().unwrap(), micros);
        }
    });
}

#[test]
fn a_body_that_is_its_own_key_is_the_same_delivery_under_a_swapped_id() {
    for sender in ["github", "shopify"] {
        let vectors = load(sender);
        let (genuine, swapped) = (named(&vectors, "valid-1"), named(&vectors, "unsigned-key-swapped"));
        let provider: Arc<dyn Provider> = match sender {
            "github" => Arc::new(GitHub::new(&genuine.secret).unwrap()),
            _ => Arc::new(Shopify::new(&genuine.secret).unwrap()),
        };
        // By the id in the header they are two deliveries, each bound to the body.
        let (a, b) = (delivery(&genuine.request(), &provider), delivery(&swapped.request(), &provider));
        assert_ne!(address(&a), address(&b), "{sender}");
        assert_eq!(a.fingerprint(), b.fingerprint(), "{sender}");
        let provider = ContentKey::over(provider);
        let (a, b) = (delivery(&genuine.request(), &provider), delivery(&swapped.request(), &provider));
        assert_eq!(address(&a), address(&b), "{sender}");
    }
}

#[test]
fn a_swapped_idempotency_token_of_twilio_changes_nothing() {
    let vectors = load("twilio");
    let (genuine, swapped) = (named(&vectors, "valid-1"), named(&vectors, "idempotency-token-swapped"));
    let twilio = Twilio::new(&genuine.secret, genuine.url.as_deref().unwrap()).unwrap();
    let (a, b) = (delivery(&genuine.request(), &twilio), delivery(&swapped.request(), &twilio));
    assert_eq!(address(&a), address(&b));
}

#[test]
fn two_shopify_subscriptions_to_one_topic_are_one_delivery_and_two_topics_are_two() {
    let vectors = load("shopify");
    let genuine = named(&vectors, "valid-1");
    let shopify = Shopify::new(&genuine.secret).unwrap();
    let first = delivery(&genuine.request(), &shopify);
    let second = delivery(&named(&vectors, "same-event-second-subscription").request(), &shopify);
    assert_eq!(address(&first), address(&second));
    assert_eq!(first.fingerprint(), second.fingerprint());
    let topic = delivery(&genuine.request().with("x-shopify-topic", "orders/updated"), &shopify);
    assert_ne!(address(&first), address(&topic));
    let shop = delivery(&genuine.request().with("x-shopify-shop-domain", "b.myshopify.com"), &shopify);
    assert_ne!(address(&first), address(&shop));
}
