//! The keys: the same for each attempt of an event, another one for the next event.

use idempotency_core::provider::{Place, Received, RejectionKind};

use super::cases::{NOW, keyed_cases, named};
use super::{address, delivery};

#[test]
fn a_retry_has_the_key_and_the_fingerprint_of_the_first_attempt() {
    for case in keyed_cases() {
        let provider = case.provider();
        let first = delivery(&case.genuine(), &provider);
        let retry = delivery(&case.signed(0, case.retry, NOW), &provider);
        assert_eq!(address(&first), address(&retry), "{}", case.scheme.name());
        assert_eq!(first.fingerprint(), retry.fingerprint(), "{}", case.scheme.name());
    }
}

#[test]
fn a_second_event_about_the_same_object_has_another_key() {
    for case in keyed_cases() {
        let provider = case.provider();
        let first = delivery(&case.genuine(), &provider);
        let second = delivery(&case.signed(0, case.second, NOW), &provider);
        assert_ne!(address(&first), address(&second), "{}", case.scheme.name());
    }
}

#[test]
fn every_event_has_a_type_if_its_scheme_names_one() {
    for case in keyed_cases() {
        if case.scheme.event_type().is_some() {
            let event_type =
                delivery(&case.genuine(), &case.provider()).attributes().event_type().map(str::len);
            assert!(event_type.is_some_and(|len| len > 1), "{}", case.scheme.name());
        }
    }
}

#[test]
fn an_unsigned_key_is_bound_to_its_body_and_a_signed_one_is_not() {
    for case in keyed_cases() {
        let delivery = delivery(&case.genuine(), &case.provider());
        let is_signed = case.scheme.is_key_signed() || case.scheme.name() == "zendesk";
        assert_eq!(delivery.fingerprint().is_none(), is_signed, "{}", case.scheme.name());
    }
}

/// The body of a trigger is written by its author, so a ticket's id in it is not the event's.
#[test]
fn a_zendesk_trigger_is_named_by_its_invocation_and_not_by_an_id_in_its_body() {
    let case = named("zendesk");
    let provider = case.provider();
    let trigger = r#"{"id":"c1","type":"ticket"}"#;
    let [a, b] =
        ["8350205582", "8350205583"].map(|id| delivery(&case.signed(0, (id, trigger), NOW), &provider));
    assert_eq!([a.key().as_str(), b.key().as_str()], ["8350205582", "8350205583"]);
    assert_eq!(a.attributes().event_type(), None);
    // An invocation under the key of an event is not that event.
    let key = "zen:event-type:ticket.status_changed;c1;2022-12-31T23:59:59Z";
    let poisoned = delivery(&case.signed(0, (key, trigger), NOW), &provider);
    let event = delivery(&case.genuine(), &provider);
    assert_eq!(poisoned.key(), event.key());
    assert_ne!(address(&poisoned), address(&event));
}

/// An author may copy the form of an event. Its id is then the ticket's.
#[test]
fn two_invocations_of_a_zendesk_trigger_in_the_form_of_an_event_are_two() {
    let case = named("zendesk");
    let of =
        |invocation: &str, body: &str| delivery(&case.signed(0, (invocation, body), NOW), &case.provider());
    let form = r#"{"zendesk_event_version":"2022-11-06","type":"ticket","id":"35436""#;
    let [open, solved] = [("1", "open"), ("2", "solved")]
        .map(|(invocation, status)| of(invocation, &format!(r#"{form},"status":"{status}"}}"#)));
    assert_ne!(address(&open), address(&solved));
    let [first, next] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]
        .map(|time| of("1", &format!(r#"{form},"time":"{time}"}}"#)));
    assert_ne!(address(&first), address(&next));
    assert!(open.fingerprint().is_some() && first.fingerprint().is_none());
}

#[test]
fn an_event_without_its_key_is_refused_and_never_named_after_its_parent() {
    for case in keyed_cases() {
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
        // Any body has a digest.
        let has_digest = match case.scheme.key() {
            Some(Place::FirstOf(places)) => places.contains(&Place::Digest),
            place => place == Some(Place::Digest),
        };
        if has_digest {
            continue;
        }
        // An object without a field, as the only event of its request.
        let steps = case.scheme.events().unwrap_or_default().split('/').skip(1).collect::<Vec<_>>();
        let body = steps.iter().rev().fold("{}".to_owned(), |inner, step| match *step {
            "*" => format!("[{inner}]"),
            name => format!(r#"{{"{name}":{inner}}}"#),
        });
        request = case.signed(0, ("", &body), NOW);
        let refused = request.received_by(&case.provider()).unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::KeyMissing, "{}", case.scheme.name());
    }
}

#[test]
fn a_head_request_is_answered_if_the_sender_checks_its_endpoint_with_one() {
    for (sender, is_answered) in [("trello", true), ("intercom", true), ("box", false)] {
        let case = named(sender);
        let mut request = case.genuine();
        request.headers.clear();
        request.method = http::Method::HEAD;
        let answered = request.received_by(&case.provider());
        let is_success = matches!(answered, Ok(Received::Handshake(answer)) if answer.status.is_success());
        assert_eq!(is_success, is_answered, "{sender}");
    }
}
