//! The recorded handshakes are answered as their sender expects.

use http::Method;
use idempotency_core::provider::{Received, RejectionKind, Scheme, senders};
use idempotency_tests::vectors::{Vector, load};

use super::cases::{NOW, named};
use super::requests::{answers, provider, signed};
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
