//! The errors of a scheme, and how its provider reads a request.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::*;
use crate::provider::{
    Incoming, Provider, Received, Rejection, RejectionKind, Secret, SecretError, SecretSource, Secrets,
    senders,
};
use crate::{Delivery, Scope, testing};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const ACME: Scheme =
    Scheme::hmac_sha256("acme").signature_header("X-Acme-Signature").key_in(Place::Json("/id"));

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
        (ACME.handshake(Handshake::EchoJson("challenge")), SchemeError::Pointer("challenge")),
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
        ACME.key_in(Place::Header("x-id")).timestamp_header("t").any_age().signing("{id}{timestamp}{body}"),
    ] {
        assert!(matches!(error(scheme.clone()), SchemeError::Template { .. }), "{scheme:?}");
    }
    let no_list = ACME.timestamp_item("t=").signing("{timestamp}.{body}");
    assert!(matches!(error(no_list), SchemeError::Setting(_)));
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
fn a_malformed_secret_of_a_source_is_unavailable() {
    struct Source;
    #[async_trait::async_trait]
    impl SecretSource for Source {
        async fn secrets(&self, _: &Incoming<'_>) -> Result<Arc<[Secret]>, Rejection> {
            Ok(Arc::new([Secret::new("not hex").unwrap()]))
        }
    }
    let provider = ACME.secret_in_hex().with_secrets(Secrets::from_source(Source)).unwrap();
    let headers = testing::scheme(&ACME, "secret", "", b"{}", NOW);
    assert_eq!(refusal(receive(&provider, &Method::POST, "/", &headers, "{}")), RejectionKind::Unavailable);
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

    let json = ACME.handshake(Handshake::EchoJson("/challenge"));
    let Ok(Received::Handshake(answer)) = signed(&json, "", r#"{"challenge":"abc"}"#) else { panic!() };
    assert_eq!(answer.body, "abc");
    assert_eq!(key(&json, "", r#"{"id":"abc"}"#), "abc");
    let provider = json.with_secret("another").unwrap();
    let headers = testing::scheme(&ACME, "secret", "", br#"{"challenge":"abc"}"#, NOW);
    let forged = receive(&provider, &Method::POST, "/", &headers, r#"{"challenge":"abc"}"#);
    assert_eq!(refusal(forged), RejectionKind::Unauthenticated);
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
        let provider = scheme.clone().with_url("https://example.com/").with_secret(secret).unwrap();
        assert_eq!(provider.name(), scheme.name());
        assert!(!scheme.facts().title.is_empty());
    }
}
