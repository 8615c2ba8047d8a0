//! Every change of a signed request is refused, for every sender of the catalogue, without a panic.
//!
//! The rules: a signature is refused in any other form than the sender's (cut, in another case or alphabet, with other
//! padding). A header that authentication needs is refused if it is missing, empty, not text or repeated, except for Mollie,
//! which repeats its signature. Where nothing is signed, a changed body is accepted: the token proves only the sender.

use http::{HeaderName, HeaderValue};
use idempotency_core::provider::{Encoding, Proof, Provider as _, RejectionKind, SchemeProvider, senders};
use idempotency_tests::vectors::Request;

use super::cases::{Case, NOW, cases};

fn signature(case: &Case) -> HeaderName {
    case.scheme.signature_header_names()[0].parse().unwrap()
}

fn with(request: &Request, name: &HeaderName, value: &[u8]) -> Option<Request> {
    let mut request = request.clone();
    request.headers.insert(name, HeaderValue::from_bytes(value).ok()?);
    Some(request)
}

fn assert_unauthenticated(case: &Case, request: &Request, what: &str) {
    assert_unauthenticated_by(&case.provider(), request, what);
}

fn assert_unauthenticated_by(provider: &SchemeProvider, request: &Request, what: &str) {
    match request.received_by(provider) {
        Err(rejection) => {
            assert_eq!(rejection.kind(), RejectionKind::Unauthenticated, "{}: {what}", provider.name());
        }
        Ok(_) => panic!("{}: {what} was accepted", provider.name()),
    }
}

fn signs_its_body(case: &Case) -> bool {
    case.scheme.proof().is_signature()
}

#[test]
fn every_flipped_bit_of_a_signature_is_refused() {
    for case in cases() {
        let (request, name, provider) = (case.genuine(), signature(&case), case.provider());
        let value = request.headers[&name].as_bytes().to_vec();
        // The name of a scheme in `Authorization` has no case.
        let start = if case.scheme.proof() == Proof::BasicAuth { "Basic ".len() } else { 0 };
        for (at, bit) in (start..value.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = value.clone();
            flipped[at] ^= 1 << bit;
            let Some(request) = with(&request, &name, &flipped) else { continue };
            assert_unauthenticated_by(&provider, &request, &format!("byte {at} with bit {bit} flipped"));
        }
    }
}

#[test]
fn every_truncation_of_a_signature_and_every_longer_one_is_refused() {
    for case in cases() {
        let (request, name, provider) = (case.genuine(), signature(&case), case.provider());
        let value = request.headers[&name].as_bytes().to_vec();
        for len in 0..value.len() {
            let request = with(&request, &name, &value[..len]).unwrap();
            assert_unauthenticated_by(&provider, &request, &format!("a signature cut to {len} bytes"));
        }
        for more in [&b"0"[..], b"=", b"AAAA", b"00"] {
            let request = with(&request, &name, &[&value, more].concat()).unwrap();
            assert_unauthenticated_by(&provider, &request, &format!("a signature with {more:?} after it"));
        }
    }
}

#[test]
fn a_signature_in_another_form_is_refused() {
    for case in cases().iter().filter(|case| signs_its_body(case)) {
        let (request, name) = (case.genuine(), signature(case));
        let value = request.headers[&name].to_str().unwrap().to_owned();
        let at = value.rfind(['=', ',']).filter(|at| *at + 1 < value.len()).map_or(0, |at| at + 1);
        let (head, mac) = match case.scheme.encoding() {
            // The padding is part of the signature.
            Encoding::Base64 => {
                let unpadded = value.trim_end_matches('=');
                value.split_at(unpadded.rfind(['=', ',']).map_or(0, |at| at + 1))
            }
            _ => value.split_at(at),
        };
        let others = match case.scheme.encoding() {
            Encoding::Hex => vec![mac.to_ascii_uppercase(), format!("0x{mac}"), mac.replace('a', "A")],
            Encoding::Base64 => {
                vec![mac.trim_end_matches('=').to_owned(), mac.replace('=', "%3D"), format!("{mac}=")]
            }
            _ => vec![format!("{mac}="), format!("{mac}==")],
        };
        for other in others.iter().filter(|other| *other != mac) {
            let request = with(&request, &name, format!("{head}{other}").as_bytes()).unwrap();
            assert_unauthenticated(case, &request, other);
        }
    }
}

