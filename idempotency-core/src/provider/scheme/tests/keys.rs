//! The key and what goes with it.

use super::*;

#[test]
fn a_key_is_read_where_the_scheme_says() {
    assert_eq!(key(&ACME, "", r#"{"id":"evt_1"}"#), "evt_1");
    assert_eq!(key(&ACME, "", r#"{"id":820982911946154500}"#), "820982911946154500");
    let header = ACME.key_in(Place::Header("X-Acme-Id"));
    assert_eq!(key(&header, "evt_1", "not json"), "evt_1");
    let joined = ACME.key_in(Place::Joined(&[Place::Json("/type"), Place::Json("/n")]));
    assert_eq!(key(&joined, "", r#"{"type":"a;b","n":1}"#), "a%3Bb;1");
    assert_eq!(
        key(&ACME.key_in(Place::Digest), "", "{}"),
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    );
}

#[test]
fn a_delivery_without_its_whole_key_is_refused() {
    let joined = ACME.key_in(Place::Joined(&[Place::Json("/type"), Place::Json("/n")]));
    assert_eq!(refusal(signed(&joined, "", r#"{"type":"a"}"#)), RejectionKind::KeyMissing);
    assert_eq!(refusal(signed(&ACME, "", r#"{"id":""}"#)), RejectionKind::KeyMissing);
    assert_eq!(refusal(signed(&ACME, "", r#"{"id":{"id":"a"}}"#)), RejectionKind::KeyMissing);
    assert_eq!(refusal(signed(&ACME, "", r#"{"id":"a","id":"b"}"#)), RejectionKind::Malformed);
    assert_eq!(refusal(signed(&ACME, "", r#"{"id":"ü"}"#)), RejectionKind::Malformed);
    assert_eq!(refusal(signed(&ACME, "", "no json")), RejectionKind::Malformed);
    let typed = ACME.key_in(Place::Header("x-id")).type_in(Place::Json("/type"));
    assert_eq!(refusal(signed(&typed, "1", r#"{"type":"a","type":"b"}"#)), RejectionKind::Malformed);
    let unread = typed.clone().type_in(Place::When("/version", &Place::Json("/type")));
    assert_eq!(key(&unread, "1", r#"{"type":"a","type":"b"}"#), "1");
    assert_eq!(key(&typed, "1", "no json"), "1");
}

#[test]
fn a_fallback_has_keys_of_its_own() {
    let scheme = ACME.key_in(Place::FirstOf(&[
        Place::When("/version", &Place::Json("/id")),
        Place::Json("/code"),
        Place::Header("x-id"),
    ]));
    let of = |id, body| {
        let delivery = delivery(signed(&scheme, id, body));
        (delivery.key().as_str().to_owned(), delivery.scope().clone(), delivery.fingerprint().is_some())
    };
    let (event, code, header) =
        (of("h", r#"{"version":1,"id":"a"}"#), of("h", r#"{"code":"a","id":"b"}"#), of("a", "{}"));
    assert_eq!([&event.0, &code.0, &header.0], ["a", "a", "a"]);
    // A change of these scopes would lose all records under them.
    assert_eq!(
        [event.1, code.1, header.1].map(|scope| scope.to_string()),
        ["e", "e;account=json:/code", "e;account=header:x-id"]
    );
    assert_eq!([event.2, code.2, header.2], [false, false, true]);
}

#[test]
fn a_place_may_depend_on_a_value_of_any_kind() {
    let scheme =
        ACME.key_in(Place::FirstOf(&[Place::When("/event", &Place::Json("/id")), Place::Header("x-id")]));
    for value in [r#"{"id":"b"}"#, "[]", "false", "1.5", r#""""#, "0"] {
        assert_eq!(key(&scheme, "h", &format!(r#"{{"id":"a","event":{value}}}"#)), "a", "{value}");
    }
    assert_eq!(key(&scheme, "h", r#"{"id":"a","event":null}"#), "h");
    assert_eq!(key(&scheme, "h", r#"{"id":"a"}"#), "h");
}

#[test]
fn an_account_cannot_be_taken_for_a_place() {
    let scheme = ACME
        .key_in(Place::FirstOf(&[Place::When("/version", &Place::Json("/id")), Place::Json("/code")]))
        .account_in(Place::Json("/account"));
    let scope = |body: &str| delivery(signed(&scheme, "", body)).scope().to_string();
    assert_eq!(scope(r#"{"version":1,"id":"a","account":"json:/code"}"#), "e;account=json:/code");
    assert_eq!(scope(r#"{"version":1,"id":"a"}"#), "e");
    assert_eq!(scope(r#"{"code":"a"}"#), "e;account=;account=json:/code");
    assert_eq!(scope(r#"{"code":"a","account":"x"}"#), "e;account=x;account=json:/code");
}

#[test]
fn an_unsigned_key_is_bound_to_the_body() {
    let of = |scheme: &Scheme, body: &str| delivery(signed(scheme, "1", body)).fingerprint();
    let header = ACME.key_in(Place::Header("x-id"));
    assert_eq!(of(&ACME, r#"{"id":1}"#), None);
    assert!(of(&header, "{}").is_some());
    assert_ne!(of(&header, "{}"), of(&header, "{ }"));
    assert_eq!(of(&header.clone().signing("{id}.{body}"), "{}"), None);
    assert_eq!(of(&header.clone().signing("{header:X-ID}.{body}"), "{}"), None);
    let joined = ACME.key_in(Place::Joined(&[Place::Header("x-topic"), Place::Json("/id")]));
    assert!(of(&joined, r#"{"id":1}"#).is_some());
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    assert!(of(&token, r#"{"id":1}"#).is_some());
    let counting = header.differing_between_attempts(&["/attempt"]);
    assert_eq!(of(&counting, r#"{"attempt":1,"a":2}"#), of(&counting, r#"{"attempt":2,"a":2}"#));
    assert_ne!(of(&counting, r#"{"attempt":1,"a":2}"#), of(&counting, r#"{"attempt":1,"a":3}"#));
}

#[test]
fn an_account_narrows_the_scope() {
    let scheme = ACME.account_in(Place::Json("/account"));
    let tenants = |body: &str| -> Vec<String> {
        delivery(signed(&scheme, "", body)).scope().tenants().map(ToOwned::to_owned).collect()
    };
    assert_eq!(tenants(r#"{"id":1,"account":"a"}"#), ["a"]);
    assert!(tenants(r#"{"id":1}"#).is_empty());
}

#[test]
fn a_signed_text_that_could_be_cut_elsewhere_is_refused() {
    let dated = ACME.key_in(Place::Header("x-id")).timestamp_header("t").time_unit(TimeUnit::Rfc3339);
    let dotted = dated.clone().signing("{id}.{timestamp}.{body}");
    assert_eq!(key(&dotted, "a:1", "1{}"), "a:1");
    assert_eq!(refusal(signed(&dotted, "a.1", "{}")), RejectionKind::Malformed);
    let adjoining = dated.signing("{id}{timestamp}{body}");
    assert_eq!(key(&adjoining, "befa7b53-d79d", "{}"), "befa7b53-d79d");
    for (id, body) in [("a:1", "{}"), ("a.1", "{}"), (r#"a{"x":""#, "{}")] {
        assert_eq!(refusal(signed(&adjoining, id, body)), RejectionKind::Malformed, "{id} {body}");
    }
}

#[test]
fn without_a_key_every_verified_request_passes_unclaimed() {
    let scheme = Scheme::hmac_sha256("acme").signature_header("X-Acme-Signature").without_key();
    for body in ["{}", "not json"] {
        assert!(matches!(signed(&scheme, "", body), Ok(Received::Bypass)), "{body}");
    }
    let provider = scheme.clone().with_secret("other").unwrap();
    let headers = testing::scheme(&scheme, "secret", "", b"{}", NOW);
    let forged = receive(&provider, &Method::POST, "/", &headers, "{}");
    assert_eq!(refusal(forged), RejectionKind::Unauthenticated);
    for scheme in [
        scheme.clone().key_in(Place::Digest),
        scheme.clone().type_in(Place::Json("/type")),
        scheme.clone().account_in(Place::Json("/account")),
        scheme.clone().events_in("/*"),
        scheme.clone().differing_between_attempts(&["/n"]),
        scheme.handshake(Handshake::Answer { when: ("/type", "ping"), status: 200, json: "" }),
    ] {
        assert!(matches!(error(scheme), SchemeError::Setting(_)));
    }
}
