//! Two-sided vectors of ids: a redelivery has the same key, and a second occurrence or another kind of message has
//! another one.

use std::collections::HashSet;
use std::time::Duration;

use http::Method;
use idempotency_core::provider::{
    ContentKey, GitHub, Provider, Received, RejectionKind, Shopify, Slack, StandardWebhooks, Stripe,
};
use idempotency_core::{Delivery, KeyDigest, Namespace, ScopedKey, testing};
use idempotency_tests::vectors::Request;

const NOW: Duration = Duration::from_secs(1_767_225_600);
const LATER: Duration = Duration::from_secs(1_767_225_660);
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn delivery(request: &Request, provider: &dyn Provider) -> Delivery {
    match request.received_by(provider) {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

/// The address of its record.
fn address(request: &Request, provider: &dyn Provider) -> KeyDigest {
    let delivery = delivery(request, provider);
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

fn assert_two_sided(provider: &dyn Provider, redelivered: [&Request; 2], others: &[Request]) {
    let [first, again] = redelivered.map(|request| address(request, provider));
    assert_eq!(first, again, "{}: a redelivery has another key", provider.name());
    let mut seen = HashSet::from([first]);
    for (at, other) in others.iter().enumerate() {
        assert!(seen.insert(address(other, provider)), "{}: {at} has the key of another", provider.name());
    }
}

#[test]
fn a_stripe_redelivery_has_the_same_key_and_other_events_do_not() {
    let sent =
        |body: &str, at| Request::new(testing::stripe(SECRET, body.as_bytes(), at), body.to_owned(), at);
    let first = r#"{"id":"evt_1","type":"customer.updated","livemode":true,"pending_webhooks":1}"#;
    let again = r#"{"id":"evt_1","type":"customer.updated","livemode":true,"pending_webhooks":0}"#;
    let others = [
        r#"{"id":"evt_2","type":"customer.updated","livemode":true,"pending_webhooks":1}"#,
        r#"{"id":"evt_1","type":"customer.updated","account":"acct_1"}"#,
        r#"{"id":"evt_3","object":"v2.core.event","type":"v1.customer.updated","related_object":{"id":"cus_1"}}"#,
    ];
    let provider = Stripe::new(SECRET).unwrap();
    assert_two_sided(
        &provider,
        [&sent(first, NOW), &sent(again, LATER)],
        &others.map(|body| sent(body, NOW)),
    );
}

#[test]
fn a_standard_webhooks_redelivery_has_the_same_key_and_other_events_do_not() {
    let sent = |id: &str, body: &'static str, at| {
        Request::new(testing::standard_webhooks(SECRET, id, body.as_bytes(), at), body, at)
    };
    let provider = StandardWebhooks::new(SECRET).unwrap();
    let others = [sent("msg_2", "{}", NOW), sent("msg_3", r#"{"type":"a"}"#, NOW)];
    assert_two_sided(&provider, [&sent("msg_1", "{}", NOW), &sent("msg_1", "{}", LATER)], &others);
}

/// All hooks that subscribe to an event share one delivery id. The App hook after a repository hook was 422 and never ran,
/// and so was a second App under `from_secrets`. A second hook with the same body was replayed and never ran.
#[test]
fn github_hooks_and_apps_that_share_a_delivery_id_are_distinguished() {
    let sent = |id: &str, body: &'static str| {
        Request::new(testing::github(SECRET, id, "issues", body.as_bytes()), body, NOW)
    };
    let (plain, of_app_1) = (r#"{"action":"opened"}"#, r#"{"action":"opened","installation":{"id":1}}"#);
    let of_app_2 = r#"{"action":"opened","installation":{"id":2}}"#;
    let hook = |request: Request, id: &str| request.with("x-github-hook-id", id);
    let provider = GitHub::new(SECRET).unwrap();
    let redelivered = hook(sent("d-1", plain), "10");
    let others = [
        sent("d-1", of_app_1),
        sent("d-1", of_app_2),
        hook(sent("d-1", plain), "11"),
        hook(sent("d-1", of_app_1), "12"),
        hook(sent("d-2", plain), "10"),
    ];
    assert_two_sided(&provider, [&redelivered, &redelivered.clone()], &others);
}

/// The hook's id is not signed. If the body is the key, the id must not make a captured request new.
#[test]
fn a_captured_body_is_one_delivery_by_its_content_under_any_hook_id() {
    let body = r#"{"action":"opened","installation":{"id":1}}"#;
    let provider = ContentKey::over(GitHub::new(SECRET).unwrap());
    let sent = |hook: &str| {
        let request = Request::new(testing::github(SECRET, "d", "issues", body.as_bytes()), body, NOW);
        address(&request.with("x-github-hook-id", hook), &provider)
    };
    assert_eq!(sent("1"), sent("2"));
}

#[test]
fn a_slack_redelivery_has_the_same_key_and_other_events_do_not() {
    let sent =
        |body: &str, at| Request::new(testing::slack(SECRET, body.as_bytes(), at), body.to_owned(), at);
    let event = r#"{"type":"event_callback","event_id":"Ev1","team_id":"T1","event":{"type":"app_mention"}}"#;
    let command = "command=%2Fweather&text=94070&team_id=T1&trigger_id=";
    let payload = |json: &str| sent(&format!("payload={}", encoded(json)), NOW);
    let dialog = |kind: &str, at: &str| {
        payload(&format!(r#"{{"type":"{kind}","callback_id":"c","team":{{"id":"T1"}},"action_ts":"{at}"}}"#))
    };
    let others = [
        sent(&event.replace("Ev1", "Ev2"), NOW),
        sent(&event.replace("T1", "T2"), NOW),
        sent(&format!("{command}1.1"), NOW),
        sent(&format!("{command}1.2"), NOW),
        payload(r#"{"type":"block_actions","team":{"id":"T1"},"trigger_id":"1.3"}"#),
        dialog("dialog_submission", "936893340.702759"),
        dialog("dialog_submission", "936893341.702759"),
        dialog("dialog_cancellation", "936893340.702759"),
    ];
    let provider = Slack::new(SECRET).unwrap();
    assert_two_sided(&provider, [&sent(event, NOW), &sent(event, LATER)], &others);
    let submission = dialog("dialog_submission", "936893340.702759");
    assert_two_sided(&provider, [&submission, &submission.clone()], &[]);
}

/// Messages of dialogs were 400. A request for options passes, since each answer to it must be fresh.
#[test]
fn slack_messages_that_ask_for_options_or_have_no_id_pass() {
    let provider = Slack::new(SECRET).unwrap();
    for json in [
        r#"{"type":"view_closed","view":{"id":"V1"}}"#,
        r#"{"type":"block_suggestion","value":"a"}"#,
        r#"{"type":"dialog_suggestion","value":"a","action_ts":"1.1"}"#,
        r#"{"name":"games","value":"a","callback_id":"c","action_ts":"1.1","attachment_id":"1"}"#,
    ] {
        let body = format!("payload={}", encoded(json));
        let request = Request::new(testing::slack(SECRET, body.as_bytes(), NOW), body, NOW);
        assert!(matches!(request.received_by(&provider), Ok(Received::Bypass)), "{json}");
    }
    let body = r#"{"type":"app_rate_limited","team_id":"T1","minute_rate_limited":1}"#;
    let request = Request::new(testing::slack(SECRET, body.as_bytes(), NOW), body, NOW);
    assert!(matches!(request.received_by(&provider), Ok(Received::Bypass)));
}

/// `ssl_check=1` is unsigned and was 401.
#[test]
fn the_unsigned_ssl_check_of_slack_is_answered_without_the_handler() {
    let provider = Slack::new(SECRET).unwrap();
    for body in ["ssl_check=1&token=abc", "token=abc&ssl_check=1"] {
        let request = Request::new(http::HeaderMap::new(), body, NOW);
        match request.received_by(&provider) {
            Ok(Received::Handshake(answer)) => {
                assert_eq!((answer.status.as_u16(), answer.body.len()), (200, 0));
            }
            other => panic!("{other:?}"),
        }
        let signed = Request::new(testing::slack(SECRET, body.as_bytes(), NOW), body, NOW);
        assert!(matches!(signed.received_by(&provider), Ok(Received::Handshake(_))));
    }
    for body in [
        "ssl_check=0",
        "ssl_check=1&command=%2Fpay&trigger_id=1",
        "ssl_check=1&payload=%7B%7D",
        "ssl_check=1&ssl_check=1",
        "",
    ] {
        let request = Request::new(http::HeaderMap::new(), body, NOW);
        let refused = request.received_by(&provider).expect_err(body);
        assert_eq!(refused.kind(), RejectionKind::Unauthenticated, "{body}");
    }
    let forged = Request::new(http::HeaderMap::new(), "ssl_check=1", NOW).with("x-slack-signature", "v0=00");
    assert!(forged.received_by(&provider).is_err(), "a check with a signature is verified");
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Shopify Events arrive with both sets of headers. One event id with the webhook ids `W1` and `W2` ran only once.
#[test]
fn shopify_has_three_kinds_of_delivery() {
    let webhook = |id: &str, body: &'static str| {
        Request::new(testing::shopify(SECRET, id, "products/update", body.as_bytes()), body, NOW)
    };
    let with_webhook_id = |id: &str| webhook("e-1", "{}").with("x-shopify-webhook-id", id);
    let provider = Shopify::new(SECRET).unwrap();
    let others = [
        webhook("e-2", "{}"),
        webhook("e-1", "{}").with("x-shopify-topic", "products/create"),
        webhook("e-1", "{}").with("x-shopify-shop-domain", "b.myshopify.com"),
        webhook("e-1", "{}").with("x-shopify-name", "with-variants"),
    ];
    assert_two_sided(&provider, [&with_webhook_id("W1"), &with_webhook_id("W2")], &others);

    // With both sets, and with the newer set alone.
    for keeps_the_older in [true, false] {
        let event = |webhook_id: &str| {
            let mut request = webhook("e-1", "{}");
            let signature = request.headers["x-shopify-hmac-sha256"].clone();
            if !keeps_the_older {
                request.headers.clear();
            }
            request.headers.insert("shopify-hmac-sha256", signature);
            request
                .with("shopify-event-id", "e-1")
                .with("shopify-webhook-id", webhook_id)
                .with("shopify-topic", "Product")
                .with("shopify-shop-domain", "test.myshopify.com")
        };
        assert_two_sided(&provider, [&event("W1"), &event("W1")], &[event("W2")]);
        assert_eq!(delivery(&event("W1"), &provider).key().as_str(), "W1");
        let without = event("W1").with("shopify-topic", "");
        assert_eq!(without.received_by(&provider).unwrap_err().kind(), RejectionKind::Malformed);
    }
}

/// An empty topic or shop was accepted with an empty scope.
#[test]
fn a_shopify_header_that_is_needed_is_neither_empty_nor_missing() {
    let provider = Shopify::new(SECRET).unwrap();
    let genuine = Request::new(testing::shopify(SECRET, "e", "a/b", b"{}"), "{}", NOW);
    for name in ["x-shopify-topic", "x-shopify-shop-domain", "x-shopify-event-id"] {
        let empty = genuine.clone().with(name, "").received_by(&provider).unwrap_err();
        assert_eq!(empty.kind(), RejectionKind::Malformed, "{name}");
        let mut missing = genuine.clone();
        missing.headers.remove(name);
        let missing = missing.received_by(&provider).unwrap_err();
        assert!(matches!(missing.kind(), RejectionKind::Malformed | RejectionKind::KeyMissing), "{name}");
    }
}

/// The wait was as long as the sender's timeout.
#[test]
fn a_duplicate_is_answered_before_its_sender_gives_up() {
    let senders: [(&dyn Provider, u64); 4] = [
        (&Shopify::new(SECRET).unwrap(), 5),
        (&GitHub::new(SECRET).unwrap(), 10),
        (&Slack::new(SECRET).unwrap(), 3),
        (&StandardWebhooks::new(SECRET).unwrap(), 15),
    ];
    for (provider, timeout) in senders {
        let policy = provider.policy();
        let longest = policy.wait() + policy.store_timeout();
        assert!(longest < Duration::from_secs(timeout), "{}: {longest:?}", provider.name());
        assert!(provider.needs_body(&Method::POST, &http::HeaderMap::new()));
    }
}
