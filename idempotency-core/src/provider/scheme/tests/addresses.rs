//! Schemes and bodies that would give two events one key, or one event two.

use super::*;

fn batch(received: Result<Received, Rejection>) -> Vec<Delivery> {
    match received {
        Ok(Received::Batch(deliveries)) => deliveries,
        other => panic!("not a batch: {other:?}"),
    }
}

fn snapshot(scheme: &Scheme, body: &str) -> Delivery {
    let provider = scheme.clone().with_secret("secret").unwrap().discarding_stale(["t"]).unwrap();
    let headers = testing::scheme(scheme, "secret", "", body.as_bytes(), NOW);
    delivery(receive(&provider, &Method::POST, "/", &headers, body))
}

#[test]
fn resources_of_two_places_are_two() {
    let scheme = ACME.type_in(Place::Json("/type")).ordered_by(
        Place::FirstOf(&[Place::Json("/order/id"), Place::Json("/invoice/id")]),
        Place::Json("/v"),
        VersionForm::Number,
    );
    let a = snapshot(&scheme, r#"{"id":"a","type":"t","order":{"id":1},"v":9}"#);
    let b = snapshot(&scheme, r#"{"id":"b","type":"t","invoice":{"id":1},"v":8}"#);
    assert_ne!(a.order().unwrap().resource(), b.order().unwrap().resource());
}

#[test]
fn an_unreadable_body_around_the_events_drops_no_account() {
    let scheme = ACME.events_in("/events/*").account_in(Place::Envelope("/merchant/id"));
    let scheme = scheme.type_in(Place::Envelope("/topic"));
    for body in [
        r#"{"merchant":{"id":"m1"},"topic":"\ud83d","events":[{"id":"1"}]}"#,
        r#"{"merchant":{"id":"\ud83d"},"topic":"t","events":[{"id":"1"}]}"#,
    ] {
        assert_eq!(refusal(signed(&scheme, "", body)), RejectionKind::Malformed, "{body}");
    }
    for more in ["", r#","\ud83d":0"#] {
        let body = format!(r#"{{"merchant":{{"id":"m1"{more}}},"topic":"t","events":[{{"id":"1"}}]}}"#);
        let read = signed(&scheme, "", &body);
        assert_eq!(batch(read).remove(0).scope().to_string(), "e;account=m1", "{body}");
    }
}

#[test]
fn a_body_that_cannot_be_read_drops_no_account() {
    let scheme =
        ACME.key_in(Place::Header("x-id")).signing("{id}.{body}").account_in(Place::Json("/merchant"));
    let scheme = scheme.type_in(Place::Json("/topic"));
    let received = signed(&scheme, "1", r#"{"merchant":"m1","topic":"\ud83d"}"#);
    assert_eq!(refusal(received), RejectionKind::Malformed);
}

#[test]
fn hubspot_events_about_two_objects_are_two() {
    let scheme = senders::HUBSPOT.with_url("https://example.com/h");
    let body = r#"[{"portalId":1,"subscriptionId":2,"eventId":3,"occurredAt":4,"objectId":100,"subscriptionType":"deal.creation","attemptNumber":0},{"portalId":1,"subscriptionId":2,"eventId":3,"occurredAt":4,"objectId":200,"subscriptionType":"deal.creation","attemptNumber":0}]"#;
    let events = batch(signed(&scheme, "", body));
    assert_ne!(events[0].key(), events[1].key());
}

#[test]
fn a_wildcard_in_a_place_is_an_error() {
    let scheme = ACME.events_in("/entry/*/changes/*").account_in(Place::Envelope("/entry/*/id"));
    assert_eq!(error(scheme), SchemeError::Pointer("/entry/*/id"));
    let scheme = ACME.differing_between_attempts(&["/items/*/attempt"]);
    assert_eq!(error(scheme), SchemeError::Pointer("/items/*/attempt"));
}

#[test]
fn mistakes_in_a_handshake_are_errors() {
    let header = Handshake::EchoHeader { header: "x challenge", json: "v" };
    let no_json = Handshake::Answer { when: ("/type", "1"), status: 200, json: "{type:1" };
    let no_content = Handshake::Answer { when: ("/type", "1"), status: 204, json: "{}" };
    let accepted: Vec<_> = [header, no_json, no_content]
        .into_iter()
        .filter(|handshake| ACME.handshake(*handshake).with_secret("secret").is_ok())
        .collect();
    assert!(accepted.is_empty(), "accepted: {accepted:?}");
}

#[test]
fn a_delivery_with_the_method_of_the_handshake_is_an_error() {
    let echo = Handshake::EchoHeader { header: "x-challenge", json: "v" };
    for (method, handshake) in [("GET", echo), ("GET", Handshake::EchoQuery("c")), ("HEAD", Handshake::Head)]
    {
        let scheme = ACME.handshake(handshake);
        assert!(scheme.clone().with_secret("secret").is_ok());
        match (method, handshake) {
            ("HEAD", _) => assert!(scheme.methods(&["HEAD"]).with_secret("secret").is_err()),
            _ => assert!(scheme.methods(&["GET"]).with_secret("secret").is_err()),
        }
    }
}

#[test]
fn a_signature_is_no_key() {
    let scheme = ACME.key_in(Place::Header("X-Signature")).signature_header("x-signature");
    assert!(matches!(error(scheme), SchemeError::Place { .. }));
}

#[test]
fn a_fixed_answer_needs_a_signed_key() {
    let answer = Handshake::Answer { when: ("/type", "1"), status: 200, json: "" };
    assert!(matches!(error(ACME.key_in(Place::Header("x-id")).handshake(answer)), SchemeError::Place { .. }));
    assert!(ACME.handshake(answer).with_secret("secret").is_ok());
}

#[test]
fn an_order_by_a_digest_is_an_error() {
    let scheme =
        ACME.type_in(Place::Json("/type")).ordered_by(Place::Digest, Place::Json("/v"), VersionForm::Number);
    assert!(scheme.with_secret("secret").is_err());
}

#[test]
fn a_sequence_is_a_whole_number() {
    let scheme = ACME.events_in("/events/*").key_in(Place::Sequence("/first"));
    let of = |first: &str| signed(&scheme, "", &format!(r#"{{"first":{first},"events":[1]}}"#));
    assert!(of(r#""+5""#).is_err(), "{:?}", of(r#""+5""#));
}

#[test]
fn an_account_has_one_place() {
    let scheme = ACME.account_in(Place::FirstOf(&[Place::Json("/org"), Place::Json("/user")]));
    assert!(matches!(error(scheme), SchemeError::Place { .. }));
}

#[test]
fn the_account_of_an_order_is_signed() {
    let scheme = ACME.key_in(Place::Header("x-id")).account_in(Place::Header("x-account"));
    let scheme = scheme.type_in(Place::Json("/type"));
    assert!(scheme.clone().with_secret("secret").is_ok());
    let scheme = scheme.ordered_by(Place::Json("/order"), Place::Json("/v"), VersionForm::Number);
    assert!(matches!(error(scheme), SchemeError::Place { .. }));
}
