//! The recorded handshakes are answered as their sender expects.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::routing::post;
use http::{HeaderMap, Method};
use idempotency_core::provider::{
    Braintree, CloudEvents, Handshake, Mandrill, Provider, Received, RejectionKind, Scheme, senders,
};
use idempotency_tests::vectors::{Request, Vector, load};

use super::cases::{NOW, URL, named};
use super::pages::pages;
use super::requests::{answers, answers_on, provider, signed};
use super::{address, deliveries};

fn answered(scheme: &Scheme, vector: &Vector) {
    let secret = if vector.secret.is_empty() { "another" } else { &vector.secret };
    let provider = scheme.clone().with_secret(secret).unwrap();
    let Ok(Received::Handshake(answer)) = vector.request().received_by(&provider) else {
        panic!("{} is not answered", vector.id)
    };
    let expected = vector.expected_response.as_ref().unwrap();
    assert_eq!(answer.status.as_u16(), expected.status, "{}", vector.id);
    if let Some(body) = &expected.body {
        assert_eq!(&answer.body[..], body.as_bytes(), "{}", vector.id);
    }
    for (name, value) in &expected.headers {
        assert_eq!(answer.headers[name], *value, "{}", vector.id);
    }
}

#[test]
fn recorded_handshakes_are_answered_as_their_sender_expects() {
    for scheme in [senders::ASANA, senders::DROPBOX, senders::TWITTER_X] {
        let vectors = load(scheme.name());
        let handshakes: Vec<_> = vectors.iter().filter(|vector| vector.expected_response.is_some()).collect();
        assert!(!handshakes.is_empty(), "{}", scheme.name());
        handshakes.into_iter().for_each(|vector| answered(&scheme, vector));
    }
}

fn by(method: Method, target: &str) -> Request {
    let mut request = Request::new(HeaderMap::new(), "", NOW);
    (request.method, request.uri) = (method, target.parse().unwrap());
    request
}

/// The handshake of a scheme that is one by its method.
fn by_method(scheme: &Scheme) -> Option<Request> {
    let query = |name| by(Method::GET, &format!("/webhooks?{name}=20f9f8ed"));
    match scheme.handshake_kind() {
        Handshake::Head => Some(by(Method::HEAD, "/webhooks")),
        Handshake::EchoQuery(name) | Handshake::SignQuery { parameter: name, .. } => Some(query(name)),
        Handshake::EchoHeader { header, .. } => Some(by(Method::GET, "/webhooks").with(header, "20f9f8ed")),
        _ => None,
    }
}

/// The senders whose handshake does not come by POST, each with the provider and such a handshake.
fn by_other_methods() -> BTreeMap<&'static str, (Arc<dyn Provider>, Request)> {
    let schemes = senders::ALL.iter().filter_map(|scheme| {
        let request = by_method(scheme)?;
        Some((scheme.name(), (Arc::new(provider(scheme)) as Arc<dyn Provider>, request)))
    });
    let braintree = Arc::new(Braintree::new("public|private").unwrap());
    let cloud_events = CloudEvents::new("token").unwrap().allowing_origins(["eventgrid.azure.net"]);
    let of_origin = by(Method::OPTIONS, "/webhooks").with("webhook-request-origin", "eventgrid.azure.net");
    let mandrill = Arc::new(Mandrill::new(URL, "key").unwrap());
    let coded: [(_, (Arc<dyn Provider>, _)); 3] = [
        (
            "braintree",
            (braintree, by(Method::GET, "/webhooks?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53")),
        ),
        ("cloudevents", (Arc::new(cloud_events), of_origin)),
        ("mandrill", (mandrill, by(Method::HEAD, "/webhooks"))),
    ];
    schemes.chain(coded).collect()
}

/// The route takes only POST, as in the example of each page.
#[tokio::test]
async fn a_page_names_the_method_of_a_handshake_that_does_not_come_by_post_and_the_layer_answers_it() {
    let mut others = by_other_methods();
    assert!(others.len() >= 10, "{:?}", others.keys());
    for (name, page) in pages() {
        assert!(page.contains(", post(handle).layer(idempotency))"), "{name}");
        let said = page.split("- The handshake is a ").nth(1).map(|rest| rest.split(' ').next().unwrap());
        let Some((provider, request)) = others.remove(name) else {
            assert_eq!(said, None, "{name}");
            continue;
        };
        assert_eq!(said, Some(request.method.as_str()), "{name}");
        let answers = answers_on(post(|| async { "ran" }), provider, vec![request]).await;
        assert_eq!(answers, ["200 -"], "{name}");
    }
    assert!(others.is_empty(), "{:?}", others.keys());
}

