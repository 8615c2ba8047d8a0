//! The keys: the same for each attempt of an event, another one for the next event.

use idempotency_core::provider::{Received, RejectionKind, senders};

use super::cases::{NOW, cases};
use super::{address, delivery};

#[test]
fn a_retry_has_the_key_and_the_fingerprint_of_the_first_attempt() {
    for case in cases() {
        let provider = case.provider();
        let first = delivery(&case.genuine(), &provider);
        let retry = delivery(&case.signed(0, case.retry, NOW), &provider);
        assert_eq!(address(&first), address(&retry), "{}", case.scheme.name());
        assert_eq!(first.fingerprint(), retry.fingerprint(), "{}", case.scheme.name());
    }
}

#[test]
fn a_second_event_about_the_same_object_has_another_key() {
    for case in cases() {
        let provider = case.provider();
        let first = delivery(&case.genuine(), &provider);
        let second = delivery(&case.signed(0, case.second, NOW), &provider);
        assert_ne!(address(&first), address(&second), "{}", case.scheme.name());
    }
}

#[test]
fn every_event_has_a_type_if_its_scheme_names_one() {
    for case in cases() {
        let is_in_header =
            matches!(case.scheme.event_type(), Some(idempotency_core::provider::Place::Header(_)));
        if case.scheme.event_type().is_some() && !is_in_header {
            let event_type =
                delivery(&case.genuine(), &case.provider()).attributes().event_type().map(str::len);
            assert!(event_type.is_some_and(|len| len > 1), "{}", case.scheme.name());
        }
    }
}

#[test]
fn an_unsigned_key_is_bound_to_its_body_and_a_signed_one_is_not() {
    for case in cases() {
        let delivery = delivery(&case.genuine(), &case.provider());
        let is_signed = case.scheme.is_key_signed() || case.scheme.name() == "zendesk";
        assert_eq!(delivery.fingerprint().is_none(), is_signed, "{}", case.scheme.name());
    }
}

/// The body of a trigger is written by its author, so a ticket's id in it is not the event's.
#[test]
fn a_zendesk_trigger_is_named_by_its_invocation_and_not_by_an_id_in_its_body() {
    let case = cases().into_iter().find(|case| case.scheme.name() == "zendesk").unwrap();
    let provider = case.provider();
    let trigger = r#"{"id":"c1","type":"ticket"}"#;
    let [a, b] =
        ["8350205582", "8350205583"].map(|id| delivery(&case.signed(0, (id, trigger), NOW), &provider));
    assert_eq!([a.key().as_str(), b.key().as_str()], ["8350205582", "8350205583"]);
    assert_eq!(a.attributes().event_type(), None);
    // An invocation under the id of an event is not that event.
    let poisoned = delivery(&case.signed(0, ("c1", trigger), NOW), &provider);
    let event = delivery(&case.genuine(), &provider);
    assert_eq!(poisoned.key(), event.key());
    assert_ne!(address(&poisoned), address(&event));
}

#[test]
fn an_event_without_its_key_is_refused_and_never_named_after_its_parent() {
    for case in cases() {
        let mut request = case.genuine();
        let (id, _) = case.event;
        let is_in_header = !id.is_empty();
        if is_in_header {
            let names: Vec<_> = request.headers.keys().cloned().collect();
            for name in names.iter().filter(|name| request.headers[*name] == id) {
                let mut without = request.clone();
                without.headers.remove(name);
                assert!(
                    without.received_by(&case.provider()).is_err(),
                    "{}: without {name}",
                    case.scheme.name()
                );
            }
            continue;
        }
        if case.scheme.key() == Some(idempotency_core::provider::Place::Digest) {
            continue;
        }
        request = case.signed(0, ("", "{}"), NOW);
        let refused = request.received_by(&case.provider()).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::KeyMissing, "{}", case.scheme.name());
    }
}

#[test]
fn a_trello_webhook_is_checked_with_a_head_request() {
    let case = cases().into_iter().find(|case| case.scheme.name() == senders::TRELLO.name()).unwrap();
    let mut request = case.genuine();
    request.headers.clear();
    request.method = http::Method::HEAD;
    let answered = request.received_by(&case.provider());
    assert!(matches!(answered, Ok(Received::Handshake(answer)) if answer.status.is_success()));
}
