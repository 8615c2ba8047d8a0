//! Properties of signatures and orders, for random bodies and times.

use std::sync::LazyLock;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use idempotency_core::provider::{
    GitHub, Incoming, Provider, Received, Rejection, Shopify, Slack, StandardWebhooks, Stripe, Twilio,
    signature,
};
use idempotency_core::{Delivery, Order, Scope, testing};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0";
const URL: &str = "https://example.com/hook";

type Sign = fn(&[u8]) -> HeaderMap;

/// A provider and its sender's signing function.
struct Sender(Box<dyn Provider>, Sign);

fn stripe(body: &[u8]) -> HeaderMap {
    testing::stripe(SECRET, body, NOW)
}

fn slack(body: &[u8]) -> HeaderMap {
    testing::slack(SECRET, body, NOW)
}

fn standard_webhooks(body: &[u8]) -> HeaderMap {
    testing::standard_webhooks(SECRET, "msg_1", body, NOW)
}

fn shopify(body: &[u8]) -> HeaderMap {
    testing::shopify(SECRET, "id-1", "products/update", body)
}

fn senders() -> &'static [Sender; 6] {
    static SENDERS: LazyLock<[Sender; 6]> = LazyLock::new(|| {
        let (secret, ordered) = ("the secret is one", "the type has an order");
        [
            Sender(
                Box::new(Stripe::new(SECRET).expect(secret).discarding_stale(["a"]).expect(ordered)),
                stripe,
            ),
            Sender(
                Box::new(
                    Slack::new(SECRET).expect(secret).discarding_stale(["channel_rename"]).expect(ordered),
                ),
                slack,
            ),
            Sender(
                Box::new(
                    StandardWebhooks::new(SECRET).expect(secret).discarding_stale(["a"]).expect(ordered),
                ),
                standard_webhooks,
            ),
            Sender(
                Box::new(
                    Shopify::new(SECRET).expect(secret).discarding_stale(["products/update"]).expect(ordered),
                ),
                shopify,
            ),
            Sender(Box::new(GitHub::new(SECRET).expect(secret)), |body| {
                testing::github(SECRET, "id-1", "issues", body)
            }),
            Sender(Box::new(Twilio::new(SECRET, URL).expect(secret)), |body| {
                testing::twilio(SECRET, URL, body)
            }),
        ]
    });
    &SENDERS
}

fn receive(provider: &dyn Provider, headers: &HeaderMap, body: &[u8]) -> Result<Received, Rejection> {
    let (method, uri, scope) = (Method::POST, Uri::from_static("/hook"), Scope::endpoint("properties"));
    let body = Bytes::copy_from_slice(body);
    let incoming = Incoming::new(&method, &uri, headers, &body, NOW, &scope);
    provider.receive(&incoming).now_or_never().expect("a fixed secret is ready at once")
}

fn delivery(provider: &dyn Provider, headers: &HeaderMap, body: &[u8]) -> Delivery {
    match receive(provider, headers, body) {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("it must be a delivery: {other:?}"),
    }
}

/// Whether a header holds the signature or the signed time.
fn is_proof(name: &HeaderName) -> bool {
    ["signature", "hmac", "timestamp"].iter().any(|part| name.as_str().contains(part))
}

/// Bodies like those of each sender, so that much of them is parsed after a good signature.
fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let known = select(vec![
        r#"{"id":"evt_1","event_id":"Ev1","type":"a","created":1,"action":"opened"}"#,
        "MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&MessageStatus=delivered",
        "",
    ]);
    prop_oneof![known.prop_map(|text| text.as_bytes().to_vec()), vec(any::<u8>(), 0..80)]
}

