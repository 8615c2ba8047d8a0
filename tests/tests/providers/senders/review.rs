//! What a review found: each test states what must hold, and fails.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::any;
use http::{HeaderValue, Method};
use idempotency_core::provider::{
    Handshake, Place, Provider, Received, RejectionKind, Scheme, SchemeProvider, Secret, Secrets, TimeUnit,
    senders,
};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;
use idempotency_tower::IdempotencyLayer;
use tower::ServiceExt as _;

use super::cases::{NOW, SECRETS, URL};
use super::{address, delivery};

const SECRET: &str = SECRETS[0];

pub(super) fn provider(scheme: &Scheme) -> SchemeProvider {
    scheme.clone().with_url(URL).with_secret(SECRET).unwrap()
}

fn signed_by(scheme: &Scheme, secret: &str, id: &str, body: &str) -> Request {
    let headers = testing::scheme(&scheme.clone().with_url(URL), secret, id, body.as_bytes(), NOW);
    Request::new(headers, body.to_owned(), NOW)
}

pub(super) fn signed(scheme: &Scheme, id: &str, body: &str) -> Request {
    signed_by(scheme, SECRET, id, body)
}

/// The answers of a route whose handler always succeeds, such as `200 executed`.
pub(super) async fn answers(provider: impl Provider, requests: Vec<Request>) -> Vec<String> {
    let layer = IdempotencyLayer::memory(provider);
    let app = Router::new().route("/webhooks", any(|| async { "ran" }).layer(layer));
    let mut answers = Vec::new();
    for request in requests {
        let mut http = http::Request::new(Body::from(request.body));
        (*http.method_mut(), *http.uri_mut()) = (request.method, request.uri);
        *http.headers_mut() = request.headers;
        let answer = app.clone().oneshot(http).await.unwrap();
        let status = answer.headers().get("idempotency-status").map(|status| status.to_str().unwrap());
        answers.push(format!("{} {}", answer.status().as_u16(), status.unwrap_or("-")));
    }
    answers
}

// ---- Genuine deliveries that are refused, or that share a key -------------------------------------------------------

/// The recording says: "same id on redelivery; replay adds replay-name".
#[tokio::test]
async fn r01_an_event_that_eventbridge_replays_from_its_archive_is_the_same_event() {
    let scheme = senders::AWS_EVENTBRIDGE;
    let event = r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{}}"#;
    let replayed = r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{},"replay-name":"r"}"#;
    let requests = vec![signed(&scheme, "", event), signed(&scheme, "", replayed)];
    assert_eq!(answers(provider(&scheme), requests).await, ["200 executed", "200 replayed"]);
}

