//! The errors of a scheme, and how its provider reads a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::*;
use crate::provider::{
    Incoming, Methods, Provider, Received, Rejection, RejectionKind, Secret, SecretError, SecretSource,
    Secrets, senders,
};
use crate::{Delivery, Policy, Scope, testing};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const ACME: Scheme =
    Scheme::hmac_sha256("acme").signature_header("X-Acme-Signature").key_in(Place::Json("/id"));

const fn echo_json(pointer: &'static str, when: &'static str) -> Handshake {
    Handshake::EchoJson { pointer, when: (when, "check") }
}

fn error(scheme: Scheme) -> SchemeError {
    scheme.with_secret("secret").unwrap_err()
}

fn receive(
    provider: &SchemeProvider,
    method: &Method,
    uri: &str,
    headers: &HeaderMap,
    body: &str,
) -> Result<Received, Rejection> {
    let (uri, scope, body): (Uri, _, _) =
        (uri.parse().unwrap(), Scope::endpoint("e"), Bytes::copy_from_slice(body.as_bytes()));
    let incoming = Incoming::new(method, &uri, headers, &body, NOW, &scope);
    provider.receive(&incoming).now_or_never().expect("a fixed secret is ready at once")
}

/// The result for a signed POST whose headers in places of the key have the id.
fn signed(scheme: &Scheme, id: &str, body: &str) -> Result<Received, Rejection> {
    let provider = scheme.clone().with_secret("secret").unwrap();
    let headers = testing::scheme(scheme, "secret", id, body.as_bytes(), NOW);
    receive(&provider, &Method::POST, "/", &headers, body)
}

