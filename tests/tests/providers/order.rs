//! Which events are compared with each other, and which one is newer.

use std::time::Duration;

use idempotency_core::provider::{
    ContentKey, GitHub, OrderError, Provider, Received, Shopify, Slack, StandardWebhooks, Stripe,
};
use idempotency_core::{Delivery, Resource, testing};
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn delivery(request: &Request, provider: &dyn Provider) -> Delivery {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

fn resource(delivery: &Delivery) -> Resource {
    delivery.order().expect("it has an order").resource().clone()
}

fn stripe(body: &str) -> Request {
    Request::new(testing::stripe(SECRET, body.as_bytes(), NOW), body.to_owned(), NOW)
}

fn slack(event: &str) -> Request {
    let body = format!(r#"{{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{event}}}"#);
    Request::new(testing::slack(SECRET, body.as_bytes(), NOW), body, NOW)
}

fn standard(body: &str) -> Request {
    let headers = testing::standard_webhooks(SECRET, "msg_1", body.as_bytes(), NOW);
    Request::new(headers, body.to_owned(), NOW)
}

fn github(event: &str, body: &str) -> Request {
    Request::new(testing::github(SECRET, "d-1", event, body.as_bytes()), body.to_owned(), NOW)
}

fn shopify(topic: &str, body: &str) -> Request {
    Request::new(testing::shopify(SECRET, "e", topic, body.as_bytes()), body.to_owned(), NOW)
}

#[test]
fn an_older_event_of_one_resource_has_the_smaller_version_only_where_its_type_was_named() {
    let provider =
        StandardWebhooks::new(SECRET).unwrap().discarding_stale(["user.created", "user.updated"]).unwrap();
    let event = |kind: &str, at: &str| {
        standard(&format!(r#"{{"type":"{kind}","timestamp":"{at}","data":{{"id":"u1"}}}}"#))
    };
    let created = delivery(&event("user.created", "2026-01-01T00:00:00Z"), &provider);
    let updated = delivery(&event("user.updated", "2026-01-01T01:00:00.000001+01:00"), &provider);
    let (created, updated) = (created.order().unwrap(), updated.order().unwrap());
    assert_eq!(created.resource(), updated.resource());
    assert_eq!(updated.version().get() - created.version().get(), 1);
    assert!(delivery(&event("invoice.paid", "2026-01-01T00:00:00Z"), &provider).order().is_none());
    let provider = StandardWebhooks::new(SECRET).unwrap();
    assert!(delivery(&event("user.updated", "2026-01-01T00:00:00Z"), &provider).order().is_none());
}

#[test]
fn a_thin_event_of_stripe_is_ordered_with_the_snapshots_of_its_object() {
    let provider =
        Stripe::new(SECRET).unwrap().discarding_stale(["customer.updated", "v1.customer.updated"]).unwrap();
    let thin = stripe(
        r#"{"id":"evt_2","object":"v2.core.event","type":"v1.customer.updated",
            "created":"2026-01-01T00:00:01.5Z","related_object":{"id":"cus_1"}}"#,
    );
    let full = stripe(
        r#"{"id":"evt_1","type":"customer.updated","created":1767225600,"data":{"object":{"id":"cus_1"}}}"#,
    );
    let (thin, full) = (delivery(&thin, &provider), delivery(&full, &provider));
    assert_eq!(thin.order().unwrap().resource(), full.order().unwrap().resource());
    assert_eq!(thin.order().unwrap().version().get(), 1_767_225_601_500, "milliseconds");
    assert_eq!(full.attributes().event_type(), Some("customer.updated"));
}

#[test]
fn a_form_of_github_is_read_like_its_json() {
    let provider = GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap();
    let form = "payload=%7B%22action%22%3A%22opened%22%2C%22issue%22%3A%7B%22id%22%3A7%2C%22updated_at%22%3A%222026-01-01T00%3A00%3A00Z%22%7D%7D";
    let delivered = delivery(&github("issues", form), &provider);
    assert_eq!(delivered.attributes().event_type(), Some("issues"));
    assert_eq!(delivered.attributes().get("action"), Some("opened"));
    let order = delivered.order().unwrap();
    assert_eq!((order.resource().name(), order.version().get()), ("7", 1_767_225_600_000_000));
}

#[test]
fn topics_about_one_resource_of_a_shop_are_compared_and_an_unsigned_time_is_not_believed() {
    let provider =
        Shopify::new(SECRET).unwrap().discarding_stale(["products/create", "products/update"]).unwrap();
    let sent = |topic: &str, body: &'static str| {
        let request = Request::new(testing::shopify(SECRET, "e", topic, body.as_bytes()), body, NOW);
        delivery(&request.with("x-shopify-triggered-at", "2999-01-01T00:00:00Z"), &provider)
    };
    let created = sent("products/create", r#"{"id":1,"updated_at":"2026-01-01T00:00:00+00:00"}"#);
    let updated = sent("products/update", r#"{"id":1,"updated_at":"2025-12-31T19:00:01-05:00"}"#);
    let (created, updated) = (created.order().unwrap(), updated.order().unwrap());
    assert_eq!(created.resource(), updated.resource());
    assert_eq!(updated.version().get() - created.version().get(), 1_000_000);
    assert!(sent("products/update", r#"{"id":1}"#).order().is_none());
}

/// Objects of two kinds with one id were compared.
#[test]
fn objects_of_two_kinds_with_one_id_are_two_resources() {
    let provider =
        StandardWebhooks::new(SECRET).unwrap().discarding_stale(["user.updated", "org.updated"]).unwrap();
    let of = |kind: &str| {
        let body = format!(r#"{{"type":"{kind}","timestamp":"2026-01-01T00:00:00Z","data":{{"id":1}}}}"#);
        resource(&delivery(&standard(&body), &provider))
    };
    assert_ne!(of("user.updated"), of("org.updated"));

    let types = ["issues", "pull_request", "issue_comment", "pull_request_review_comment", "commit_comment"];
    let provider = GitHub::new(SECRET).unwrap().discarding_stale(types).unwrap();
    let object = r#"{"id":7,"updated_at":"2026-01-01T00:00:00Z"}"#;
    let of = |event: &str, fields: &[&str]| {
        let fields: Vec<_> = fields.iter().map(|field| format!(r#""{field}":{object}"#)).collect();
        resource(&delivery(&github(event, &format!("{{{}}}", fields.join(","))), &provider))
    };
    let resources = [
        of("issues", &["issue"]),
        of("pull_request", &["pull_request"]),
        of("issue_comment", &["issue", "comment"]),
        of("pull_request_review_comment", &["comment", "pull_request"]),
        of("commit_comment", &["comment"]),
    ];
    assert_distinct(&resources);

    let provider =
        Shopify::new(SECRET).unwrap().discarding_stale(["products/update", "customers/update"]).unwrap();
    let of = |topic: &str| {
        let body = r#"{"id":1,"updated_at":"2026-01-01T00:00:00Z"}"#;
        resource(&delivery(&shopify(topic, body), &provider))
    };
    assert_ne!(of("products/update"), of("customers/update"));

    let provider = Stripe::new(SECRET).unwrap().discarding_stale(["plan.updated", "coupon.updated"]).unwrap();
    let of = |object: &str| {
        let body = format!(
            r#"{{"id":"e","type":"{object}.updated","created":1,"data":{{"object":{{"id":"gold","object":"{object}"}}}}}}"#
        );
        resource(&delivery(&stripe(&body), &provider))
    };
    assert_ne!(of("plan"), of("coupon"));
}

fn assert_distinct(resources: &[Resource]) {
    for (at, resource) in resources.iter().enumerate() {
        assert!(!resources[at + 1..].contains(resource), "{resource:?} is there twice");
    }
}

/// The kind of a GitHub object is a field of the signed body. Another event in the unsigned header finds no object of its
/// kind there.
#[test]
fn an_unsigned_event_header_does_not_choose_the_kind_of_a_signed_object() {
    let provider = GitHub::new(SECRET).unwrap().discarding_stale(["issues", "pull_request"]).unwrap();
    let body = r#"{"issue":{"id":7,"updated_at":"2026-01-01T00:00:00Z"}}"#;
    assert_eq!(resource(&delivery(&github("issues", body), &provider)).kind(), "issue");
    let swapped = delivery(&github("pull_request", body), &provider);
    assert!(swapped.order().is_none() && swapped.unordered().is_some());
}

/// A second `discarding_stale` call silently replaced the first.
#[test]
fn groups_add_up_and_only_types_of_one_group_share_a_resource() {
    let provider = StandardWebhooks::new(SECRET)
        .unwrap()
        .discarding_stale(["user.created", "user.updated"])
        .unwrap()
        .discarding_stale(["user.invited"])
        .unwrap();
    let of = |kind: &str| {
        let body = format!(r#"{{"type":"{kind}","timestamp":"2026-01-01T00:00:00Z","data":{{"id":1}}}}"#);
        resource(&delivery(&standard(&body), &provider))
    };
    assert_eq!(of("user.created"), of("user.updated"));
    assert_ne!(of("user.created"), of("user.invited"));
}

/// A version in the year 9999 discarded all later events.
#[test]
fn a_version_from_the_future_orders_nothing_and_says_so() {
    let standards = StandardWebhooks::new(SECRET).unwrap().discarding_stale(["user.updated"]).unwrap();
    let by_standard =
        |at: &str| standard(&format!(r#"{{"type":"user.updated","timestamp":{at},"data":{{"id":1}}}}"#));
    let stripes = Stripe::new(SECRET).unwrap().discarding_stale(["customer.updated"]).unwrap();
    let by_stripe = |at: &str| {
        stripe(&format!(
            r#"{{"id":"e","type":"customer.updated","created":{at},"data":{{"object":{{"id":"c"}}}}}}"#
        ))
    };
    let githubs = GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap();
    let by_github = |at: &str| github("issues", &format!(r#"{{"issue":{{"id":7,"updated_at":{at}}}}}"#));
    let shopifys = Shopify::new(SECRET).unwrap().discarding_stale(["products/update"]).unwrap();
    let by_shopify = |at: &str| shopify("products/update", &format!(r#"{{"id":7,"updated_at":{at}}}"#));
    let slacks = Slack::new(SECRET).unwrap().discarding_stale(["channel_rename"]).unwrap();
    let by_slack =
        |at: &str| slack(&format!(r#"{{"type":"channel_rename","channel":{{"id":"C"}},"event_ts":{at}}}"#));
    type Send<'a> = &'a dyn Fn(&str) -> Request;
    let senders: [(&dyn Provider, Send<'_>, [&str; 4]); 5] = [
        (&standards, &by_standard, DATES),
        (&stripes, &by_stripe, ["1767225600", "1767225900", "1767225901", "253370764800"]),
        (&githubs, &by_github, DATES),
        (&shopifys, &by_shopify, DATES),
        (
            &slacks,
            &by_slack,
            [r#""1767225600.0""#, r#""1767225900.0""#, r#""1767225901.0""#, r#""253370764800.0""#],
        ),
    ];
    const DATES: [&str; 4] = [
        r#""2026-01-01T00:00:00Z""#,
        r#""2026-01-01T00:05:00Z""#,
        r#""2026-01-01T00:05:01Z""#,
        r#""9999-01-01T00:00:00Z""#,
    ];
    for (provider, send, times) in senders {
        for (at, is_ordered) in times.into_iter().zip([true, true, false, false]) {
            let delivery = delivery(&send(at), provider);
            assert_eq!(delivery.order().is_some(), is_ordered, "{} at {at}", provider.name());
            assert_eq!(delivery.unordered().is_none(), is_ordered, "{} at {at}", provider.name());
        }
    }
    // Seconds and milliseconds are distinguished: read as milliseconds, the first would be in 1970.
    let [seconds, millis] = ["1767225600", "1767225600000"].map(|at| delivery(&by_standard(at), &standards));
    assert_eq!(seconds.order(), millis.order());
}

/// `plan.updated` of `gold` in test mode made the live one stale.
#[test]
fn the_modes_and_the_accounts_of_stripe_are_kept_apart() {
    let provider =
        Stripe::new(SECRET).unwrap().discarding_stale(["plan.updated", "v1.plan.updated"]).unwrap();
    let of = |fields: &str| {
        let body = format!(
            r#"{{"id":"e","type":"plan.updated","created":1767225600{fields},"data":{{"object":{{"id":"gold","object":"plan"}}}}}}"#
        );
        resource(&delivery(&stripe(&body), &provider))
    };
    assert_distinct(&[
        of(r#","livemode":true"#),
        of(r#","livemode":false"#),
        of(r#","livemode":true,"account":"acct_1""#),
        of(r#","livemode":true,"account":"acct_2""#),
    ]);
    let thin = r#"{"id":"e2","type":"v1.plan.updated","created":"2026-01-01T00:00:00.25Z","livemode":true,
        "context":"acct_1","related_object":{"id":"gold","type":"plan"}}"#;
    let thin = delivery(&stripe(thin), &provider);
    assert_eq!(resource(&thin), of(r#","livemode":true,"account":"acct_1""#));
    assert_eq!(thin.order().unwrap().version().get(), 1_767_225_600_250);
}

/// The older of two events was discarded although it is about something else: `member_joined_channel` of two users,
/// `pin_added` of two messages, `reaction_added` of two users.
#[test]
fn a_slack_resource_has_all_the_fields_that_identify_it() {
    let types = [
        "channel_rename",
        "member_joined_channel",
        "member_left_channel",
        "pin_added",
        "reaction_added",
        "reaction_removed",
        "user_change",
        "star_added",
        "file_change",
        "subteam_updated",
        "dnd_updated",
    ];
    let provider = Slack::new(SECRET).unwrap().discarding_stale(types).unwrap();
    let of = |kind: &str, fields: &str| {
        let event = format!(r#"{{"type":"{kind}","event_ts":"1735689698.000005",{fields}}}"#);
        resource(&delivery(&slack(&event), &provider))
    };
    let item = |ts: &str| format!(r#""item":{{"type":"message","channel":"C1","ts":"{ts}"}}"#);
    let pin = |ts: &str| {
        format!(
            r#""user":"U1","channel_id":"C1","item":{{"type":"message","channel":"C1","message":{{"ts":"{ts}"}}}}"#
        )
    };
    let reaction = |user: &str, reaction: &str, ts: &str| {
        format!(r#""user":"{user}","reaction":"{reaction}",{}"#, item(ts))
    };
    assert_distinct(&[
        of("channel_rename", r#""channel":{"id":"C1","name":"n"}"#),
        of("member_joined_channel", r#""user":"U1","channel":"C1""#),
        of("member_joined_channel", r#""user":"U2","channel":"C1""#),
        of("pin_added", &pin("1.1")),
        of("pin_added", &pin("1.2")),
        of("reaction_added", &reaction("U1", "up", "1.1")),
        of("reaction_added", &reaction("U2", "up", "1.1")),
        of("reaction_added", &reaction("U1", "down", "1.1")),
        of("reaction_added", &reaction("U1", "up", "1.2")),
        of("star_added", &pin("1.1")),
        of("user_change", r#""user":{"id":"U1"}"#),
        of("dnd_updated", r#""user":"U1""#),
        of("file_change", r#""file_id":"F1""#),
        of("subteam_updated", r#""subteam":{"id":"S1"}"#),
    ]);
    assert_eq!(
        of("member_joined_channel", r#""user":"U1","channel":"C1""#),
        of("member_left_channel", r#""user":"U1","channel":"C1""#),
    );
    assert_eq!(
        of("reaction_added", &reaction("U1", "up", "1.1")),
        of("reaction_removed", &reaction("U1", "up", "1.1")),
    );
    let file =
        r#"{"type":"pin_added","event_ts":"1.0","channel_id":"C1","item":{"type":"unknown","channel":"C1"}}"#;
    assert!(delivery(&slack(file), &provider).unordered().is_some(), "an unknown item has no resource");
}

/// `discarding_stale` silently took types without an order.
#[test]
fn a_type_without_an_order_is_refused_when_the_provider_is_built() {
    let github = |types: &[&str]| GitHub::new(SECRET).unwrap().discarding_stale(types.to_vec()).map(drop);
    let shopify = |types: &[&str]| Shopify::new(SECRET).unwrap().discarding_stale(types.to_vec()).map(drop);
    let slack = |types: &[&str]| Slack::new(SECRET).unwrap().discarding_stale(types.to_vec()).map(drop);
    let stripe = |types: &[&str]| Stripe::new(SECRET).unwrap().discarding_stale(types.to_vec()).map(drop);
    let standard =
        |types: &[&str]| StandardWebhooks::new(SECRET).unwrap().discarding_stale(types.to_vec()).map(drop);
    type Build<'a> = &'a dyn Fn(&[&str]) -> Result<(), OrderError>;
    let refused: [(Build<'_>, &[&str]); 5] = [
        (&github, &["check_run", "workflow_job", "ping", "pull_request.edited", "issue*", ""]),
        (
            &shopify,
            &[
                "products/delete",
                "app_subscriptions/update",
                "orders/edited",
                "refunds/create",
                "products",
                "",
            ],
        ),
        (&slack, &["message", "app_mention", "member_*", ""]),
        (&stripe, &["balance.available", "customer.*", ""]),
        (&standard, &["user.*", ""]),
    ];
    for (build, types) in refused {
        for event_type in types {
            let error = build(&[event_type]).expect_err(event_type);
            assert_eq!(error.event_type(), *event_type);
            assert!(error.to_string().contains(event_type), "{error}");
        }
    }
    let twice = GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap();
    assert_eq!(twice.discarding_stale(["push", "issues"]).unwrap_err().event_type(), "issues");
}

#[test]
fn an_event_without_the_fields_of_its_order_runs_and_says_so() {
    let provider = ContentKey::over(GitHub::new(SECRET).unwrap().discarding_stale(["issues"]).unwrap());
    let ordered =
        delivery(&github("issues", r#"{"issue":{"id":7,"updated_at":"2026-01-01T00:00:00Z"}}"#), &provider);
    assert!(ordered.order().is_some() && ordered.unordered().is_none());
    let unordered = delivery(&github("issues", r#"{"issue":{"id":7}}"#), &provider);
    assert!(unordered.order().is_none() && unordered.unordered().is_some());
    let another = delivery(&github("label", r#"{"label":{"id":7}}"#), &provider);
    assert!(another.order().is_none() && another.unordered().is_none(), "nothing was asked for");
}
