//! The senders whose provider is code: their keys, every change of a signed request, and their recorded deliveries.

use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use idempotency_core::KeyDigest;
use idempotency_core::provider::{Cloudinary, Provider, Received, RejectionKind};
use idempotency_tests::vectors::{Request, load};

use super::coded_cases::{Coded, cases, replaced};
use super::{address, deliveries};

fn assert_unauthenticated(case: &Coded, request: &Request, what: &str) {
    match request.received_by(&*case.by_one_secret()) {
        Err(rejection) => {
            assert_eq!(
                rejection.kind(),
                RejectionKind::Unauthenticated,
                "{}: {what}: {rejection}",
                case.name
            );
        }
        Ok(_) => panic!("{}: {what} was accepted", case.name),
    }
}

/// The addresses of the events in a request.
fn addresses(case: &Coded, event: &str) -> Vec<KeyDigest> {
    let request = (case.signed)(case.secrets[0], event);
    deliveries(&request, &*case.by_one_secret()).iter().map(address).collect()
}

fn keys(deliveries: &[idempotency_core::Delivery]) -> Vec<&str> {
    deliveries.iter().map(|delivery| delivery.key().as_str()).collect()
}

#[test]
fn a_retry_has_the_key_of_the_first_attempt_and_every_other_event_another_one() {
    for case in cases() {
        let first = addresses(&case, case.event);
        assert_eq!(first, addresses(&case, case.retry), "{}: a retry has another key", case.name);
        let [genuine, retry] = [case.event, case.retry]
            .map(|event| deliveries(&(case.signed)(case.secrets[0], event), &*case.by_one_secret()));
        for (genuine, retry) in genuine.iter().zip(&retry) {
            assert_eq!(genuine.fingerprint(), retry.fingerprint(), "{}", case.name);
            assert_eq!(genuine.fingerprint().is_none(), case.is_key_signed, "{}", case.name);
        }
        let mut seen = first;
        for other in case.others {
            for address in addresses(&case, other) {
                assert!(!seen.contains(&address), "{}: {other} has the key of another event", case.name);
                seen.push(address);
            }
        }
    }
}

#[test]
fn every_changed_byte_of_a_signature_every_cut_and_every_longer_one_is_refused() {
    for case in cases() {
        let (request, provider) = (case.genuine(), case.by_one_secret());
        let signature = (case.signature)(&request);
        let changed = (0..signature.len()).map(|at| {
            let mut changed = signature.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            String::from_utf8(changed).unwrap()
        });
        let cut = (0..signature.len()).map(|len| signature[..len].to_owned());
        let others = ["0", "=", "AAAA", "00"].map(|more| format!("{signature}{more}"));
        let swapped = signature.chars().map(|char| match char.is_ascii_uppercase() {
            true => char.to_ascii_lowercase(),
            false => char.to_ascii_uppercase(),
        });
        let swapped: String = swapped.collect();
        for other in changed.chain(cut).chain(others).chain([swapped]) {
            if other == signature {
                continue;
            }
            let request = replaced(&request, &signature, &other).unwrap();
            match request.received_by(&*provider) {
                Err(rejection) => {
                    assert_eq!(rejection.kind(), RejectionKind::Unauthenticated, "{}", case.name);
                }
                Ok(_) => panic!("{}: {other} was accepted", case.name),
            }
        }
    }
}

#[test]
fn another_secret_is_refused_and_any_of_several_is_accepted() {
    for case in cases() {
        let by_other = (case.signed)(case.secrets[1], case.event);
        assert_unauthenticated(&case, &by_other, "another secret");
        let rotating = (case.provider)(&case.secrets);
        for request in [case.genuine(), by_other] {
            assert!(request.received_by(&*rotating).is_ok(), "{}", case.name);
        }
    }
}

#[test]
fn what_the_signature_covers_cannot_be_changed_and_the_rest_is_bound_to_its_key() {
    for case in cases() {
        let genuine = case.genuine();
        let genuine_deliveries = deliveries(&genuine, &*case.by_one_secret());
        for (old, new) in case.covered {
            let changed = replaced(&genuine, old, new).unwrap();
            let parts =
                |request: &Request| (request.body.clone(), request.headers.clone(), request.uri.clone());
            assert_ne!(parts(&changed), parts(&genuine), "{old}");
            assert_unauthenticated(&case, &changed, new);
        }
        for (old, new) in case.uncovered {
            let changed = deliveries(&replaced(&genuine, old, new).unwrap(), &*case.by_one_secret());
            let is_same_key = keys(&changed) == keys(&genuine_deliveries);
            let is_same_content = changed[0].fingerprint() == genuine_deliveries[0].fingerprint();
            assert!(case.is_key_signed || !is_same_key || !is_same_content, "{}: {new}", case.name);
        }
    }
}

#[test]
fn a_needed_header_that_is_missing_empty_repeated_or_not_text_is_refused() {
    for case in cases() {
        let request = case.genuine();
        for name in request.headers.keys().filter(|name| *name != "content-type") {
            let mut missing = request.clone();
            missing.headers.remove(name);
            let mut repeated = request.clone();
            repeated.headers.append(name, request.headers[name].clone());
            let with = |value: &[u8]| {
                let mut request = request.clone();
                request.headers.insert(name.clone(), HeaderValue::from_bytes(value).unwrap());
                request
            };
            for request in [missing, repeated, with(b""), with(b"\xff\xfe")] {
                assert!(request.received_by(&*case.by_one_secret()).is_err(), "{}: {name}", case.name);
            }
        }
    }
}

