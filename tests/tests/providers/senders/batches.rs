//! Several events in one request: each has a key of its own, and no event is lost or taken for another one.

use std::collections::BTreeSet;

use http::Method;
use idempotency_core::KeyDigest;
use idempotency_core::provider::{
    Handshake, Place, Received, RejectionKind, Scheme, SchemeError, SchemeProvider, senders,
};
use idempotency_tests::vectors::{Vector, load};

use super::cases::{NOW, SECRETS, named};
use super::requests::{SECRET, answers, provider, signed};
use super::{address, deliveries, delivery, with_url};

const ACME: Scheme =
    Scheme::hmac_sha256("acme").signature_header("x-sig").events_in("/events/*").key_in(Place::Json("/id"));

fn refused(scheme: &Scheme, body: &str) -> RejectionKind {
    signed(scheme, "", body).received_by(&provider(scheme)).unwrap_err().kind()
}

fn keys(scheme: &Scheme, body: &str) -> Vec<String> {
    let deliveries = deliveries(&signed(scheme, "", body), &provider(scheme));
    deliveries.iter().map(|delivery| delivery.key().as_str().to_owned()).collect()
}

/// The addresses of the events in a recorded request.
fn recorded(scheme: &Scheme, name: &str) -> Vec<KeyDigest> {
    let vectors = load(scheme.name());
    let vector: &Vector = vectors.iter().find(|vector| vector.name == name).unwrap();
    let scheme = with_url(scheme, vector.url.as_deref().unwrap_or_default());
    let provider: SchemeProvider = scheme.with_secret(&vector.secret).unwrap();
    deliveries(&vector.request(), &provider).iter().map(address).collect()
}

#[test]
fn a_request_with_one_event_is_a_batch_too() {
    for body in [r#"{"events":[{"id":"a"}]}"#, r#"{"events":[]}"#] {
        let received = signed(&ACME, "", body).received_by(&provider(&ACME));
        assert!(matches!(received, Ok(Received::Batch(_))), "{received:?}");
    }
}

#[test]
fn each_event_has_its_own_key_in_the_order_of_the_request() {
    let body = r#"{"id":"outside","events":[{"id":"a"},{"x":{"id":"no"},"id":7},{"id":"a"}],"last":1}"#;
    assert_eq!(keys(&ACME, body), ["a", "7", "a"]);
    let nested = ACME.events_in("/entry/*/changes/*");
    let body =
        r#"{"entry":[{"id":"e","changes":[{"id":"a"},{"id":"b"}]},{"changes":[]},{"changes":[{"id":"c"}]}]}"#;
    assert_eq!(keys(&nested, body), ["a", "b", "c"]);
}

/// Half of an emoji that the sender cut, which JSON allows (RFC 8259, section 8.2).
#[test]
fn an_event_with_a_lone_surrogate_takes_no_other_event_down() {
    let scheme = ACME.account_in(Place::Envelope("/merchant/id")).type_in(Place::Json("/data/type"));
    let body = r#"{"\ud83d":1,"merchant":{"\ud83d":1,"id":"m"},"events":[
        {"\ud83d":"\ud83d","id":"a","data":{"\udc00":{"type":"no"},"type":"t"}},
        {"id":"b","data":"\ud83d"},
        {"note":"\ud83d","i\u0064":"c"}]}"#;
    let deliveries = deliveries(&signed(&scheme, "", body), &provider(&scheme));
    let read =
        deliveries.iter().map(|delivery| (delivery.key().as_str(), delivery.attributes().event_type()));
    assert!(read.eq([("a", Some("t")), ("b", None), ("c", None)]), "{deliveries:?}");
    assert!(deliveries.iter().all(|delivery| delivery.scope().tenants().eq(["m"])));
    for unreadable in [r#"{"id":"\ud83d"}"#, r#"{"\ud83d":1,"id":"a","i\u0064":"b"}"#] {
        let body = format!(r#"{{"merchant":{{"id":"m"}},"events":[{unreadable}]}}"#);
        assert_eq!(refused(&scheme, &body), RejectionKind::Malformed, "{unreadable}");
    }
}

