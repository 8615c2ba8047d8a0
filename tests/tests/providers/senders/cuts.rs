//! Signed texts that can be cut into several requests, of which one is accepted at most.

use std::collections::BTreeMap;
use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use idempotency_core::provider::{Place, Scheme};
use idempotency_core::testing::Signer;
use idempotency_tests::vectors::Request;

use super::cases::SECRETS;

/// A time whose digits look like those of a text beside it.
const NOW: u64 = 1_111_111_111;

/// All texts of some lengths over an alphabet.
fn texts(alphabet: &str, lengths: std::ops::RangeInclusive<usize>) -> Vec<String> {
    let mut all = Vec::new();
    let mut of_len = vec![String::new()];
    for len in 0..=*lengths.end() {
        if lengths.contains(&len) {
            all.extend(of_len.iter().cloned());
        }
        of_len = of_len
            .iter()
            .flat_map(|text| alphabet.chars().map(move |next| format!("{text}{next}")))
            .collect();
    }
    all
}

/// A few signed texts that are accepted as two requests.
fn cut_twice(template: &'static str, any_age: bool) -> Vec<String> {
    let has_time = template.contains("{timestamp}");
    let mut scheme = Scheme::hmac_sha256("acme").signature_header("x-sig").signing(template);
    scheme = scheme.key_in(if template.contains("x-a") { Place::Header("x-a") } else { Place::Digest });
    if has_time {
        scheme = scheme.timestamp_header("x-time").tolerance(Duration::from_secs(3));
    }
    if any_age {
        scheme = scheme.any_age();
    }
    let Ok(provider) = scheme.with_secret(SECRETS[0]) else { return Vec::new() };
    let some =
        |name: &str, texts: Vec<String>| if template.contains(name) { texts } else { vec![String::new()] };
    let headers = texts("a1.{-", 1..=2);
    let times = match any_age {
        true => texts("12", 1..=3),
        false => (NOW - 3..=NOW + 3).map(|time| time.to_string()).collect(),
    };
    let mut by_text: BTreeMap<String, Vec<[String; 4]>> = BTreeMap::new();
    for a in some("x-a", headers.clone()) {
        for b in some("x-b", headers.clone()) {
            for time in some("{timestamp}", times.clone()) {
                for body in texts("a1.{-", 0..=2) {
                    let text = template
                        .replace("{header:x-a}", &a)
                        .replace("{header:x-b}", &b)
                        .replace("{timestamp}", &time)
                        .replace("{body}", &body);
                    by_text.entry(text).or_default().push([a.clone(), b.clone(), time.clone(), body]);
                }
            }
        }
    }
    let signer = Signer::hmac_sha256(SECRETS[0]).with_header("x-sig", "{signature}");
    let mut found = Vec::new();
    for (text, cuts) in by_text.into_iter().filter(|(_, cuts)| cuts.len() > 1) {
        let signature = signer.sign("", text.as_bytes(), Duration::ZERO)["x-sig"].clone();
        let accepted = cuts.into_iter().filter(|[a, b, time, body]| {
            let mut headers = HeaderMap::new();
            headers.insert("x-sig", signature.clone());
            for (name, value) in [("x-a", a), ("x-b", b), ("x-time", time)] {
                headers.insert(name, HeaderValue::from_str(value).unwrap());
            }
            Request::new(headers, body.clone(), Duration::from_secs(NOW)).received_by(&provider).is_ok()
        });
        let accepted: Vec<_> = accepted.collect();
        if accepted.len() > 1 && found.len() < 2 {
            found.push(format!("{template}: {text:?} is {:?} and {:?}", accepted[0], accepted[1]));
        }
    }
    found
}

#[test]
fn no_signed_text_is_accepted_as_two_requests() {
    let templates = [
        "{header:x-a}{body}",
        "{body}{header:x-a}",
        "{header:x-a}{timestamp}{body}",
        "{body}{timestamp}{header:x-a}",
        "{header:x-a}{body}{timestamp}",
        "{timestamp}{body}{header:x-a}",
        "{header:x-a}{body}{header:x-b}",
        "{header:x-a}.{timestamp}{body}",
        "{header:x-a}.{header:x-b}{body}",
        "{header:x-a}.{body}{header:x-b}",
        "{header:x-a}.{body}.{header:x-b}",
        "{header:x-a}.{header:x-b}..{body}",
        "{header:x-a}-.{body}.-{header:x-b}",
        "{timestamp}{body}",
        "{body}{timestamp}",
    ];
    let found: Vec<_> = templates
        .into_iter()
        .flat_map(|template| [false, true].map(|any_age| (template, any_age)))
        .filter(|(template, any_age)| !any_age || template.contains("{timestamp}"))
        .flat_map(|(template, any_age)| cut_twice(template, any_age))
        .collect();
    assert!(found.is_empty(), "(x-a, x-b, x-time, body): {found:#?}");
}