#[test]
fn bytes_that_are_not_what_the_sender_sends_are_refused_without_a_panic() {
    let bodies: [&[u8]; 11] = [
        b"",
        b"\xff\xfe\x00",
        b"{\"id\":\"\xff\"}",
        b"{",
        b"[1,2]",
        b"null",
        b"7",
        b"%ff=%f&",
        b"{}{}",
        b"{}",
        b"[]",
    ];
    for case in cases() {
        for body in bodies {
            let mut request = case.genuine();
            request.body = body.to_vec().into();
            assert!(request.received_by(&*case.by_one_secret()).is_err(), "{}: {body:?}", case.name);
            request.headers.clear();
            assert!(request.received_by(&*case.by_one_secret()).is_err(), "{}: {body:?}", case.name);
        }
        let body = case.genuine().body;
        for len in 0..body.len() {
            let mut request = case.genuine();
            request.body = body.slice(..len);
            // Braintree's own libraries do without the newline at the end.
            if case.name == "braintree" && body[len..] == *b"%0A" {
                continue;
            }
            assert!(request.received_by(&*case.by_one_secret()).is_err(), "{}: {len} bytes", case.name);
        }
    }
}

#[test]
fn no_provider_prints_its_secret_and_each_has_the_name_and_the_policy_of_its_sender() {
    for case in cases() {
        let provider = case.by_one_secret();
        let shown = format!("{provider:?}");
        assert!(!shown.contains(case.secrets[0]) && shown.contains("REDACTED"), "{shown}");
        assert_eq!(provider.name(), case.name);
        assert!(provider.challenge().contains(case.name));
        let retries = case.facts.retry_horizon.map(|horizon| horizon.value).unwrap_or_default();
        assert!(provider.policy().retention() >= 2 * retries, "{}", case.name);
        let patience = case.facts.patience.map(|patience| patience.value);
        let waits = provider.policy().wait() + provider.policy().store_timeout();
        assert!(patience.is_none_or(|patience| waits < patience), "{}", case.name);
        assert!(!case.facts.title.is_empty() && !case.facts.setup.is_empty());
    }
}

/// Whether a key is the recorded id.
fn is_key(case: &Coded, key: &str, id: &str) -> bool {
    match case.name {
        "adyen" => key.replace(';', ":") == id,
        "cloudevents" => {
            let (source, id) = id.rsplit_once('#').unwrap();
            let escaped = id.bytes().map(|byte| match byte.is_ascii() {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            });
            key == format!("{source};{}", escaped.collect::<String>())
        }
        _ => key == id,
    }
}

#[test]
fn recorded_deliveries_are_accepted_with_their_key_or_refused() {
    for case in cases() {
        let (mut accepted, mut refused) = (0, 0);
        for vector in load(case.name) {
            let id = &vector.id;
            let secret = if vector.secret.is_empty() { case.secrets[0] } else { &vector.secret };
            let provider: Arc<dyn Provider> = match (case.name, vector.name.as_str()) {
                // The others are of an account that is set to SHA-1.
                ("cloudinary", name) if name != "sha256" => {
                    Arc::new(Cloudinary::new(secret).unwrap().with_insecure_sha1())
                }
                _ => (case.provider)(&[secret]),
            };
            let mut request = vector.request();
            if case.name == "cloudevents" {
                request = request.with("authorization", &format!("Bearer {secret}"));
            }
            let is_ambiguous = vector.attack.as_deref() == Some("canonicalization-ambiguity");
            let may_be_genuine = vector.valid && !is_ambiguous;
            let received = match request.received_by(&*provider) {
                Ok(Received::Delivery(delivery)) => vec![delivery],
                Ok(Received::Batch(deliveries)) => deliveries,
                Ok(Received::Handshake(answer)) => {
                    let expected = vector.expected_response.as_ref().unwrap();
                    assert_eq!(answer.status.as_u16(), expected.status, "{id}");
                    for (name, value) in &expected.headers {
                        let name: HeaderName = name.parse().unwrap();
                        assert_eq!(answer.headers[name], *value, "{id}");
                    }
                    let body = expected.body.as_deref().unwrap_or_default();
                    assert_eq!(&answer.body[..], body.as_bytes(), "{id}");
                    continue;
                }
                Ok(other) => panic!("{id}: {other:?}"),
                Err(rejection) => {
                    assert!(!may_be_genuine || vector.policy_dependent, "{id} was refused: {rejection}");
                    let kinds =
                        [RejectionKind::Unauthenticated, RejectionKind::Malformed, RejectionKind::KeyMissing];
                    assert!(kinds.contains(&rejection.kind()), "{id}: {rejection}");
                    refused += 1;
                    continue;
                }
            };
            assert!(may_be_genuine || vector.policy_dependent, "{id} was accepted");
            let expected = vector.event_ids.clone().or_else(|| vector.event_id.clone().map(|id| vec![id]));
            if let Some(expected) = expected.filter(|_| vector.attack.is_none()) {
                assert_eq!(received.len(), expected.len(), "{id}");
                for (delivery, expected) in received.iter().zip(&expected) {
                    assert!(is_key(&case, delivery.key().as_str(), expected), "{id}: {:?}", delivery.key());
                }
            }
            accepted += 1;
        }
        assert!(accepted >= 1 && refused >= 1, "{}: {accepted} accepted, {refused} refused", case.name);
    }
}