fn delivery(received: Result<Received, Rejection>) -> Delivery {
    match received {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

fn key(scheme: &Scheme, id: &str, body: &str) -> String {
    delivery(signed(scheme, id, body)).key().as_str().to_owned()
}

fn refusal(received: Result<Received, Rejection>) -> RejectionKind {
    received.expect_err("it was accepted").kind()
}

#[test]
fn a_malformed_scheme_is_an_error_when_its_provider_is_made() {
    let place = |place, reason| SchemeError::Place { place, reason };
    let cases = [
        (Scheme::hmac_sha256("Acme").signature_header("x").key_in(Place::Digest), SchemeError::Name("Acme")),
        (Scheme::hmac_sha256("").signature_header("x").key_in(Place::Digest), SchemeError::Name("")),
        (Scheme::hmac_sha256("acme").key_in(Place::Digest), SchemeError::NoSignatureHeader),
        (ACME.signature_headers(&[]), SchemeError::NoSignatureHeader),
        (ACME.signature_header("x y"), SchemeError::HeaderName("x y")),
        (ACME.signature_header(""), SchemeError::HeaderName("")),
        (ACME.key_in(Place::Header("é")), SchemeError::HeaderName("é")),
        (ACME.timestamp_header("t:").signing("{timestamp}.{body}"), SchemeError::HeaderName("t:")),
        (Scheme::hmac_sha256("acme").signature_header("x"), SchemeError::NoKey),
        (ACME.key_in(Place::Json("id")), SchemeError::Pointer("id")),
        (ACME.key_in(Place::Json("")), SchemeError::Pointer("")),
        (ACME.type_in(Place::Json("/a~2")), SchemeError::Pointer("/a~2")),
        (ACME.key_in(Place::When("x", &Place::Json("/id"))), SchemeError::Pointer("x")),
        (ACME.timestamp_in_body("time"), SchemeError::Pointer("time")),
        (ACME.handshake(echo_json("challenge", "/type")), SchemeError::Pointer("challenge")),
        (ACME.handshake(echo_json("/challenge", "type")), SchemeError::Pointer("type")),
        (ACME.methods(&["PUT", "put"]), SchemeError::Method("put")),
        (ACME.methods(&["P T"]), SchemeError::Method("P T")),
        (ACME.methods(&[""]), SchemeError::Method("")),
        (ACME.differing_between_attempts(&["attempt"]), SchemeError::Pointer("attempt")),
        (ACME.key_in(Place::Joined(&[])), place(Place::Joined(&[]), "is a list without places")),
        (ACME.key_in(Place::FirstOf(&[])), place(Place::FirstOf(&[]), "is a list without places")),
        (
            ACME.key_in(Place::Joined(&[Place::Joined(&[Place::Digest])])),
            place(Place::Joined(&[Place::Digest]), "is nested too deep"),
        ),
        (
            ACME.key_in(Place::FirstOf(&[Place::Header("x-id"), Place::Json("/id")])),
            place(
                Place::FirstOf(&[Place::Header("x-id"), Place::Json("/id")]),
                "has an unsigned place before a signed one, which an attacker could add",
            ),
        ),
        (
            ACME.account_in(Place::Header("x-account")),
            place(Place::Header("x-account"), "is not signed, so it cannot be the account of a signed key"),
        ),
        (ACME.signing("{url}{body}"), SchemeError::Url),
        (ACME.signing("{url}{body}").with_url("/webhooks"), SchemeError::Url),
        (ACME.with_url("").signing("{url}{body}"), SchemeError::Url),
    ];
    for (scheme, expected) in cases {
        assert_eq!(error(scheme), expected);
    }
}

#[test]
fn a_template_without_the_body_or_with_an_unsigned_time_is_refused() {
    for scheme in [
        ACME.signing(""),
        ACME.signing("{timestamp}").timestamp_header("t"),
        ACME.signing("{timestamp}.{body}"),
        ACME.timestamp_header("t"),
        ACME.timestamp_item("t=").items(','),
        ACME.timestamp_in_body("/t").signing("{timestamp}.{body}"),
        ACME.signing("{id}.{body}"),
        TIME_AFTER_ID.any_age(),
        TIME_AFTER_ID.tolerance(Duration::MAX),
    ] {
        assert!(matches!(error(scheme.clone()), SchemeError::Template { .. }), "{scheme:?}");
    }
    let no_list = ACME.timestamp_item("t=").signing("{timestamp}.{body}");
    assert!(matches!(error(no_list), SchemeError::Setting(_)));
}

const TIME_AFTER_ID: Scheme =
    ACME.key_in(Place::Header("x-id")).timestamp_header("t").signing("{id}{timestamp}{body}");

/// Otherwise, with a long tolerance, the id could take a digit of the time.
#[test]
fn a_number_beside_a_header_has_all_its_digits() {
    let received = |scheme: &Scheme, now: Duration| {
        let headers = testing::scheme(scheme, "secret", "evt", b"{}", now);
        let provider = scheme.clone().with_secret("secret").unwrap().with_tolerance(Duration::MAX);
        receive(&provider, &Method::POST, "/", &headers, "{}").is_ok()
    };
    let millis = TIME_AFTER_ID.time_unit(TimeUnit::Milliseconds);
    let apart = TIME_AFTER_ID.signing("{id}.{timestamp}.{body}");
    for (now, is_accepted) in [(999_999_999, false), (1_000_000_000, true), (10_000_000_000, false)] {
        assert_eq!(received(&TIME_AFTER_ID, Duration::from_secs(now)), is_accepted, "{now}");
        assert_eq!(received(&millis, Duration::from_secs(now)), is_accepted, "{now}");
        assert!(received(&apart, Duration::from_secs(now)), "{now}");
    }
    let mut headers = testing::scheme(&TIME_AFTER_ID, "secret", "evt", b"{}", NOW);
    headers.insert("x-id", "evt1".parse().unwrap());
    headers.insert("t", NOW.as_secs().to_string()[1..].parse().unwrap());
    let provider = TIME_AFTER_ID.with_secret("secret").unwrap().with_tolerance(Duration::MAX);
    let forged = receive(&provider, &Method::POST, "/", &headers, "{}");
    assert_eq!(refusal(forged), RejectionKind::Unauthenticated);
}

#[test]
fn a_time_in_the_future_is_refused_if_only_the_past_is_accepted() {
    let scheme = ACME.timestamp_header("t").signing("{timestamp}.{body}");
    let received = |scheme: &Scheme, signed_at: Duration| {
        let headers = testing::scheme(scheme, "secret", "", br#"{"id":1}"#, signed_at);
        receive(&scheme.clone().with_secret("secret").unwrap(), &Method::POST, "/", &headers, r#"{"id":1}"#)
    };
    let past_only = scheme.clone().past_only();
    let next = NOW + Duration::from_secs(1);
    assert!(received(&scheme, next).is_ok() && received(&past_only, NOW).is_ok());
    assert_eq!(refusal(received(&past_only, next)), RejectionKind::Unauthenticated);
}

#[test]
fn a_body_beside_a_date_may_begin_with_any_byte() {
    let scheme = ACME
        .timestamp_header("t")
        .time_unit(TimeUnit::Rfc3339)
        .signing("{timestamp}{body}")
        .key_in(Place::Digest);
    assert!(signed(&scheme, "", "id=1&type=paid").is_ok());
    let number = ACME.timestamp_header("t").signing("{timestamp}{body}").key_in(Place::Digest);
    assert_eq!(refusal(signed(&number, "", "1d=1")), RejectionKind::Malformed);
}

#[test]
fn a_token_with_settings_of_a_signature_is_refused() {
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    assert!(token.clone().with_secret("secret").is_ok());
    for scheme in [
        token.clone().signing("{body}."),
        token.clone().base64(),
        token.clone().items(','),
        token.timestamp_in_body("/t"),
        Scheme::basic_auth("acme").signature_header("x").key_in(Place::Json("/id")),
    ] {
        assert!(matches!(scheme.with_secret("user:password"), Err(SchemeError::Setting(_))));
    }
}

#[test]
fn a_secret_in_another_form_is_refused() {
    let refused = |scheme: Scheme, secret: &str| match scheme.with_secret(secret) {
        Err(SchemeError::Secret(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(ACME, " "), SecretError::Blank);
    assert_eq!(refused(ACME.secret_in_base64("whsec_"), "whsec_"), SecretError::Blank);
    assert!(matches!(refused(ACME.secret_in_base64("whsec_"), "whsec_%"), SecretError::Malformed(_)));
    assert!(matches!(refused(ACME.secret_in_hex(), "0g"), SecretError::Malformed(_)));
    let basic = Scheme::basic_auth("acme").key_in(Place::Digest);
    assert!(matches!(refused(basic, "password"), SecretError::Malformed(_)));
    assert!(ACME.secret_in_hex().with_secret("00Ff").is_ok());
    assert!(matches!(
        ACME.secret_in_hex().with_secret("00").unwrap().with_secret("g"),
        Err(SecretError::Malformed(_))
    ));
    assert!(!format!("{:?}", ACME.with_secret("s3cret").unwrap()).contains("s3cret"));
}

#[test]
fn a_malformed_secret_of_a_source_is_left_out_while_another_is_usable() {
    struct Source(&'static [&'static str]);
    #[async_trait::async_trait]
    impl SecretSource for Source {
        async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
            Ok(self.0.iter().map(|secret| Secret::new(secret).unwrap()).collect())
        }
    }
    let scheme = ACME.secret_in_hex();
    let body = r#"{"id":1}"#;
    let received = |secrets: Secrets, signer: &str| {
        let headers = testing::scheme(&scheme, signer, "", body.as_bytes(), NOW);
        let provider = scheme.clone().with_secrets(secrets).unwrap();
        receive(&provider, &Method::POST, "/", &headers, body)
    };
    let of = |secrets| Secrets::from_source(Source(secrets));
    assert!(received(of(&["not hex", "00ff"]), "00ff").is_ok());
    assert!(received(of(&["not hex"]).with_secret(Secret::new("00ff").unwrap()), "00ff").is_ok());
    assert_eq!(refusal(received(of(&["not hex", "00ff"]), "00fe")), RejectionKind::Unauthenticated);
    assert_eq!(refusal(received(of(&["not hex"]), "00ff")), RejectionKind::Unavailable);
}

#[test]
fn a_fixed_secret_in_another_form_is_refused_when_the_provider_is_made() {
    let secrets = |texts: [&str; 2]| Secrets::any_of(texts.map(|text| Secret::new(text).unwrap())).unwrap();
    let made = |texts| ACME.secret_in_hex().with_secrets(secrets(texts));
    assert!(made(["00ff", "00fe"]).is_ok());
    for texts in [["00ff", "not hex"], ["not hex", "00ff"]] {
        assert!(matches!(made(texts), Err(SchemeError::Secret(SecretError::Malformed(_)))), "{texts:?}");
    }
}

#[test]
fn credentials_without_a_password_are_refused() {
    let basic = Scheme::basic_auth("acme").key_in(Place::Digest);
    for secret in ["user:", ":", "user: ", "user", "user:\u{a0}"] {
        let refused = basic.clone().with_secret(secret);
        assert_eq!(refused.is_ok(), secret.ends_with('\u{a0}'), "{secret}");
        assert!(basic.clone().with_secret("user:p").unwrap().with_secret(secret).is_ok() == refused.is_ok());
    }
    assert!(basic.clone().with_secrets(Secrets::one(Secret::raw("user:\t").unwrap())).is_err());
    assert!(basic.with_secret(":p:").is_ok());
}

#[test]
fn a_token_is_compared_as_bytes_and_must_fit_a_header() {
    let scheme = Scheme::token("acme").signature_header("x-token").prefix("t ").key_in(Place::Json("/id"));
    assert!(signed_by(&scheme, "pässwort", "pässwort").is_ok());
    assert_eq!(refusal(signed_by(&scheme, "pässwort", "passwort")), RejectionKind::Unauthenticated);
    for raw in [&b"a\nb"[..], b"ab ", b"\0"] {
        assert!(scheme.clone().with_secrets(Secrets::one(Secret::raw(raw).unwrap())).is_err(), "{raw:?}");
    }
}

/// The result for a POST with the secret of the signer.
fn signed_by(scheme: &Scheme, secret: &str, signer: &str) -> Result<Received, Rejection> {
    let provider = scheme.clone().with_secret(secret).unwrap();
    let headers = testing::scheme(scheme, signer, "", br#"{"id":1}"#, NOW);
    receive(&provider, &Method::POST, "/", &headers, r#"{"id":1}"#)
}

#[test]
fn a_credential_of_another_kind_is_refused() {
    let scheme = ACME.refusing(&["sk_", "pk_"], "the webhook's secret: it is an api key");
    let expected = SecretError::Malformed("the webhook's secret: it is an api key");
    assert_eq!(scheme.clone().with_secret("sk_live").unwrap_err(), SchemeError::Secret(expected.clone()));
    assert_eq!(scheme.with_secret("whsec_sk_").unwrap().with_secret(" pk_1").unwrap_err(), expected);
}

#[test]
fn methods_and_the_largest_body_are_the_schemes() {
    let provider = ACME.methods(&["PUT", "PATCH"]).body_limit(5).with_secret("secret").unwrap();
    assert_eq!(provider.methods(), Methods::only([Method::POST, Method::PUT, Method::PATCH]));
    assert_eq!(provider.policy().body_limit(), 5);
    let provider = ACME.with_secret("secret").unwrap();
    assert_eq!(provider.methods(), Methods::default());
    assert_eq!(provider.policy().body_limit(), Policy::webhook().body_limit());
    let method = ACME.signing("{method}{body}");
    assert!(method.clone().methods(&["PUT"]).with_secret("secret").is_ok());
    assert!(matches!(error(method.methods(&["POSTER"])), SchemeError::Setting(_)));
}

#[test]
fn a_setting_without_effect_is_refused() {
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    for scheme in [
        ACME.tolerance(Duration::from_secs(60)),
        ACME.any_age(),
        ACME.past_only(),
        ACME.time_unit(TimeUnit::Seconds),
        ACME.with_url("https://example.com/"),
        token.clone().secret_in_base64("whsec_"),
        token.clone().secret_in_nfkd(),
        token.with_url("https://example.com/"),
        Scheme::basic_auth("acme").prefix("x").key_in(Place::Json("/id")),
    ] {
        let made = scheme.clone().with_secret("user:c2VjcmV0");
        assert!(matches!(made, Err(SchemeError::Setting(_))), "{scheme:?}");
    }
    assert!(
        ACME.timestamp_in_body("/t").tolerance(NOW).time_unit(TimeUnit::Seconds).with_secret("s").is_ok()
    );
}

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
fn a_signed_text_that_could_be_cut_elsewhere_is_refused() {
    let dated = ACME.key_in(Place::Header("x-id")).timestamp_header("t").time_unit(TimeUnit::Rfc3339);
    let dotted = dated.clone().signing("{id}.{timestamp}.{body}");
    assert_eq!(key(&dotted, "a:1", "1{}"), "a:1");
    assert_eq!(refusal(signed(&dotted, "a.1", "{}")), RejectionKind::Malformed);
    let adjoining = dated.signing("{id}{timestamp}{body}");
    assert_eq!(key(&adjoining, "befa7b53-d79d", "{}"), "befa7b53-d79d");
    for (id, body) in [("a:1", "{}"), ("a.1", "{}"), (r#"a{"x":""#, "{}"), ("a", "1{}"), ("a", "+{}")] {
        assert_eq!(refusal(signed(&adjoining, id, body)), RejectionKind::Malformed, "{id} {body}");
    }
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
        ["e", "e;tenant=json:/code", "e;tenant=header:x-id"]
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
    assert_eq!(scope(r#"{"version":1,"id":"a","account":"json:/code"}"#), "e;tenant=json:/code");
    assert_eq!(scope(r#"{"version":1,"id":"a"}"#), "e");
    assert_eq!(scope(r#"{"code":"a"}"#), "e;tenant=;tenant=json:/code");
    assert_eq!(scope(r#"{"code":"a","account":"x"}"#), "e;tenant=x;tenant=json:/code");
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

/// The answer to a signed handshake.
fn answered(scheme: &Scheme, body: &str) -> Option<String> {
    match signed(scheme, "", body) {
        Ok(Received::Handshake(answer)) => Some(String::from_utf8(answer.body.to_vec()).unwrap()),
        _ => None,
    }
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
fn credentials_are_compared_after_their_decoding() {
    let provider = Scheme::basic_auth("acme").key_in(Place::Json("/id")).with_secret("user:p4ss").unwrap();
    let provider = provider.with_secret("user:old").unwrap();
    assert_eq!(provider.challenge(), "Basic realm=\"acme\"");
    let of = |value: &str| {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", value.parse().unwrap());
        receive(&provider, &Method::POST, "/", &headers, r#"{"id":1}"#).is_ok()
    };
    assert!(of("Basic dXNlcjpwNHNz") && of("basic  dXNlcjpwNHNz") && of("Basic dXNlcjpvbGQ="));
    for value in [
        "dXNlcjpwNHNz",
        "Bearer dXNlcjpwNHNz",
        "Basic dXNlcjpwNHN6",
        "Basic dXNlcjpwNHNz=",
        "Basic ",
        "Basic",
    ] {
        assert!(!of(value), "{value}");
    }
}

#[test]
fn a_policy_outlives_the_retries_and_answers_before_the_sender_gives_up() {
    let policy = |scheme: Scheme| scheme.policy();
    assert_eq!(policy(ACME).retention(), days(7));
    assert_eq!(policy(ACME.retries_for(days(30), Certainty::Reported)).retention(), days(60));
    assert_eq!(policy(ACME.retention(days(1))).retention(), days(1));
    for seconds in [1, 3, 5, 10, 30, 60] {
        let patience = Duration::from_secs(seconds);
        let policy = policy(ACME.waits_for(patience, Certainty::Reported));
        assert!(policy.wait() + policy.store_timeout() < patience, "{patience:?}");
        assert!(policy.wait() >= patience.min(Duration::from_secs(4)) / 2);
    }
    assert_eq!(ACME.signature_window(), Duration::ZERO);
    assert_eq!(senders::WORKOS.signature_window(), Duration::from_secs(180));
    assert_eq!(senders::SANITY.signature_window(), Duration::ZERO);
    let provider = senders::WORKOS.with_secret("secret").unwrap().with_tolerance(NOW);
    assert_eq!(provider.signature_window(), NOW);
}

#[test]
fn every_listed_sender_is_a_valid_scheme_with_a_name_of_its_own() {
    let names: Vec<_> = senders::ALL.iter().map(Scheme::name).collect();
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    for scheme in senders::ALL {
        let secret =
            "user:c2VjcmV0".trim_start_matches(if scheme.proof() == Proof::BasicAuth { "" } else { "user:" });
        let is_url_signed = scheme.is_url_signed();
        let scheme = scheme.clone();
        let scheme = if is_url_signed { scheme.with_url("https://example.com/") } else { scheme };
        let provider = scheme.clone().with_secret(secret).unwrap();
        assert_eq!(provider.name(), scheme.name());
        assert!(!scheme.facts().title.is_empty());
    }
}
