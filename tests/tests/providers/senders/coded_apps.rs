//! Figma and Mandrill: what is refused, the check of a URL, and events that come again in another group.

use data_encoding::BASE64;
use http::{HeaderMap, Method};
use idempotency_core::provider::{Figma, Mandrill, Received, Rejection, RejectionKind};
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

use super::cases::{NOW, SECRETS};
use super::coded_cases::MANDRILL_URL;
use super::{address, deliveries, delivery};

fn refused(received: Result<Received, Rejection>) -> RejectionKind {
    received.expect_err("it was accepted").kind()
}

fn figma() -> Figma {
    Figma::new("passcode").unwrap()
}

fn of_figma(body: &str) -> Request {
    Request::new(HeaderMap::new(), body.to_owned(), NOW)
}

#[test]
fn a_body_without_figmas_passcode_or_without_a_type_is_refused() {
    for body in [
        r#"{"event_type":"PING"}"#,
        r#"{"event_type":"PING","passcode":""}"#,
        r#"{"event_type":"PING","passcode":"other"}"#,
        r#"{"event_type":"PING","passcode":["passcode"]}"#,
        r#"{"event_type":"PING","passcode":{"passcode":"passcode"}}"#,
        r#"{"event_type":"PING","passcode":"other","passcode":"passcode"}"#,
        r#"[{"event_type":"PING","passcode":"passcode"}]"#,
        r#""passcode""#,
    ] {
        assert_eq!(refused(of_figma(body).received_by(&figma())), RejectionKind::Unauthenticated, "{body}");
    }
    for body in [r#"{"passcode":"passcode"}"#, r#"{"passcode":"passcode","event_type":""}"#] {
        assert_eq!(refused(of_figma(body).received_by(&figma())), RejectionKind::Malformed, "{body}");
    }
}

#[test]
fn an_event_of_figma_keeps_its_key_when_the_passcode_changes() {
    let figma = figma().with_secret("newer").unwrap();
    let of = |passcode: &str| {
        let body = format!(
            r#"{{"event_type":"FILE_UPDATE","passcode":"{passcode}","timestamp":"t","webhook_id":"1"}}"#
        );
        delivery(&of_figma(&body), &figma)
    };
    let [old, new] = ["passcode", "newer"].map(of);
    assert_eq!((address(&old), old.fingerprint()), (address(&new), new.fingerprint()));
    assert_eq!(old.attributes().event_type(), Some("FILE_UPDATE"));
    assert!(Figma::new(" ").is_err());
}

/// Such an event has no canonical form.
#[test]
fn a_retry_of_figma_with_a_value_that_json_parsers_read_differently_keeps_its_key() {
    let figma = figma().with_secret("newer").unwrap();
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    for comment in [r#"[{"text":"a \ud83d"}]"#, r#"{"a":1,"a":2}"#, "820982911946154508123", "1e400", &deep] {
        let of = |passcode: &str, retries: u8| {
            let body = format!(
                r#"{{"event_type":"FILE_COMMENT","passcode":"{passcode}","comment":{comment},"retries":{retries}}}"#
            );
            delivery(&of_figma(&body), &figma)
        };
        let (first, retry) = (of("passcode", 0), of("newer", 1));
        assert_eq!(address(&first), address(&retry), "{comment}");
        assert_eq!(first.fingerprint(), retry.fingerprint(), "{comment}");
    }
}

const OPEN: &str = r#"{"event":"open","ts":1,"_id":"a"}"#;
const CLICK: &str = r#"{"event":"click","ts":1,"_id":"a"}"#;

fn mandrill() -> Mandrill {
    Mandrill::new(MANDRILL_URL, SECRETS[0]).unwrap()
}

fn of_mandrill(events: &[&str]) -> Request {
    let (headers, body) = testing::mandrill(SECRETS[0], MANDRILL_URL, events);
    Request::new(headers, body, NOW)
}

#[test]
fn events_of_mandrill_keep_their_keys_in_another_group() {
    let first = deliveries(&of_mandrill(&[OPEN, CLICK]), &mandrill());
    let again = deliveries(&of_mandrill(&[CLICK, r#"{"event":"send"}"#, OPEN]), &mandrill());
    assert_eq!(first.iter().map(address).collect::<Vec<_>>(), [address(&again[2]), address(&again[0])]);
    let types: Vec<_> = again.iter().map(|delivery| delivery.attributes().event_type().unwrap()).collect();
    assert_eq!(types, ["click", "send", "open"]);
    let lists = of_mandrill(&[r#"{"type":"blacklist","action":"add"}"#]);
    assert_eq!(deliveries(&lists, &mandrill())[0].attributes().event_type(), Some("blacklist;add"));
}

/// Mandrill checks the URL with HEAD before the key exists. An empty list under the webhook's key is an empty batch.
#[test]
fn the_head_check_of_mandrill_is_answered_and_an_empty_list_is_an_empty_batch() {
    let mut check = Request::new(HeaderMap::new(), "", NOW);
    check.method = Method::HEAD;
    let Ok(Received::Handshake(answer)) = check.received_by(&mandrill()) else {
        panic!("the check was not answered");
    };
    assert!(answer.status.as_u16() == 200 && answer.body.is_empty());
    assert!(deliveries(&of_mandrill(&[]), &mandrill()).is_empty());
    check.method = Method::POST;
    assert_eq!(refused(check.received_by(&mandrill())), RejectionKind::Unauthenticated);
}

/// A form with these fields, signed over them as they are given.
fn form(fields: &[(&str, &str)]) -> Request {
    let text: String = fields.iter().flat_map(|(name, value)| [*name, *value]).collect();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, SECRETS[0].as_bytes());
    let signature = ring::hmac::sign(&key, format!("{MANDRILL_URL}{text}").as_bytes());
    let encoded = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    let fields = fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value)));
    let body = fields.collect::<Vec<_>>().join("&");
    let request = Request::new(HeaderMap::new(), body, NOW);
    request.with("x-mandrill-signature", &BASE64.encode(signature.as_ref()))
}

/// Names and values are signed without separators.
#[test]
fn a_form_of_mandrill_has_one_reading() {
    let list = format!("[{OPEN}]");
    let events = ("mandrill_events", &*list);
    assert_eq!(deliveries(&form(&[events]), &mandrill()).len(), 1);
    assert_eq!(deliveries(&form(&[events, ("other", "1")]), &mandrill()).len(), 1);
    let (start, rest) = list.split_at(1);
    for fields in [
        // The same signed text, with the names and values cut elsewhere.
        vec![(&*format!("mandrill_events{list}"), "")],
        vec![(&*format!("mandrill_events{start}"), rest)],
        vec![("mandrill_event", &*format!("s{list}"))],
        vec![("", &*format!("mandrill_events{list}"))],
        vec![("a", "1"), events],
        vec![("a", "[]"), events],
        vec![("mandrill_events", "{}")],
        vec![("mandrill_events", "7")],
        vec![("mandrill_events", r#"[{"event":"open"},7]"#)],
        vec![("mandrill_events", r#"[{"event":"open","event":"click"}]"#)],
    ] {
        assert_eq!(refused(form(&fields).received_by(&mandrill())), RejectionKind::Malformed, "{fields:?}");
    }
    let many: Vec<_> = std::iter::once(events).chain(vec![("n", "1"); 16]).collect();
    assert_eq!(refused(form(&many).received_by(&mandrill())), RejectionKind::Unauthenticated);
    assert_eq!(deliveries(&form(&many[..16]), &mandrill()).len(), 1);
}
