//! The handshakes.

use super::*;

/// The answer to a signed handshake.
fn answered(scheme: &Scheme, body: &str) -> Option<String> {
    match signed(scheme, "", body) {
        Ok(Received::Handshake(answer)) => Some(String::from_utf8(answer.body.to_vec()).unwrap()),
        _ => None,
    }
}

#[test]
fn handshakes_are_answered_without_the_handler() {
    let get = |scheme: Scheme, method: Method, uri: &str| {
        let provider = scheme.with_secret("secret").unwrap();
        match receive(&provider, &method, uri, &HeaderMap::new(), "") {
            Ok(Received::Handshake(answer)) => Some(answer),
            _ => None,
        }
    };
    let echo = || ACME.handshake(Handshake::EchoQuery("hub.challenge"));
    let answer = get(echo(), Method::GET, "/?a=1&hub.challenge=1%3C2").unwrap();
    assert_eq!((answer.status, &answer.body[..]), (StatusCode::OK, &b"1<2"[..]));
    assert_eq!(answer.headers["content-type"], "text/plain");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    let long = format!("/?hub.challenge={}", "x".repeat(1025));
    for uri in ["/", "/?hub.challenge=", "/?hub.challenge=1&hub.challenge=2", &long] {
        assert!(get(echo(), Method::GET, uri).is_none(), "{uri}");
    }
    assert!(get(echo(), Method::POST, "/?hub.challenge=1").is_none());
    assert!(get(ACME.handshake(Handshake::Head), Method::HEAD, "/").is_some());
    assert!(get(ACME, Method::HEAD, "/").is_none());

    let json = ACME.handshake(echo_json("/challenge", "/type"));
    let check = r#"{"type":"check","challenge":"abc"}"#;
    assert_eq!(answered(&json, check).as_deref(), Some("abc"));
    let provider = json.with_secret("another").unwrap();
    let headers = testing::scheme(&ACME, "secret", "", check.as_bytes(), NOW);
    assert_eq!(
        refusal(receive(&provider, &Method::POST, "/", &headers, check)),
        RejectionKind::Unauthenticated
    );
}

#[test]
fn an_event_that_does_not_say_that_it_is_a_handshake_is_a_delivery() {
    let echo = ACME.handshake(echo_json("/challenge", "/type"));
    for body in [
        r#"{"id":"evt","challenge":"abc"}"#,
        r#"{"id":"evt","type":"captcha.failed","challenge":"abc"}"#,
        r#"{"id":"evt","type":["check"],"challenge":"abc"}"#,
        r#"{"id":"evt","type":"check"}"#,
        r#"{"id":"evt","type":"check","challenge":""}"#,
        r#"{"id":"evt","type":"check","challenge":7}"#,
    ] {
        assert_eq!(key(&echo, "", body), "evt", "{body}");
    }
    let repeated = r#"{"id":"evt","type":"check","type":"paid","challenge":"abc"}"#;
    assert_eq!(refusal(signed(&echo, "", repeated)), RejectionKind::Malformed);
    let at_key = ACME.handshake(echo_json("/id", "/type"));
    assert_eq!(error(at_key), SchemeError::Setting("the key is the text of the handshake"));
}

#[test]
fn only_short_tokens_are_signed_for_a_handshake() {
    let scheme = ACME.handshake(Handshake::SignJson {
        pointer: "/token",
        when: ("/type", "check"),
        plain: "plain",
        signed: "signed",
    });
    let check = |token: &str| serde_json::json!({"id": 1, "type": "check", "token": token}).to_string();
    let answer = answered(&scheme, &check("qgg8vlvZRS6UYooatFL8Aw+/=_-")).unwrap();
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["plain"], "qgg8vlvZRS6UYooatFL8Aw+/=_-");
    assert_eq!(answer["signed"].as_str().unwrap().len(), 64);
    assert!(answered(&scheme, &check(&"a".repeat(128))).is_some());
    for token in ["v0:1767225600:{}", "{}", "a b", "é", "a.b", &"a".repeat(129)] {
        assert_eq!(refusal(signed(&scheme, "", &check(token))), RejectionKind::Malformed, "{token}");
    }
}