/// The order of a delivery of a body by a sender.
fn order(sender: usize, body: &str) -> Option<Order> {
    let Sender(provider, sign) = &senders()[sender];
    delivery(&**provider, &sign(body.as_bytes()), body.as_bytes()).order().cloned()
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(512))]

    #[test]
    fn no_signature_with_one_character_replaced_cut_or_added_is_accepted(
        body in bodies(),
        at: Index,
        with in b' '..=b'~',
        how in 0..3,
    ) {
        for Sender(provider, sign) in senders() {
            let signed = sign(&body);
            let proofs: Vec<_> = signed.iter().filter(|(name, _)| is_proof(name)).collect();
            for (name, value) in proofs {
                let mut text = value.as_bytes().to_vec();
                let place = at.index(text.len());
                match how {
                    0 => text[place] = with,
                    1 => drop(text.remove(place)),
                    _ => text.insert(place, with),
                }
                // A second item next to the good one is another candidate, and blanks around it do not matter.
                let mut changed = signed.clone();
                let forged = HeaderValue::from_bytes(&text).expect("it is printable");
                changed.insert(name.clone(), forged.clone());
                let is_same = forged == *value || [b' ', b','].contains(&with) && how == 2;
                prop_assert!(
                    is_same || receive(&**provider, &changed, &body).is_err(),
                    "{} takes {name}: {}", provider.name(), text.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn no_signature_header_of_any_bytes_is_accepted(
        body in bodies(),
        value in prop_oneof![
            vec(any::<u8>(), 0..90),
            "(t=[0-9]{0,20}|v1=[0-9a-f]{0,66}|v0=[0-9a-f]{64}|[,; ]){0,6}".prop_map(String::into_bytes),
            "(v1a?,[A-Za-z0-9+/]{0,88}={0,2} ?){0,3}".prop_map(String::into_bytes),
            "[A-Za-z0-9+/]{26,28}={0,2}".prop_map(String::into_bytes),
            "(sha256|sha1|v0)=[0-9a-fA-F]{0,66}".prop_map(String::into_bytes),
        ],
    ) {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        for Sender(provider, sign) in senders() {
            let mut forged = sign(&body);
            let names: Vec<_> = forged.keys().filter(|name| is_proof(name)).cloned().collect();
            for name in &names {
                forged.insert(name.clone(), value.clone());
            }
            prop_assert!(receive(&**provider, &forged, &body).is_err(), "{}", provider.name());
        }
    }

    #[test]
    fn a_time_is_fresh_if_it_is_a_number_within_the_tolerance(
        text in "[0-9]{0,21}|[ -~]{0,8}",
        now: u64,
        near in -400_i64..400,
        tolerance in 0..400_u64,
    ) {
        for text in [text, now.saturating_add_signed(near).to_string()] {
            let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok());
            let expected = number.flatten().is_some_and(|number| number.abs_diff(now) <= tolerance);
            let now = Duration::from_secs(now);
            let fresh = signature::fresh(&text, now, Duration::from_secs(tolerance));
            prop_assert_eq!(fresh.is_ok(), expected, "{}", text);
        }
    }

    #[test]
    fn a_signature_in_text_is_the_bytes_it_stands_for_or_none(bytes: [u8; 32], text in ".{0,70}|[0-9a-f]{60,68}") {
        let (hex, base64) = (data_encoding::HEXLOWER.encode(&bytes), data_encoding::BASE64.encode(&bytes));
        prop_assert_eq!(signature::hex::<32>(&hex), Some(bytes));
        prop_assert_eq!(signature::base64::<32>(&base64), Some(bytes));
        prop_assert_eq!(signature::hex::<20>(&hex), None);
        // A parsed signature prints as the same text, so no two texts are one signature.
        if let Some(read) = signature::hex::<32>(&text) {
            prop_assert_eq!(data_encoding::HEXLOWER.encode(&read), text.as_str());
        }
        if let Some(read) = signature::base64::<32>(&text) {
            prop_assert_eq!(data_encoding::BASE64.encode(&read), text);
        }
    }

    #[test]
    fn the_version_of_a_stripe_snapshot_is_when_it_was_created(created in 0..=NOW.as_secs(), object in "[a-z]{1,9}") {
        let body = format!(
            r#"{{"data":{{"object":{{"id":"{object}"}}}},"created":{created},"type":"a","id":"evt_1"}}"#
        );
        let order = order(0, &body).expect("it has an order");
        prop_assert_eq!(order.resource().name(), object);
        prop_assert_eq!(order.version().get(), created * 1_000);
    }

    #[test]
    fn the_version_of_a_date_is_its_microseconds_with_any_offset(
        seconds in 0..NOW.as_secs() as i64,
        micros in 0..1_000_000_i64,
        quarters in -48..=56_i64,
    ) {
        let offset = quarters * 15;
        let date = rfc3339(seconds + offset * 60, micros, offset);
        let body = format!(r#"{{"id":7,"type":"a","timestamp":"{date}","data":{{"id":"u"}},"updated_at":"{date}"}}"#);
        let expected = u64::try_from(seconds * 1_000_000 + micros).unwrap();
        for sender in [2, 3] {
            prop_assert_eq!(order(sender, &body).map(|order| order.version().get()), Some(expected), "{}", date);
        }
    }

    #[test]
    fn the_newer_of_two_slack_events_has_the_larger_version(a in (0..NOW.as_secs(), 0..1_000_000_u64), b in (0..NOW.as_secs(), 0..1_000_000_u64)) {
        let version = |(seconds, micros)| {
            let body = format!(
                r#"{{"type":"event_callback","event_id":"Ev1","event":{{"type":"channel_rename","event_ts":"{seconds}.{micros:06}","channel":"C1"}}}}"#
            );
            order(1, &body).map(|order| order.version())
        };
        let (first, second) = (version(a).expect("an order"), version(b).expect("an order"));
        prop_assert_eq!(first.cmp(&second), a.cmp(&b));
    }

    #[test]
    fn an_unreadable_order_is_none_and_never_a_wrong_one(created in "[ -!#-\\[\\]-~]{0,24}") {
        // Any text may be in its place. The delivery itself stays valid.
        let stripe = format!(r#"{{"id":"e","type":"a","created":"{created}","data":{{"object":{{"id":"o"}}}}}}"#);
        let order = order(0, &stripe);
        prop_assert!(order.is_none() || created.contains(['T', 't', ' ']), "{:?} of {}", order, created);
    }
}

/// The RFC 3339 date of local seconds since 1970, with independent calendar arithmetic.
fn rfc3339(local: i64, micros: i64, offset: i64) -> String {
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    let sign = if offset < 0 { '-' } else { '+' };
    let (hours, minutes) = (offset.abs() / 60, offset.abs() % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}{sign}{hours:02}:{minutes:02}"
    )
}