/// JavaScript writes half of an emoji as `\ud83d`, and metadata may have ids of 64 bits.
#[test]
fn r02_a_retry_of_linear_with_a_new_time_has_the_fingerprint_of_the_first_attempt() {
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
fn r02b_a_digest_leaves_out_what_differs_between_attempts_whatever_else_the_body_has() {
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

/// `class-wc-webhook.php`: "If a resource has been deleted, just include the ID in the payload."
#[tokio::test]
async fn r03_an_order_of_woocommerce_that_is_deleted_restored_and_deleted_runs_twice() {
    let scheme = senders::WOOCOMMERCE;
    let deleted = |delivery: &str| {
        signed(&scheme, "order.deleted", r#"{"id":727}"#).with("x-wc-webhook-delivery-id", delivery)
    };
    let restored = signed(&scheme, "order.restored", r#"{"id":727,"status":"processing"}"#);
    let requests = vec![deleted("7a3b"), restored, deleted("0c9d")];
    assert_eq!(
        answers(provider(&scheme), requests).await,
        ["200 executed", "200 executed", "200 executed"],
        "WooCommerce never retries, so the third is an event of its own"
    );
}

/// The same file: custom topics send `{"action":…,"arg":…}`, the first argument of the hook.
#[tokio::test]
async fn r03b_two_actions_of_woocommerce_with_the_same_argument_run_twice() {
    let scheme = senders::WOOCOMMERCE;
    let action = |delivery: &str| {
        signed(
            &scheme,
            "action.woocommerce_add_to_cart",
            r#"{"action":"woocommerce_add_to_cart","arg":"a1b2"}"#,
        )
        .with("x-wc-webhook-delivery-id", delivery)
    };
    assert_eq!(
        answers(provider(&scheme), vec![action("7a3b"), action("0c9d")]).await,
        ["200 executed", "200 executed"]
    );
}

#[tokio::test]
async fn r03c_two_shops_of_woocommerce_that_delete_the_order_of_the_same_number_both_run() {
    let scheme = senders::WOOCOMMERCE;
    let of = |secret: &str, shop: &str| {
        signed_by(&scheme, secret, "order.deleted", r#"{"id":727}"#).with("x-wc-webhook-source", shop)
    };
    let both = provider(&scheme).with_secret(SECRETS[1]).unwrap();
    let requests = vec![of(SECRETS[0], "https://a.example/"), of(SECRETS[1], "https://b.example/")];
    assert_eq!(answers(both, requests).await, ["200 executed", "200 executed"]);
}

/// DocuSign's own client libraries: "The message will be queued and retried once per day … a maximum of ten retries."
#[test]
fn r04_the_retention_of_docusign_is_twice_its_ten_days_of_retries() {
    let retention = senders::DOCUSIGN.policy().retention();
    assert!(retention >= Duration::from_secs(20 * 86_400), "{} days", retention.as_secs() / 86_400);
}

/// providers.md: "X-DocuSign-Signature-1..100, any may match".
#[test]
fn r05_a_signature_of_docusigns_eleventh_key_is_tried() {
    let scheme = senders::DOCUSIGN;
    let mut request =
        signed(&scheme, "", r#"{"event":"e","data":{"envelopeId":"1"},"generatedDateTime":"t"}"#);
    let genuine = request.headers.remove("x-docusign-signature-1").unwrap();
    for number in 1..=10 {
        let name: http::HeaderName = format!("x-docusign-signature-{number}").parse().unwrap();
        request.headers.insert(name, HeaderValue::from_static("AAAA"));
    }
    request.headers.insert("x-docusign-signature-11", genuine);
    let received = request.received_by(&provider(&scheme));
    assert!(received.is_ok(), "{received:?}");
}

/// Connect also sends `template-created`, `template-modified` and `template-deleted`, which are about no envelope.
#[test]
fn r06_an_event_of_docusign_about_a_template_is_not_refused() {
    let body = r#"{"event":"template-modified","retryCount":0,"generatedDateTime":"2025-04-08T18:13:30Z","data":{"accountId":"a","userId":"u","templateId":"t"}}"#;
    let received = signed(&senders::DOCUSIGN, "", body).received_by(&provider(&senders::DOCUSIGN));
    assert!(received.is_ok(), "{received:?}");
}

/// developers.intercom.com: the endpoint "must be able to receive a HEAD request, which we use to validate the URL".
#[tokio::test]
async fn r07_intercom_checks_its_endpoint_with_a_head_request() {
    let mut request = Request::new(http::HeaderMap::new(), "", NOW);
    request.method = Method::HEAD;
    assert_eq!(answers(provider(&senders::INTERCOM), vec![request]).await, ["200 -"]);
}

/// Sanity: `httpMethod` is one of GET, POST, PUT, PATCH and DELETE. Zendesk: POST, PUT and PATCH for triggers with a payload.
#[tokio::test]
async fn r08_senders_whose_method_is_configured_may_use_put_and_patch() {
    let mut wrong = Vec::new();
    for scheme in [senders::SANITY, senders::ZENDESK] {
        for method in [Method::PUT, Method::PATCH] {
            let mut request = signed(&scheme, "id-1", r#"{"ticket":1}"#);
            request.method = method.clone();
            let answer = answers(provider(&scheme), vec![request]).await.remove(0);
            if answer != "200 executed" {
                wrong.push(format!("{} {method}: {answer}", scheme.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// providers.md: "Identifier unique per site".
#[tokio::test]
async fn r09_two_sites_of_jira_may_have_the_same_identifier() {
    let scheme = senders::JIRA;
    let of = |secret: &str, site: &str| {
        let body = format!(
            r#"{{"webhookEvent":"jira:issue_updated","issue":{{"self":"https://{site}.atlassian.net/rest/api/2/issue/1"}}}}"#
        );
        signed_by(&scheme, secret, "1", &body)
    };
    let both = provider(&scheme).with_secret(SECRETS[1]).unwrap();
    assert_eq!(
        answers(both, vec![of(SECRETS[0], "a"), of(SECRETS[1], "b")]).await,
        ["200 executed", "200 executed"]
    );
}

/// providers.md: the secret "is html-special-chars-decoded before use".
#[test]
fn r10_woocommerce_decodes_its_secret() {
    let scheme = senders::WOOCOMMERCE;
    let provider = scheme.clone().with_secret("a&amp;b&lt;c").unwrap();
    let received = signed_by(&scheme, "a&b<c", "order.updated", "{}").received_by(&provider);
    assert!(received.is_ok(), "{received:?}");
}

/// RFC 9110, section 5.3: a proxy may join the lines of a header.
#[test]
fn r11_the_lines_of_mollies_signatures_may_be_joined() {
    let mut request = signed(&senders::MOLLIE, "", r#"{"id":"event_1"}"#);
    let genuine = request.headers["x-mollie-signature"].to_str().unwrap().to_owned();
    let joined = format!("sha256={}, {genuine}", "0".repeat(64));
    request.headers.insert("x-mollie-signature", joined.parse().unwrap());
    let received = request.received_by(&provider(&senders::MOLLIE));
    assert!(received.is_ok(), "{received:?}");
}

/// A group's id at Telegram is negative. The page says: "a text or a whole number".
#[test]
fn r12_a_whole_number_may_be_negative_or_long() {
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

/// The docs of `When`: "if the JSON body has a value at a pointer".
#[test]
fn r13_a_place_may_depend_on_an_object_or_a_flag() {
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
fn r14_a_body_after_a_date_may_begin_with_a_letter() {
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
fn r15_a_zendesk_trigger_may_repeat_a_member() {
    let received = signed(&senders::ZENDESK, "8350205582", r#"{"id":1,"id":1}"#)
        .received_by(&provider(&senders::ZENDESK));
    assert!(received.is_ok(), "{received:?}");
}

/// An author may copy the form of an event. Its id is then the ticket's.
#[test]
fn r15b_two_invocations_of_a_zendesk_trigger_in_the_form_of_an_event_are_two() {
    let scheme = senders::ZENDESK;
    let of = |invocation: &str, status: &str| {
        let body = format!(
            r#"{{"zendesk_event_version":"2022-11-06","type":"ticket","id":"35436","status":"{status}"}}"#
        );
        delivery(&signed(&scheme, invocation, &body), &provider(&scheme))
    };
    assert_ne!(address(&of("1", "open")), address(&of("2", "solved")), "the second never runs");
}

// ---- Types ----------------------------------------------------------------------------------------------------------

/// gitlab-org/gitlab!49285: group events have an `event_name` and no `object_kind`.
#[test]
fn r16_a_group_event_of_gitlab_has_a_type() {
    let body = r#"{"group_id":144,"user_id":64,"event_name":"user_add_to_group"}"#;
    let event = delivery(&signed(&senders::GITLAB, "id-1", body), &provider(&senders::GITLAB));
    assert_eq!(event.attributes().event_type(), Some("user_add_to_group"));
}

#[test]
fn r17_a_revocation_by_twitch_has_not_the_type_of_the_event_that_it_revokes() {
    let body = r#"{"subscription":{"id":"s","status":"authorization_revoked","type":"channel.follow"}}"#;
    let request = signed(&senders::TWITCH, "id-1", body).with("twitch-eventsub-message-type", "revocation");
    let revocation = delivery(&request, &provider(&senders::TWITCH));
    assert_ne!(revocation.attributes().event_type(), Some("channel.follow"));
}

/// GitHub's provider drops a type that the body contradicts. Here, a captured body runs under any type.
#[test]
fn r18_a_type_that_is_not_signed_is_bound_to_the_record_or_is_no_type() {
    let mut wrong = Vec::new();
    for (scheme, name, genuine, forged) in [
        (senders::SANITY, "sanity-operation", "update", "delete"),
        (senders::BITBUCKET, "x-event-key", "pullrequest:rejected", "pullrequest:fulfilled"),
        (senders::SENTRY, "sentry-hook-resource", "issue", "installation"),
    ] {
        let [genuine, forged] = [genuine, forged].map(|event_type| {
            delivery(&signed(&scheme, "id-1", r#"{"_id":"a"}"#).with(name, event_type), &provider(&scheme))
        });
        let types = [&genuine, &forged].map(|delivery| delivery.attributes().event_type());
        if types[0] != types[1] && genuine.fingerprint() == forged.fingerprint() {
            wrong.push(format!("{}: one record for {types:?}", scheme.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

// ---- Forgeries, keys of an attacker's choice, misuse ----------------------------------------------------------------

/// "Secrets: never empty." An unset variable makes `user:`.
#[tokio::test]
async fn r19_credentials_without_a_password_are_refused_when_the_provider_is_made() {
    for secret in ["user:", ":"] {
        let Ok(provider) = senders::POSTMARK.with_secret(secret) else { continue };
        let mut headers = http::HeaderMap::new();
        let credentials = data_encoding::BASE64.encode(secret.as_bytes());
        headers.insert("authorization", format!("Basic {credentials}").parse().unwrap());
        let forged = Request::new(headers, r#"{"RecordType":"Bounce"}"#, NOW);
        let answer = answers(provider, vec![forged]).await;
        panic!("`{secret}` makes a provider, and a request without a password is answered {answer:?}");
    }
}

/// `any_age` is refused here, because only the age shows where the id ends. A long tolerance is the same thing.
#[test]
fn r20_a_long_tolerance_does_not_let_the_id_take_a_digit_of_the_time() {
    let scheme = Scheme::hmac_sha256("acme")
        .signature_header("x-sig")
        .timestamp_header("x-time")
        .signing("{id}{timestamp}{body}")
        .key_in(Place::Header("x-id"));
    assert!(scheme.clone().any_age().with_secret(SECRET).is_err());
    let captured = signed(&scheme, "evt", "{}");
    let forged = captured.clone().with("x-id", "evt1").with("x-time", &NOW.as_secs().to_string()[1..]);
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
async fn r21_an_account_cannot_be_taken_for_a_fallback() {
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
fn r22_an_event_with_a_text_at_the_challenges_place_is_not_swallowed() {
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
                .handshake(Handshake::EchoJson("/challenge")),
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
fn r23_the_answer_to_a_handshake_signs_no_delivery() {
    let provider = provider(&senders::ZOOM);
    let event = r#"{"event":"meeting.ended"}"#;
    let text = format!("v0:{}:{event}", NOW.as_secs());
    let check = serde_json::json!({"event": "endpoint.url_validation", "payload": {"plainToken": text}});
    let check = signed(&senders::ZOOM, "", &check.to_string());
    let Ok(Received::Handshake(answer)) = check.received_by(&provider) else { return };
    let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let mut forged = check;
    forged.body = event.into();
    let signature = format!("v0={}", answer["encryptedToken"].as_str().unwrap());
    let received = forged.with("x-zm-signature", &signature).received_by(&provider);
    assert!(received.is_err(), "the answer is the signature of {event}: {received:?}");
}

/// providers.md: "Box rejects any future timestamp".
#[test]
fn r24_a_time_of_box_in_the_future_is_refused() {
    let mut request = signed(&senders::BOX, "", r#"{"id":"1"}"#);
    request.now = NOW - Duration::from_secs(599);
    let received = request.received_by(&provider(&senders::BOX));
    assert!(received.is_err(), "accepted 599 s before it was signed");
}

/// O3: a secret that no request can match is refused at the start.
#[test]
fn r25_a_token_that_no_header_can_have_is_refused_when_the_provider_is_made() {
    let Ok(provider) = senders::GITLAB.with_secret("pässwort") else { return };
    let mut headers = http::HeaderMap::new();
    headers.insert("x-gitlab-token", HeaderValue::from_bytes("pässwort".as_bytes()).unwrap());
    headers.insert("idempotency-key", HeaderValue::from_static("id-1"));
    let received = Request::new(headers, "{}", NOW).received_by(&provider);
    assert!(received.is_ok(), "made without an error, and then: {received:?}");
}

#[test]
fn r26_a_fixed_secret_in_another_form_is_refused_when_the_provider_is_made() {
    let scheme = senders::GITLAB_SIGNED;
    let secrets = ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "v1,whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"];
    let secrets = Secrets::any_of(secrets.map(|secret| Secret::new(secret).unwrap())).unwrap();
    let Ok(provider) = scheme.clone().with_secrets(secrets) else { return };
    let genuine = signed(&scheme, "id-1", "{}").received_by(&provider);
    assert!(genuine.is_ok(), "made without an error, and then a genuine delivery: {genuine:?}");
    let mut forged = signed(&scheme, "id-1", "{}");
    forged.headers.clear();
    let kind = forged.received_by(&provider).unwrap_err().kind();
    assert_eq!(kind, RejectionKind::Unauthenticated);
}

#[test]
fn r27_a_setting_that_has_no_effect_is_refused_when_the_provider_is_made() {
    let acme = Scheme::hmac_sha256("acme").signature_header("x-sig").key_in(Place::Json("/id"));
    let token = Scheme::token("acme").signature_header("x-token").key_in(Place::Json("/id"));
    let made: Vec<_> = [
        ("a tolerance without a time", acme.clone().tolerance(Duration::from_secs(60))),
        ("a unit without a time", acme.clone().time_unit(TimeUnit::Milliseconds)),
        ("a url that is not signed", acme.clone().with_url(URL)),
        ("a handshake at the key", acme.handshake(Handshake::EchoJson("/id"))),
        ("a token that is decoded", token.secret_in_base64("whsec_")),
    ]
    .into_iter()
    .filter_map(|(what, scheme)| scheme.with_secret(SECRET).is_ok().then_some(what))
    .collect();
    assert!(made.is_empty(), "made without an error: {made:#?}");
}