#[test]
fn events_that_are_grouped_anew_keep_their_keys() {
    for (scheme, first, again, known) in [
        (senders::HUBSPOT, "valid-1", "regrouped-batch", 3),
        (senders::SENDGRID, "gen-batch", "gen-partial-overlap", 2),
    ] {
        let first: BTreeSet<_> = recorded(&scheme, first).into_iter().collect();
        let again = recorded(&scheme, again);
        assert_eq!(again.iter().filter(|key| first.contains(key)).count(), known, "{}", scheme.name());
    }
    let xero = |events: &[&str], first: u8| {
        let events = events.iter().map(|time| {
            format!(
                r#"{{"resourceId":"r","eventDateUtc":"{time}","eventType":"UPDATE","eventCategory":"CONTACT","tenantId":"t"}}"#
            )
        });
        let events = events.collect::<Vec<_>>().join(",");
        keys(&senders::XERO, &format!(r#"{{"events":[{events}],"firstEventSequence":{first}}}"#))
    };
    // Two events about one resource at one time are two. A part of the list begins with a later number.
    let all = xero(&["a", "a", "b"], 8);
    assert_eq!(all, ["t;8;r;a", "t;9;r;a", "t;10;r;b"]);
    assert_eq!(xero(&["a", "b"], 9), all[1..]);
}

#[test]
fn the_states_of_one_whatsapp_message_are_events_of_their_own() {
    let statuses = recorded(&senders::META, "statuses-same-id");
    let distinct: BTreeSet<_> = statuses.iter().collect();
    assert!(!statuses.is_empty() && distinct.len() == statuses.len());
    assert!(recorded(&senders::META, "valid-1").iter().all(|message| !statuses.contains(message)));
}

#[test]
fn a_message_without_the_list_is_refused_and_not_acknowledged_as_an_empty_one() {
    for body in ["{}", "[]", "null", r#"{"events":null}"#, r#"{"events":{}}"#, r#"{"event":[]}"#, "", "{"] {
        assert_eq!(refused(&ACME, body), RejectionKind::Malformed, "{body}");
    }
    let nested = ACME.events_in("/entry/*/changes/*");
    let body = r#"{"entry":[{"changes":[{"id":"a"}]},{"messaging":[{"id":"b"}]}]}"#;
    assert_eq!(refused(&nested, body), RejectionKind::Malformed);
}

#[test]
fn an_event_without_a_key_is_refused_with_its_request() {
    for event in ["{}", r#"{"id":null}"#, r#"{"id":""}"#, r#"{"id":1.5}"#, "[]", "7", "\"a\"", "null"] {
        let body = format!(r#"{{"id":"outside","events":[{{"id":"a"}},{event}]}}"#);
        assert_eq!(refused(&ACME, &body), RejectionKind::KeyMissing, "{event}");
    }
}

#[test]
fn a_field_that_is_read_and_repeated_is_refused_in_each_place() {
    let scheme = ACME.type_in(Place::Json("/data/type")).account_in(Place::Envelope("/account"));
    for body in [
        r#"{"account":"x","events":[{"id":"a","id":"b"}]}"#,
        r#"{"account":"x","events":[{"id":"a","\u0069d":"a"}]}"#,
        r#"{"account":"x","events":[{"id":"a"}],"events":[{"id":"a"}]}"#,
        r#"{"account":"x","account":"x","events":[{"id":"a"}]}"#,
        r#"{"account":"x","events":[{"id":"a","data":{"type":"t"},"data":{}}]}"#,
    ] {
        assert_eq!(refused(&scheme, body), RejectionKind::Malformed, "{body}");
    }
    assert_eq!(keys(&scheme, r#"{"account":"x","events":[{"id":"a","z":1,"z":2}],"y":1,"y":2}"#), ["a"]);
}

#[test]
fn more_events_than_the_limit_are_refused() {
    let list = |count: usize| {
        let events: Vec<_> = (0..count).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
        format!(r#"{{"events":[{}]}}"#, events.join(","))
    };
    let two = ACME.max_events(2);
    assert_eq!(keys(&two, &list(2)).len(), 2);
    assert_eq!(refused(&two, &list(3)), RejectionKind::Malformed);
    assert_eq!(keys(&ACME, &list(10_000)).len(), 10_000);
    assert_eq!(refused(&ACME, &list(10_001)), RejectionKind::Malformed);
}

#[test]
fn an_account_may_be_in_the_event_or_outside() {
    let inside = ACME.account_in(Place::Json("/account"));
    let outside = ACME.account_in(Place::Envelope("/account"));
    let body = r#"{"account":"x","events":[{"id":"a","account":"x"},{"id":"a","account":"y"}]}"#;
    let addresses = |scheme: &Scheme| -> BTreeSet<_> {
        deliveries(&signed(scheme, "", body), &provider(scheme)).iter().map(address).collect()
    };
    assert_eq!([addresses(&inside).len(), addresses(&outside).len()], [2, 1]);
}

#[test]
fn an_unsigned_key_is_bound_to_its_event_and_not_to_the_rest_of_the_request() {
    let case = named("okta");
    let of = |events: &str| {
        let body = format!(r#"{{"eventId":"b","data":{{"events":[{events}]}}}}"#);
        let deliveries = deliveries(&case.signed(0, ("", &body), NOW), &case.provider());
        deliveries.iter().map(|delivery| delivery.fingerprint().unwrap()).collect::<Vec<_>>()
    };
    let (one, other) = (r#"{"uuid":"1","severity":"INFO"}"#, r#"{"uuid":"2"}"#);
    let both = of(&format!("{one}, {other}"));
    assert_eq!(both, [of(one)[0], of(other)[0]]);
    assert_ne!(both[0], of(r#"{"uuid":"1","severity":"WARN"}"#)[0]);
}

#[test]
fn a_digest_is_of_the_event_without_what_differs_between_attempts() {
    let scheme = ACME.key_in(Place::Digest).differing_between_attempts(&["/attempt"]);
    let [first, retry] = [1, 2].map(|attempt| {
        keys(&scheme, &format!(r#"{{"n":{attempt},"events":[{{"a":1,"attempt":{attempt}}},{{"a":2}}]}}"#))
    });
    assert_eq!(first, retry);
    assert_ne!(first[0], first[1]);
}

/// LINE and Xero check an endpoint so, and Asana sends such heartbeats.
#[tokio::test]
async fn an_empty_list_is_answered_200_without_the_handler() {
    let empty = r#"{"destination":"x","events":[]}"#;
    for scheme in [senders::LINE, senders::XERO] {
        let genuine = signed(&scheme, "", empty);
        let name = scheme.signature_header_names()[0];
        let requests = vec![genuine.clone(), genuine.with(name, "AAAA")];
        let answers = answers(provider(&scheme), requests).await;
        assert!(answers[0].starts_with("200") && answers[1].starts_with("401"), "{answers:?}");
    }
}

#[test]
fn okta_is_sent_its_challenge_back_in_json() {
    let case = named("okta");
    let mut request = case.genuine();
    request.headers.clear();
    request.method = Method::GET;
    let answered = |value: &str| {
        let request = request.clone().with("x-okta-verification-challenge", value);
        match request.received_by(&case.provider()) {
            Ok(Received::Handshake(answer)) => String::from_utf8(answer.body.to_vec()).ok(),
            _ => None,
        }
    };
    assert_eq!(answered("6bSi3a").as_deref(), Some(r#"{"verification":"6bSi3a"}"#));
    assert_eq!(answered(r#"a","b":"c"#).as_deref(), Some(r#"{"verification":"a\",\"b\":\"c"}"#));
    assert_eq!(answered(""), None);
    assert_eq!(answered(&"a".repeat(2_000)), None);
    assert!(request.received_by(&case.provider()).is_err());
}

#[test]
fn a_type_is_that_of_the_event() {
    let scheme = ACME.type_in(Place::Json("/type"));
    let body = r#"{"type":"list","events":[{"id":"a","type":"made"},{"id":"b"}]}"#;
    let deliveries = deliveries(&signed(&scheme, "", body), &provider(&scheme));
    let types: Vec<_> = deliveries.iter().map(|delivery| delivery.attributes().event_type()).collect();
    assert_eq!(types, [Some("made"), None]);
    let meta = named("meta");
    let event_type = delivery(&meta.genuine(), &meta.provider());
    assert_eq!(event_type.attributes().event_type(), Some("whatsapp_business_account"));
}

#[test]
fn a_list_that_cannot_be_read_is_refused_when_the_provider_is_made() {
    const SINGLE: Scheme = Scheme::hmac_sha256("acme").signature_header("x-sig").key_in(Place::Json("/id"));
    for path in ["", "/", "/events", "events/*", "*", "/*/events"] {
        assert_eq!(SINGLE.events_in(path).with_secret(SECRET).unwrap_err(), SchemeError::Events(path));
    }
    let same = [
        Place::Header("x-id"),
        Place::Envelope("/id"),
        Place::Joined(&[Place::Envelope("/id"), Place::Header("x-id")]),
        Place::FirstOf(&[Place::Json("/id"), Place::Envelope("/id")]),
    ];
    for place in same {
        let refused = ACME.key_in(place).with_secret(SECRET).unwrap_err();
        assert!(refused.to_string().contains("the same for all events"), "{refused}");
    }
    for place in [Place::Envelope("/id"), Place::Sequence("/id")] {
        assert!(matches!(SINGLE.key_in(place).with_secret(SECRET), Err(SchemeError::Place { .. })));
    }
    let answer = Handshake::Answer { when: ("/type", "ping"), status: 200, json: "" };
    for scheme in [SINGLE.max_events(10), ACME.max_events(0), ACME.handshake(answer)] {
        assert!(matches!(scheme.with_secret(SECRETS[0]), Err(SchemeError::Setting(_))));
    }
}