#[test]
fn another_secret_is_refused_and_any_of_several_is_accepted() {
    for case in cases() {
        let by_other = case.signed(1, case.event, NOW);
        assert_unauthenticated(&case, &by_other, "another secret");
        let rotating = case.provider().with_secret(case.verifying(1)).unwrap();
        for request in [case.genuine(), by_other] {
            assert!(request.received_by(&rotating).is_ok(), "{}", case.scheme.name());
        }
    }
}

#[test]
fn every_changed_byte_of_a_signed_body_and_every_cut_is_refused() {
    for case in cases() {
        let (request, (_, body), provider) = (case.genuine(), case.event, case.provider());
        let changed = (0..body.len()).map(|at| {
            let mut body = body.as_bytes().to_vec();
            body[at] ^= 1 << (at % 8);
            body
        });
        let cut = (0..body.len()).map(|len| body.as_bytes()[..len].to_vec());
        for body in changed.chain(cut) {
            let mut request = request.clone();
            request.body = body.into();
            if signs_its_body(&case) {
                assert_unauthenticated_by(&provider, &request, "a changed body");
            } else if let Err(rejection) = request.received_by(&provider) {
                assert_ne!(rejection.kind(), RejectionKind::Unauthenticated, "{}", case.scheme.name());
            }
        }
    }
}

#[test]
fn a_needed_header_that_is_missing_empty_repeated_or_not_text_is_refused() {
    for case in cases() {
        let request = case.genuine();
        let names = request.headers.keys().filter(|name| *name != "content-type");
        for name in names {
            let value = request.headers[name].clone();
            let mut missing = request.clone();
            missing.headers.remove(name);
            let mut repeated = request.clone();
            repeated.headers.append(name, value);
            let empty = with(&request, name, b"").unwrap();
            let binary = with(&request, name, b"\xff\xfe").unwrap();
            let is_unneeded = case.scheme.name() == "zendesk" && name.as_str().ends_with("invocation-id");
            for (what, request) in [("missing", missing), ("empty", empty), ("binary", binary)] {
                let received = request.received_by(&case.provider());
                assert!(received.is_err() || is_unneeded, "{}: {name} is {what}", case.scheme.name());
                if *name == signature(&case) {
                    assert_unauthenticated(&case, &request, what);
                }
            }
            let is_repeatable = case.scheme.name() == senders::MOLLIE.name() && *name == signature(&case);
            let received = repeated.received_by(&case.provider());
            assert!(
                received.is_ok() == (is_repeatable || is_unneeded),
                "{}: {name} twice",
                case.scheme.name()
            );
        }
    }
}

#[test]
fn an_unknown_scheme_is_ignored_beside_the_known_one_and_refused_alone() {
    for (sender, separator, unknown) in [
        ("paddle", ";", "h2=78a99eced861f85c"),
        ("gitlab-signed", " ", "v1a,AAAA"),
        ("circleci", ",", "v2=78a99eced861f85c"),
        ("pagerduty", ",", "v2=78a99eced861f85c"),
        ("sanity", ",", "v2=78a99eced861f85c"),
        ("workos", ", ", "v0=78a99eced861f85c"),
        ("calendly", ",", "v0=78a99eced861f85c"),
        ("mux", ",", "v2=78a99eced861f85c"),
        ("orb", " ", "v2=78a99eced861f85c"),
        ("openai", " ", "v1a,AAAA"),
        ("polar", " ", "v1a,AAAA"),
        ("supabase", ", ", "v1a,AAAA"),
        ("shippo", ",", "v2=78a99eced861f85c"),
        ("anthropic", " ", "v2,AAAA"),
        ("blockfrost", ",", "v2=78a99eced861f85c"),
        ("cloudflare-stream", ",", "sig2=78a99eced861f85c"),
        ("finch", " ", "v2,AAAA"),
        ("knock", ",", "v2=AAAA"),
        ("outline", ",", "v2=78a99eced861f85c"),
        ("revenuecat-signed", ",", "v2=78a99eced861f85c"),
        ("revolut", ",", "v2=78a99eced861f85c"),
        ("tailscale", ",", "v2=78a99eced861f85c"),
    ] {
        let case = cases().into_iter().find(|case| case.scheme.name() == sender).unwrap();
        let (request, name) = (case.genuine(), signature(&case));
        let value = request.headers[&name].to_str().unwrap().to_owned();
        for both in [format!("{value}{separator}{unknown}"), format!("{unknown}{separator}{value}")] {
            let request = with(&request, &name, both.as_bytes()).unwrap();
            assert!(request.received_by(&case.provider()).is_ok(), "{sender}: {both}");
        }
        let alone =
            value.replace("v1", "v2").replace("h1", "h2").replace("sig1", "sig2").replace(",s=", ",v2=");
        assert_unauthenticated(&case, &with(&request, &name, alone.as_bytes()).unwrap(), &alone);
    }
}

