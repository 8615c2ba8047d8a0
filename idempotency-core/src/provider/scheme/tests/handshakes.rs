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

#[test]
fn a_header_is_sent_back_to_a_request_without_a_signature() {
    let scheme = ACME.handshake(Handshake::ReturnHeader("X-Hook-Secret"));
    let provider = scheme.clone().with_secret("secret").unwrap();
    let of =
        |headers: &HeaderMap, method: &Method| receive(&provider, method, "/", headers, r#"{"id":"evt"}"#);
    let mut headers = HeaderMap::new();
    headers.insert("x-hook-secret", "b537207f".parse().unwrap());
    let Ok(Received::Handshake(answer)) = of(&headers, &Method::POST) else { panic!("not answered") };
    assert_eq!(
        (answer.status, &answer.headers["x-hook-secret"]),
        (StatusCode::OK, &"b537207f".parse().unwrap())
    );
    assert!(answer.body.is_empty());
    assert!(of(&headers, &Method::GET).is_err());
    // A secret that anyone may send is not one.
    let forged = testing::scheme(&scheme, "b537207f", "", br#"{"id":"evt"}"#, NOW);
    assert_eq!(refusal(of(&forged, &Method::POST)), RejectionKind::Unauthenticated);
    // A delivery is not acknowledged without the handler.
    let mut both = testing::scheme(&scheme, "secret", "", br#"{"id":"evt"}"#, NOW);
    both.insert("x-hook-secret", "b537207f".parse().unwrap());
    assert_eq!(delivery(of(&both, &Method::POST)).key().as_str(), "evt");
    both.insert("x-acme-signature", "00".parse().unwrap());
    assert_eq!(refusal(of(&both, &Method::POST)), RejectionKind::Unauthenticated);
    for value in [String::new(), "x".repeat(1025)] {
        headers.insert("x-hook-secret", value.parse().unwrap());
        assert_eq!(refusal(of(&headers, &Method::POST)), RejectionKind::Unauthenticated);
    }
    headers.insert("x-hook-secret", "a".parse().unwrap());
    headers.append("x-hook-secret", "b".parse().unwrap());
    assert_eq!(refusal(of(&headers, &Method::POST)), RejectionKind::Unauthenticated);
}

const SIGN_QUERY: Scheme = ACME
    .prefix("sha256=")
    .base64()
    .key_in(Place::Digest)
    .handshake(Handshake::SignQuery { parameter: "crc_token", json: "response_token" });

#[test]
fn a_token_in_the_query_is_sent_back_signed_by_the_first_secret() {
    let provider = SIGN_QUERY.with_secret("secret").unwrap().with_secret("other").unwrap();
    let get = |uri: &str| match receive(&provider, &Method::GET, uri, &HeaderMap::new(), "") {
        Ok(Received::Handshake(answer)) => Some(answer),
        _ => None,
    };
    let answer = get("/?nonce=1&crc_token=challenge_string_1").unwrap();
    // Computed with another program.
    let expected = r#"{"response_token":"sha256=0kkDUayQGw+f5jmu9fl+hEY4OqoqjyyxxjPcTOSiCio="}"#;
    assert_eq!(&answer.body[..], expected.as_bytes());
    assert_eq!(answer.headers["content-type"], "application/json");
    for token in ["", "%7B%22id%22%3A1%7D", "[]", "a%20b", "%C3%A9", "1.5", &"a".repeat(129)] {
        assert!(get(&format!("/?crc_token={token}")).is_none(), "{token}");
    }
    assert!(get("/?crc_token=1&crc_token=2").is_none() && get("/").is_none());
}

/// The answer to the handshake is the signature of such a body.
#[test]
fn a_body_that_the_handshake_signs_for_anyone_is_refused() {
    for body in ["abc", "12345", "true", "null", "", &"a".repeat(128)] {
        assert_eq!(refusal(signed(&SIGN_QUERY, "", body)), RejectionKind::Malformed, "{body}");
    }
    for body in ["{}", "[1]", "\"abc\"", &"a".repeat(129)] {
        assert!(signed(&SIGN_QUERY, "", body).is_ok(), "{body}");
    }
    assert!(signed(&SIGN_QUERY.handshake(Handshake::None), "", "abc").is_ok());
    let sha1 = Scheme::hmac_sha1("acme").signature_header("x").key_in(Place::Digest);
    let sha1 = sha1.handshake(Handshake::SignQuery { parameter: "t", json: "r" });
    assert!(matches!(error(sha1), SchemeError::Setting(_)));
}
