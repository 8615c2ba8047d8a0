//! CloudEvents, Contentful and Microsoft Graph: handshakes, modes, and keys that may not be signed.

use http::{HeaderMap, Method};
use idempotency_core::provider::{
    CloudEvents, Contentful, MicrosoftGraph, Provider as _, Received, Rejection, RejectionKind, SecretError,
};
use idempotency_core::testing::{self, Signer};
use idempotency_tests::vectors::Request;

use super::cases::NOW;
use super::requests::answers;
use super::{address, deliveries, delivery};

fn kind(received: Result<Received, Rejection>) -> RejectionKind {
    received.expect_err("it was accepted").kind()
}

fn cloud_events() -> CloudEvents {
    CloudEvents::new("token").unwrap()
}

fn event(id: &str) -> String {
    format!(r#"{{"specversion":"1.0","id":"{id}","source":"/orders","type":"made"}}"#)
}

fn cloud_event(content_type: &str, body: &str) -> Request {
    let request = Request::new(HeaderMap::new(), body.to_owned(), NOW);
    request.with("authorization", "Bearer token").with("content-type", content_type)
}

#[test]
fn a_cloud_event_has_one_key_in_each_mode() {
    let binary = Request::new(testing::cloud_events("token", "/orders", "1", "made"), "{}", NOW);
    let structured = cloud_event("application/cloudevents+json", &event("1"));
    let [binary, structured] = [binary, structured].map(|request| delivery(&request, &cloud_events()));
    assert_eq!(address(&binary), address(&structured));
    assert_eq!(binary.attributes().event_type(), Some("made"));
    let batched =
        cloud_event("application/cloudevents-batch+json", &format!("[{},{}]", event("1"), event("2")));
    let batch = deliveries(&batched, &cloud_events().with_batches());
    assert_eq!(batch.len(), 2);
    assert_eq!(address(&batch[0]), address(&structured));
    assert_ne!(address(&batch[1]), address(&structured));
    // A handler of single events gets no batch, and a handler of batches nothing else.
    assert_eq!(kind(batched.received_by(&cloud_events())), RejectionKind::Malformed);
    let single = cloud_event("application/cloudevents+json", &event("1"));
    assert!(matches!(single.received_by(&cloud_events()), Ok(Received::Delivery(_))));
    assert!(matches!(single.received_by(&cloud_events().with_batches()), Ok(Received::Batch(_))));
}

#[test]
fn a_message_that_is_no_cloud_event_is_refused() {
    let headers = testing::cloud_events("token", "/orders", "1", "made");
    for (name, expected) in [
        ("ce-id", RejectionKind::KeyMissing),
        ("ce-source", RejectionKind::KeyMissing),
        ("ce-type", RejectionKind::Malformed),
        ("ce-specversion", RejectionKind::Malformed),
        ("authorization", RejectionKind::Unauthenticated),
    ] {
        let mut request = Request::new(headers.clone(), "{}", NOW);
        request.headers.remove(name);
        assert_eq!(kind(request.received_by(&cloud_events())), expected, "{name}");
        let empty = Request::new(headers.clone(), "{}", NOW).with(name, "");
        assert_eq!(kind(empty.received_by(&cloud_events())), expected, "{name}");
    }
    let not_text = Request::new(headers, "{}", NOW).with("ce-id", "%FF");
    assert_eq!(kind(not_text.received_by(&cloud_events())), RejectionKind::Malformed);
    for body in ["{}", "[]", "1", &event("1").replace("1.0", "0.3"), &event("")] {
        let refused = kind(cloud_event("application/cloudevents+json", body).received_by(&cloud_events()));
        assert!([RejectionKind::Malformed, RejectionKind::KeyMissing].contains(&refused), "{body}");
    }
    let other_format = cloud_event("application/cloudevents+protobuf", &event("1"));
    assert_eq!(kind(other_format.received_by(&cloud_events())), RejectionKind::Malformed);
}

#[test]
fn a_token_is_a_bearer_token() {
    let of = |value: &str| {
        let request = cloud_event("application/cloudevents+json", &event("1")).with("authorization", value);
        request.received_by(&cloud_events()).is_ok()
    };
    assert!(of("Bearer token") && of("bearer  token"));
    for value in ["token", "Basic token", "Bearer", "Bearer ", "Bearer token2", "Bearer token token"] {
        assert!(!of(value), "{value}");
    }
}

/// Otherwise anyone could have a sender send its events here.
#[tokio::test]
async fn only_the_handshake_of_an_allowed_origin_is_answered() {
    let allowing = cloud_events().allowing_origins(["eventgrid.azure.net"]);
    let mut request = Request::new(HeaderMap::new(), "", NOW);
    request.method = Method::OPTIONS;
    let of = |origin: &str| request.clone().with("webhook-request-origin", origin);
    let Ok(Received::Handshake(answer)) = of("EventGrid.azure.net").received_by(&allowing) else { panic!() };
    assert_eq!(answer.status.as_u16(), 200);
    let headers =
        ["webhook-allowed-origin", "webhook-allowed-rate", "allow"].map(|name| &answer.headers[name]);
    assert_eq!(headers, ["eventgrid.azure.net", "*", "POST"]);
    for refused in [of("attacker.example"), of(""), request.clone()] {
        assert!(refused.received_by(&allowing).is_err());
    }
    assert!(of("eventgrid.azure.net").received_by(&cloud_events()).is_err());
    let requests = vec![of("eventgrid.azure.net"), of("attacker.example")];
    let answers = answers(allowing, requests).await;
    assert!(answers[0].starts_with("200") && answers[1].starts_with("405"), "{answers:?}");
}

const SECRET: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
const TIME: &str = "1767225600000";

fn contentful() -> Contentful {
    Contentful::new(SECRET).unwrap()
}

/// A request to `/webhooks` with these headers and this list, signed over this text.
fn signed(headers: &[(&'static str, &str)], text: &str) -> Request {
    let signer = Signer::hmac_sha256(SECRET).with_header("x-contentful-signature", "{signature}");
    let text = format!("POST\n/webhooks\n{text}\n{{}}");
    let mut request = Request::new(signer.sign("", text.as_bytes(), NOW), "{}", NOW);
    for (name, value) in headers {
        request = request.with(name, value);
    }
    request.with("x-contentful-timestamp", TIME)
}

#[test]
fn a_contentful_key_that_is_not_signed_is_bound_to_its_body_and_equals_no_signed_one() {
    let list = "x-contentful-signed-headers,x-contentful-timestamp";
    let text = format!("x-contentful-signed-headers:{list};x-contentful-timestamp:{TIME}");
    let headers = [("x-contentful-signed-headers", list), ("x-contentful-idempotency-key", "k")];
    let unsigned = delivery(&signed(&headers, &text), &contentful());
    let headers = testing::contentful(SECRET, "k", "topic", "/webhooks", b"{}", NOW);
    let covered = delivery(&Request::new(headers, "{}", NOW), &contentful());
    assert_eq!(unsigned.key(), covered.key());
    assert_ne!(address(&unsigned), address(&covered));
    assert!(unsigned.fingerprint().is_some() && covered.fingerprint().is_none());
    assert_eq!(
        [unsigned.attributes().event_type(), covered.attributes().event_type()],
        [None, Some("topic")]
    );
    let without = signed(&[("x-contentful-signed-headers", list)], &text);
    assert_eq!(kind(without.received_by(&contentful())), RejectionKind::KeyMissing);
}

/// Contentful signs header values without the spaces around them, and HTTP/2 passes spaces on.
#[test]
fn spaces_around_contentfuls_signed_key_make_no_other_key() {
    let headers = testing::contentful(SECRET, "f1c4e0a5", "topic", "/webhooks", b"{}", NOW);
    let genuine = Request::new(headers, "{}", NOW);
    let first = address(&delivery(&genuine, &contentful()));
    for key in ["f1c4e0a5 ", " f1c4e0a5", "\tf1c4e0a5  "] {
        let again = genuine.clone().with("x-contentful-idempotency-key", key);
        assert_eq!(address(&delivery(&again, &contentful())), first, "{key:?} runs again");
    }
    let blank = genuine.with("x-contentful-idempotency-key", " ");
    assert_eq!(kind(blank.received_by(&contentful())), RejectionKind::Unauthenticated);
}

#[test]
fn a_contentful_list_that_proves_too_little_is_refused() {
    for (list, text) in [
        ("x-contentful-timestamp", format!("x-contentful-timestamp:{TIME}")),
        ("x-contentful-signed-headers", "x-contentful-signed-headers:x-contentful-signed-headers".to_owned()),
        ("", String::new()),
    ] {
        let headers = [("x-contentful-signed-headers", list), ("x-contentful-idempotency-key", "k")];
        let refused = kind(signed(&headers, &text).received_by(&contentful()));
        assert_eq!(refused, RejectionKind::Unauthenticated, "{list}");
    }
    let list = "x-contentful-signed-headers,x-contentful-timestamp,x-contentful-timestamp";
    let text = format!(
        "x-contentful-signed-headers:{list};x-contentful-timestamp:{TIME};x-contentful-timestamp:{TIME}"
    );
    let headers = [("x-contentful-signed-headers", list), ("x-contentful-idempotency-key", "k")];
    let repeated = signed(&headers, &text);
    assert_eq!(kind(repeated.received_by(&contentful())), RejectionKind::Unauthenticated);
}

/// `a;x-b:c` with `d` and `a` with `c;x-b:d` are signed as one text.
#[test]
fn a_contentful_header_that_contains_the_beginning_of_another_one_is_refused() {
    let list = "x-a,x-b,x-contentful-idempotency-key,x-contentful-signed-headers,x-contentful-timestamp";
    let of = |a: &str, b: &str| {
        let text = format!(
            "x-a:{a};x-b:{b};x-contentful-idempotency-key:k;x-contentful-signed-headers:{list};x-contentful-timestamp:{TIME}"
        );
        let headers = [
            ("x-contentful-signed-headers", list),
            ("x-contentful-idempotency-key", "k"),
            ("x-a", a),
            ("x-b", b),
        ];
        signed(&headers, &text).received_by(&contentful())
    };
    assert!(of("a; charset=utf-8", "b").is_ok());
    assert_eq!(kind(of("a;x-b:c", "d")), RejectionKind::Malformed);
    assert_eq!(kind(of("a", "c;x-b:d")), RejectionKind::Malformed);
}

#[test]
fn contentfuls_secrets_have_64_characters_and_its_query_one_question_mark() {
    for secret in ["short", &"a".repeat(65)] {
        assert!(matches!(Contentful::new(secret), Err(SecretError::Malformed(_))));
        assert!(matches!(contentful().with_secret(secret), Err(SecretError::Malformed(_))));
    }
    let mut request =
        Request::new(testing::contentful(SECRET, "k", "t", "/webhooks?a", b"{}", NOW), "{}", NOW);
    request.uri = "/webhooks?a".parse().unwrap();
    delivery(&request, &contentful());
    // Contentful's library signs nothing of what follows the second one.
    request.uri = "/webhooks?a?b".parse().unwrap();
    assert_eq!(kind(request.received_by(&contentful())), RejectionKind::Malformed);
    assert_eq!(contentful().signature_window().as_secs(), 30);
}

fn graph() -> MicrosoftGraph {
    MicrosoftGraph::new("state").unwrap()
}

fn notifications(items: &str) -> Request {
    Request::new(HeaderMap::new(), format!(r#"{{"value":[{items}]}}"#), NOW)
}

/// Two changes of a drive are two equal notifications.
#[test]
fn a_graph_notification_without_an_id_is_refused_unless_it_may_run_twice() {
    let without = r#"{"clientState":"state","changeType":"updated","resource":"me/drive/root"}"#;
    let with = r#"{"clientState":"state","id":"n"}"#;
    for items in [without.to_owned(), format!("{with},{without}")] {
        assert_eq!(kind(notifications(&items).received_by(&graph())), RejectionKind::KeyMissing);
        let passing = graph().passing_without_id();
        assert!(matches!(notifications(&items).received_by(&passing), Ok(Received::Bypass)));
        let forged = items.replace("state\"", "other\"");
        assert_eq!(kind(notifications(&forged).received_by(&passing)), RejectionKind::Unauthenticated);
    }
    assert_eq!(deliveries(&notifications(with), &graph().passing_without_id()).len(), 1);
}

#[test]
fn graph_notifications_without_the_state_are_refused_and_so_is_an_empty_list() {
    for items in [
        "",
        r#"{"id":"n"}"#,
        r#"{"id":"n","clientState":""}"#,
        r#"{"id":"n","clientState":["state"]}"#,
        r#"{"id":"n","clientState":{"id":"state"}}"#,
        r#"{"id":"n","clientState":"state","clientState":"state"}"#,
        r#"{"id":"n","clientState":"state"},{"id":"m","clientState":"State"}"#,
    ] {
        assert_eq!(
            kind(notifications(items).received_by(&graph())),
            RejectionKind::Unauthenticated,
            "{items}"
        );
    }
}

/// A notification must not be acknowledged because of the endpoint's URL.
#[test]
fn a_graph_validation_is_a_request_without_a_body() {
    let mut request = Request::new(HeaderMap::new(), "", NOW);
    let with = |request: &Request, query: &str| {
        let mut request = request.clone();
        request.uri = format!("/webhooks?{query}").parse().unwrap();
        request
    };
    let Ok(Received::Handshake(answer)) =
        with(&request, "a=1&validationToken=%3Cb%3E+x").received_by(&graph())
    else {
        panic!()
    };
    assert_eq!(&answer.body[..], b"<b> x");
    let headers = ["content-type", "x-content-type-options"].map(|name| &answer.headers[name]);
    assert_eq!(headers, ["text/plain", "nosniff"]);
    let long = format!("validationToken={}", "a".repeat(4097));
    for query in ["validationToken=", "validationToken=a&validationToken=b", "token=a", &long] {
        assert!(with(&request, query).received_by(&graph()).is_err(), "{query}");
    }
    request.body = notifications(r#"{"id":"n","clientState":"other"}"#).body;
    let with_body = with(&request, "validationToken=a").received_by(&graph());
    assert_eq!(kind(with_body), RejectionKind::Unauthenticated);
}
