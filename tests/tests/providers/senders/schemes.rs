//! What a scheme accepts, refuses and names, in requests of listed senders and of others.

use std::time::Duration;

use http::HeaderValue;
use idempotency_core::provider::{
    Handshake, Place, Received, RejectionKind, Scheme, SchemeError, Secret, Secrets, TimeUnit, senders,
};
use idempotency_tests::vectors::Request;

use super::cases::{NOW, URL};
use super::requests::{SECRET, answers, provider, signed};
use super::{address, delivery};

/// JavaScript writes half of an emoji as `\ud83d`, and metadata may have ids of 64 bits.
#[test]
fn a_retry_of_linear_with_a_new_time_has_the_fingerprint_of_the_first_attempt() {
    let scheme = senders::LINEAR;
    let mut wrong = Vec::new();
    for data in [r#"{"title":"\ud83d"}"#, r#"{"metadata":{"id":4323372036854776000}}"#, r#"{"order":1e400}"#]
    {
        let [first, retry] = [1_767_225_600_000_u64, 1_767_225_601_000].map(|time| {
            let body = format!(r#"{{"type":"Issue","data":{data},"webhookTimestamp":{time}}}"#);
            delivery(&signed(&scheme, "id-1", &body), &provider(&scheme))
        });
        assert_eq!(address(&first), address(&retry));
        if first.fingerprint() != retry.fingerprint() {
            wrong.push(data);
        }
    }
    assert!(wrong.is_empty(), "a retry is a mismatch (422) with {wrong:?}");
}

#[test]
fn a_digest_leaves_out_what_differs_between_attempts_whatever_else_the_body_has() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .key_in(Place::Digest)
        .differing_between_attempts(&["/attempt"]);
    let [first, retry] = [1, 2].map(|attempt| {
        let body = format!(r#"{{"order":820982911946154508,"attempt":{attempt}}}"#);
        delivery(&signed(&scheme, "", &body), &provider(&scheme))
    });
    assert_eq!(address(&first), address(&retry), "the retry runs again");
}

/// A group's id at Telegram is negative.
#[test]
fn a_whole_number_may_be_negative_or_long() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .key_in(Place::Joined(&[Place::Json("/chat"), Place::Json("/message")]));
    let mut wrong = Vec::new();
    for body in [r#"{"chat":-1001234567890,"message":7}"#, r#"{"chat":36893488147419103232,"message":7}"#] {
        if let Err(rejection) = signed(&scheme, "", body).received_by(&provider(&scheme)) {
            wrong.push(format!("{body}: {rejection}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_place_may_depend_on_an_object_or_a_flag() {
    let scheme = Scheme::hmac_sha256("acme").signature_header("x-sig").key_in(Place::FirstOf(&[
        Place::When("/event", &Place::Json("/event/id")),
        Place::When("/is_batch", &Place::Json("/batch")),
        Place::Header("x-id"),
    ]));
    let key = |body| delivery(&signed(&scheme, "header", body), &provider(&scheme)).key().as_str().to_owned();
    let keys = [key(r#"{"event":{"id":"signed"}}"#), key(r#"{"is_batch":true,"batch":"signed"}"#)];
    assert_eq!(keys, ["signed", "signed"], "the unsigned header is used instead");
}

/// A date shows where it ends, so no letter of the body can be part of it.
#[test]
fn a_body_after_a_date_may_begin_with_a_letter() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .timestamp_header("x-time")
        .time_unit(TimeUnit::Rfc3339)
        .signing("{timestamp}{body}")
        .key_in(Place::Digest);
    let received = signed(&scheme, "", "id=1&type=paid").received_by(&provider(&scheme));
    assert!(received.is_ok(), "{received:?}");
}

/// The body of a trigger is written by its author, and its ids are not read.
#[test]
fn a_zendesk_trigger_may_repeat_a_member() {
    let received = signed(&senders::ZENDESK, "8350205582", r#"{"id":1,"id":1}"#)
        .received_by(&provider(&senders::ZENDESK));
    assert!(received.is_ok(), "{received:?}");
}

/// An unset variable makes `user:`.
#[test]
fn credentials_without_a_password_are_refused_when_the_provider_is_made() {
    for secret in ["user:", ":", "user: ", "user"] {
        assert!(matches!(senders::POSTMARK.with_secret(secret), Err(SchemeError::Secret(_))), "{secret}");
    }
    assert!(senders::POSTMARK.with_secret("user:password").is_ok());
}

/// `any_age` is refused here, because only the age shows where the id ends. A long tolerance is the same thing.
#[test]
fn a_long_tolerance_does_not_let_the_id_take_a_digit_of_the_time() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .timestamp_header("x-time")
        .signing("{id}{timestamp}{body}")
        .key_in(Place::Header("x-id"));
    assert!(scheme.clone().any_age().with_secret(SECRET).is_err());
    let captured = signed(&scheme, "evt", "{}");
    let forged = captured.with("x-id", "evt1").with("x-time", &NOW.as_secs().to_string()[1..]);
    let ages = [
        scheme.clone().tolerance(Duration::MAX).with_secret(SECRET),
        scheme.with_secret(SECRET).map(|acme| acme.with_tolerance(Duration::from_secs(100 * 365 * 86_400))),
    ];
    for provider in ages.into_iter().flatten() {
        if let Ok(received) = forged.received_by(&provider) {
            panic!("accepted under a key that was never signed: {received:?}");
        }
    }
}

/// As with queries, which are no tenants: a sender that chooses an account's name could choose the name of a place.
#[tokio::test]
async fn an_account_cannot_be_taken_for_a_fallback() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .key_in(Place::FirstOf(&[Place::When("/version", &Place::Json("/id")), Place::Json("/code")]))
        .account_in(Place::Json("/account"));
    let requests = vec![
        signed(&scheme, "", r#"{"version":1,"id":"a","account":"json:/code"}"#),
        signed(&scheme, "", r#"{"code":"a"}"#),
    ];
    assert_eq!(answers(provider(&scheme), requests).await, ["200 executed", "200 executed"]);
}

/// The real handshakes say that they are: `"event":"endpoint.url_validation"`, `"status":"webhook_callback_verification_pending"`.
#[test]
fn an_event_with_a_text_at_the_challenges_place_is_not_swallowed() {
    let mut wrong = Vec::new();
    for (scheme, body) in [
        (
            senders::ZOOM,
            r#"{"event":"meeting.started","payload":{"account_id":"a","plainToken":"","object":{"uuid":"u"}}}"#,
        ),
        (
            senders::TWITCH,
            r#"{"challenge":"","subscription":{"type":"channel.follow","status":"enabled"},"event":{"user_id":"1"}}"#,
        ),
        (
            Scheme::hmac_sha256("acme")
                .signature_header("x-sig")
                .key_in(Place::Json("/id"))
                .handshake(Handshake::EchoJson { pointer: "/challenge", when: ("/type", "check") }),
            r#"{"id":"evt_1","type":"captcha.failed","challenge":"abc"}"#,
        ),
    ] {
        if let Ok(Received::Handshake(answer)) = signed(&scheme, "id-1", body).received_by(&provider(&scheme))
        {
            wrong.push(format!("{}: {} {:?}", scheme.name(), answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "answered without the handler: {wrong:#?}");
}

/// A token of Zoom has 22 letters and digits. The answer must not be the signature of another request.
#[test]
fn the_answer_to_a_handshake_signs_no_delivery() {
    let provider = provider(&senders::ZOOM);
    let event = r#"{"event":"meeting.ended"}"#;
    let text = format!("v0:{}:{event}", NOW.as_secs());
    let check = serde_json::json!({"event": "endpoint.url_validation", "payload": {"plainToken": text}});
    let check = signed(&senders::ZOOM, "", &check.to_string());
    assert_eq!(check.received_by(&provider).unwrap_err().kind(), RejectionKind::Malformed);
}

#[test]
fn a_token_with_letters_that_are_not_ascii_is_compared_as_bytes() {
    let provider = senders::GITLAB.with_secret("pässwort").unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("x-gitlab-token", HeaderValue::from_bytes("pässwort".as_bytes()).unwrap());
    headers.insert("idempotency-key", HeaderValue::from_static("id-1"));
    let received = Request::new(headers, "{}", NOW).received_by(&provider);
    assert!(received.is_ok(), "{received:?}");
}

#[test]
fn a_fixed_secret_in_another_form_is_refused_when_the_provider_is_made() {
    let scheme = senders::GITLAB_SIGNED;
    let secrets = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let secrets = Secrets::any_of(secrets.map(|secret| Secret::new(secret).unwrap())).unwrap();
    assert!(matches!(scheme.with_secrets(secrets), Err(SchemeError::Secret(_))));
}

#[test]
fn a_setting_that_has_no_effect_is_refused_when_the_provider_is_made() {
    let acme = Scheme::hmac_sha256("acme").signature_header("x-sig").key_in(Place::Json("/id"));
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    let made: Vec<_> = [
        ("a tolerance without a time", acme.clone().tolerance(Duration::from_secs(60))),
        ("a unit without a time", acme.clone().time_unit(TimeUnit::Milliseconds)),
        ("a url that is not signed", acme.clone().with_url(URL)),
        ("an age without a time", acme.clone().any_age()),
        (
            "a handshake at the key",
            acme.handshake(Handshake::EchoJson { pointer: "/id", when: ("/type", "check") }),
        ),
        ("a token that is decoded", token.secret_in_base64("whsec_")),
    ]
    .into_iter()
    .filter_map(|(what, scheme)| scheme.with_secret(SECRET).is_ok().then_some(what))
    .collect();
    assert!(made.is_empty(), "made without an error: {made:#?}");
}