#[test]
fn each_of_several_signatures_is_tried_in_any_order() {
    let cases = cases();
    let named = |sender: &str| cases.iter().find(|case| case.scheme.name() == sender).unwrap();
    for (sender, separator) in [
        ("paddle", ";"),
        ("gitlab-signed", " "),
        ("circleci", ","),
        ("workos", ", "),
        ("openai", " "),
        ("polar", " "),
        ("mux", ","),
        ("revenuecat-signed", ","),
    ] {
        let case = named(sender);
        let (request, name) = (case.genuine(), signature(case));
        let value = request.headers[&name].to_str().unwrap();
        let other = case.signed(1, case.event, NOW).headers[&name].to_str().unwrap().to_owned();
        let mac = other.rsplit([';', ',']).next().unwrap();
        let mac = if separator == " " { &other } else { mac };
        let both = [format!("{value}{separator}{mac}"), format!("{mac}{separator}{value}")];
        for both in both {
            let request = with(&request, &name, both.as_bytes()).unwrap();
            assert!(request.received_by(&case.provider()).is_ok(), "{sender}: {both}");
        }
    }
    for sender in ["box", "docusign"] {
        let case = named(sender);
        let mut request = case.genuine();
        let [first, .., last] = case.scheme.signature_header_names() else { panic!("{sender}") };
        let genuine = request.headers[*first].clone();
        let other = case.signed(1, case.event, NOW).headers[*first].clone();
        request.headers.insert(*first, other);
        assert_unauthenticated(case, &request, "a signature by another key");
        request.headers.insert(*last, genuine);
        assert!(request.received_by(&case.provider()).is_ok(), "{sender}");
    }
    let mollie = named("mollie");
    let mut request = mollie.genuine();
    let other = mollie.signed(1, mollie.event, NOW).headers["x-mollie-signature"].clone();
    request.headers.append("x-mollie-signature", other);
    assert!(request.received_by(&mollie.provider()).is_ok());
}

#[test]
fn bytes_that_are_neither_text_nor_json_are_judged_without_a_panic() {
    let bodies: [&[u8]; 9] =
        [b"", b"\xff\xfe\x00", b"{\"id\":\"\xff\"}", b"{", b"[1,2]", b"null", b"7", b"%ff=%f&", b"{}{}"];
    for case in cases() {
        let name = signature(&case);
        for body in bodies {
            let scheme = super::with_url(&case.scheme, super::cases::URL);
            let headers =
                idempotency_core::testing::scheme(&scheme, &case.secret(0), case.event.0, body, NOW);
            let request = Request::new(headers, body.to_vec(), NOW);
            let has_time_in_body = case.scheme.name() == senders::LINEAR.name();
            if let Err(rejection) = request.received_by(&case.provider()) {
                let is_authentic = rejection.kind() != RejectionKind::Unauthenticated;
                assert!(is_authentic || has_time_in_body, "{}: {body:?}: {rejection}", case.scheme.name());
            }
            assert!(request.headers.contains_key(&name));
        }
    }
}

#[test]
fn no_sender_of_the_catalogue_prints_its_secret() {
    for case in cases() {
        let shown = format!("{:?}", case.provider());
        assert!(!shown.contains(super::cases::SECRETS[0]) && shown.contains("REDACTED"), "{shown}");
        assert!(case.provider().challenge().contains(case.scheme.name()));
    }
}
