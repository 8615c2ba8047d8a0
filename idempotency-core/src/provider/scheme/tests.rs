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

mod addresses;
mod handshakes;
mod keys;
mod secrets;

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
            place(Place::Joined(&[Place::Digest]), "is nested too deeply"),
        ),
        (
            ACME.key_in(Place::FirstOf(&[Place::Header("x-id"), Place::Json("/id")])),
            place(
                Place::FirstOf(&[Place::Header("x-id"), Place::Json("/id")]),
                "has an unsigned place before a signed one: an attacker could add the unsigned value",
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
        // In hexadecimal, and in base64 too.
        let secret = if scheme.proof() == Proof::BasicAuth { "user:736563726574" } else { "736563726574" };
        let is_url_signed = scheme.is_url_signed();
        let scheme = scheme.clone();
        let scheme = if is_url_signed { scheme.with_url("https://example.com/") } else { scheme };
        let public_key = scheme.public_key(secret);
        let provider = scheme.clone().with_secret(public_key.as_deref().unwrap_or(secret)).unwrap();
        assert_eq!(provider.name(), scheme.name());
        assert!(!scheme.facts().title.is_empty());
    }
}
