//! A lone surrogate is valid JSON but not valid Unicode. Outside the fields that are read, it must not make a provider refuse the
//! event.

use std::time::Duration;

use http::HeaderMap;
use idempotency_core::provider::{
    GitHub, Provider, Received, Shopify, Slack, StandardWebhooks, Stripe, Twilio,
};
use idempotency_core::{Delivery, testing};
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const URL: &str = "https://example.com/hook";

/// A provider, what its sender sends with a body, and a body in which `{}` stands for further members.
type Sender = (Box<dyn Provider>, fn(&[u8]) -> HeaderMap, &'static str);

fn senders() -> [Sender; 6] {
    [
        (
            Box::new(Stripe::new(SECRET).unwrap().discarding_stale(["customer.updated"]).unwrap()),
            |body| testing::stripe(SECRET, body, NOW),
            r#"{"id":"evt_1","type":"customer.updated","created":1767225600,"account":{"id":"acct_1"{}},
                "data":{"object":{"id":"cus_1"{}},"previous_attributes":{"a":1{}}{}}{}}"#,
        ),
        (
            Box::new(Shopify::new(SECRET).unwrap().discarding_stale(["orders/updated"]).unwrap()),
            |body| testing::shopify(SECRET, "e-1", "orders/updated", body),
            r#"{"id":1,"updated_at":"2026-01-01T00:00:00Z","note_attributes":[{"a":1{}}]{}}"#,
        ),
        (
            Box::new(Twilio::new(SECRET, URL).unwrap()),
            |body| testing::twilio_json(SECRET, URL, body).0,
            r#"{"event":"a"{}}"#,
        ),
        (
            Box::new(GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap()),
            |body| testing::github(SECRET, "d-1", "issues", body),
            r#"{"action":"edited","issue":{"id":1,"updated_at":"2026-01-01T00:00:00Z"{}},
                "installation":{"id":7{}},"changes":{"a":1{}}{}}"#,
        ),
        (
            Box::new(Slack::new(SECRET).unwrap().discarding_stale(["channel_rename"]).unwrap()),
            |body| testing::slack(SECRET, body, NOW),
            r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{"type":"channel_rename",
                "event_ts":"1767225600.000100","channel":{"id":"C1"{}}{}},"authorizations":[{"a":1{}}]{}}"#,
        ),
        (
            Box::new(StandardWebhooks::new(SECRET).unwrap().discarding_stale(["user.updated"]).unwrap()),
            |body| testing::standard_webhooks(SECRET, "msg_1", body, NOW),
            r#"{"type":"user.updated","timestamp":"2026-01-01T00:00:00Z","data":{"id":"u1"{}}{}}"#,
        ),
    ]
}

fn received(provider: &dyn Provider, sign: fn(&[u8]) -> HeaderMap, body: &str) -> Option<Delivery> {
    let mut request = Request::new(sign(body.as_bytes()), body.to_owned(), NOW);
    if provider.name() == "twilio" {
        request.uri = testing::twilio_json(SECRET, URL, body.as_bytes()).1.parse().unwrap();
    }
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => Some(delivery),
        _ => None,
    }
}

#[test]
fn a_member_whose_name_has_a_lone_surrogate_changes_nothing_that_is_read() {
    for (provider, sign, template) in senders() {
        let name = provider.name();
        let expected = received(&*provider, sign, &template.replace("{}", "")).unwrap();
        assert!(name == "twilio" || expected.order().is_some(), "{name} has no order");
        for place in 0..template.matches("{}").count() {
            for added in [
                r#","\ud800":1"#,
                r#","a\udfffb":{"\ud800":"\ud800"}"#,
                r#","\ud800":1,"\ud800":2"#,
                r#","text":"\ud800""#,
                r#","\ud83d\ude00":"\udc00""#,
            ] {
                let parts: Vec<_> = template.split("{}").collect();
                let (before, after) = parts.split_at(place + 1);
                let body = format!("{}{added}{}", before.concat(), after.concat());
                let delivery = received(&*provider, sign, &body);
                let delivery = delivery.unwrap_or_else(|| panic!("{name} refuses {body}"));
                assert_eq!(delivery.scope(), expected.scope(), "{body}");
                assert_eq!(delivery.order(), expected.order(), "{body}");
                assert_eq!(delivery.attributes().event_type(), expected.attributes().event_type(), "{body}");
                if name != "twilio" {
                    assert_eq!(delivery.key(), expected.key(), "{body}");
                }
            }
        }
    }
}

#[test]
fn a_repeated_field_and_a_name_that_is_not_json_are_refused() {
    let stripe = Stripe::new(SECRET).unwrap();
    for body in [
        r#"{"\ud800":1,"id":"evt_1","id":"evt_2"}"#,
        r#"{"id":"evt_1","\ud800":1,"i\u0064":"evt_2"}"#,
        r#"{"id":"evt_1","data":{"object":{"id":"a"},"\ud800":1,"object":{"id":"b"}}}"#,
        "{\"id\":\"evt_1\",\"a\nb\":1}",
        r#"{"id":"evt_1","\ud80":1}"#,
    ] {
        let sign = |body: &[u8]| testing::stripe(SECRET, body, NOW);
        assert!(received(&stripe, sign, body).is_none(), "{body}");
    }
    // GitHub's key is a header, so such a body costs only the order and the installation.
    let github = GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap();
    let body = r#"{"\ud800":1,"issue":{"id":1,"updated_at":"2026-01-01T00:00:00Z"},"issue":{"id":2}}"#;
    let sign = |body: &[u8]| testing::github(SECRET, "d-1", "issues", body);
    assert!(received(&github, sign, body).unwrap().order().is_none());
}

#[test]
fn a_name_with_escapes_is_the_name_that_it_spells() {
    let stripe = Stripe::new(SECRET).unwrap();
    let delivery = received(&stripe, |body| testing::stripe(SECRET, body, NOW), r#"{"\u0069d":"evt_1"}"#);
    assert_eq!(delivery.unwrap().key().as_str(), "evt_1");
}