#[test]
fn the_challenge_of_nylas_is_answered_with_its_value() {
    let case = named("nylas");
    let mut request = case.genuine();
    request.headers.clear();
    request.body.clear();
    request.method = Method::GET;
    request.uri = "/webhooks?challenge=bc609b38-c81f-47fb".parse().unwrap();
    let Ok(Received::Handshake(answer)) = request.received_by(&case.provider()) else {
        panic!("the challenge was not answered");
    };
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (200, &b"bc609b38-c81f-47fb"[..]));
    request.uri = "/webhooks".parse().unwrap();
    assert!(request.received_by(&case.provider()).is_err());
}

/// The same secret signs both.
#[test]
fn no_handshake_of_x_signs_a_delivery() {
    let case = named("twitter-x");
    let mut request = case.genuine();
    request.headers.clear();
    request.body.clear();
    request.method = Method::GET;
    for body in ["%7B%22for_user_id%22%3A%222%22%7D", "[1]", "%22a%22", ""] {
        request.uri = format!("/webhooks?crc_token={body}").parse().unwrap();
        assert!(request.received_by(&case.provider()).is_err(), "{body}");
    }
    request.uri = "/webhooks?crc_token=MTIzNDU2Nzg5MA==&nonce=x".parse().unwrap();
    assert!(matches!(request.received_by(&case.provider()), Ok(Received::Handshake(_))));
    let forged = case.signed(0, ("", "MTIzNDU2Nzg5MA=="), NOW).received_by(&case.provider()).unwrap_err();
    assert_eq!(forged.kind(), RejectionKind::Malformed);
}

/// The secret in a handshake is not taken, because any client could send one.
#[tokio::test]
async fn asana_heartbeats_and_handshakes_are_answered_200_without_the_handler() {
    let heartbeat = signed(&senders::ASANA, "", r#"{"events":[]}"#);
    let mut handshake = heartbeat.clone().with("x-hook-secret", "attacker");
    handshake.headers.remove("x-hook-signature");
    let case = named("asana");
    let forged = super::requests::signed_by(&senders::ASANA, "attacker", "", case.event.1);
    let answers = answers(provider(&senders::ASANA), vec![heartbeat, handshake, forged]).await;
    assert!(answers[0].starts_with("200") && !answers[0].ends_with("executed"), "{answers:?}");
    assert!(answers[1].starts_with("200") && answers[2].starts_with("401"), "{answers:?}");
}

/// Two changes of one account are two equal notifications, and so is a retry.
#[tokio::test]
async fn every_dropbox_notification_reaches_the_handler() {
    let case = named("dropbox");
    let equal = vec![case.genuine(), case.genuine()];
    assert_eq!(answers(case.provider(), equal).await, ["200 bypassed", "200 bypassed"]);
}

/// One member joins, leaves and joins again: two of the events are equal.
#[test]
fn equal_events_in_one_request_of_pusher_are_events_of_their_own() {
    let of = |time: u64, names: &[&str]| {
        let events =
            names.iter().map(|name| format!(r#"{{"name":"{name}","channel":"presence-a","user_id":"1"}}"#));
        let body = format!(r#"{{"time_ms":{time},"events":[{}]}}"#, events.collect::<Vec<_>>().join(","));
        let deliveries = deliveries(&signed(&senders::PUSHER, "", &body), &provider(&senders::PUSHER));
        deliveries.iter().map(address).collect::<Vec<_>>()
    };
    let mut all = of(1_000, &["member_added", "member_removed", "member_added"]);
    assert_eq!(all, of(1_000, &["member_added", "member_removed", "member_added"]));
    // The next request begins where the numbers of the first one end.
    all.extend(of(1_001, &["member_removed", "member_added"]));
    all.extend(of(1_002, &["member_added"]));
    let count = all.len();
    all.sort_unstable_by_key(|address| format!("{address:?}"));
    all.dedup();
    assert_eq!(all.len(), count);
}
