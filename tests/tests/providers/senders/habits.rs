//! The habits of single senders: equal bodies, replays, keys during a rotation, and types.

use std::time::Duration;

use axum::routing::post;
use http::{HeaderValue, Method};
use idempotency_core::Delivery;
use idempotency_core::provider::{Place, senders};

use super::cases::{Case, NOW, named};
use super::requests::{answers, answers_on};
use super::{address, delivery};

fn of(case: &Case, id: &str, body: &str) -> Delivery {
    delivery(&case.signed(0, (id, body), NOW), &case.provider())
}

#[test]
fn an_event_that_eventbridge_replays_from_its_archive_is_the_same_event() {
    let case = named("aws-eventbridge");
    let event = of(&case, "", r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{}}"#);
    let replayed =
        of(&case, "", r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{},"replay-name":"r"}"#);
    assert_eq!(address(&event), address(&replayed));
    assert_eq!(event.fingerprint(), replayed.fingerprint());
}

/// WooCommerce: "If a resource has been deleted, just include the ID in the payload." It never retries.
#[test]
fn woocommerce_events_with_equal_bodies_are_events_of_their_own() {
    let case = named("woocommerce");
    let deletion = |topic: &str, shop: &str, id: &str| {
        let request = case.signed(0, ("-", r#"{"id":727}"#), NOW);
        let request = request.with("x-wc-webhook-topic", topic).with("x-wc-webhook-source", shop);
        address(&delivery(&request.with("x-wc-webhook-delivery-id", id), &case.provider()))
    };
    let first = deletion("order.deleted", "https://a.example/", "7a3b");
    assert_eq!(first, deletion("order.deleted", "https://a.example/", "7a3b"));
    for other in [
        deletion("order.deleted", "https://a.example/", "0c9d"),
        deletion("order.deleted", "https://b.example/", "7a3b"),
        deletion("product.deleted", "https://a.example/", "7a3b"),
    ] {
        assert_ne!(first, other);
    }
}

/// Its client libraries: a notification that fails is retried once a day, at most ten times.
#[test]
fn docusign_records_are_kept_for_twice_its_ten_days_of_retries() {
    let policy = senders::DOCUSIGN.policy();
    assert!(policy.retention() >= Duration::from_secs(20 * 86_400));
    assert!(policy.wait() + policy.store_timeout() < Duration::from_secs(100));
}

#[test]
fn a_signature_by_any_of_docusigns_hundred_keys_is_accepted() {
    let case = named("docusign");
    for number in [2, 11, 100] {
        let mut request = case.genuine();
        let genuine = request.headers.remove("x-docusign-signature-1").unwrap();
        for other in (1..=100).filter(|other| *other != number) {
            let name: http::HeaderName = format!("x-docusign-signature-{other}").parse().unwrap();
            request.headers.insert(name, HeaderValue::from_static("AAAA"));
        }
        let name: http::HeaderName = format!("x-docusign-signature-{number}").parse().unwrap();
        assert!(request.received_by(&case.provider()).is_err(), "{number}");
        request.headers.insert(name, genuine);
        delivery(&request, &case.provider());
    }
}

#[test]
fn a_docusign_event_about_a_template_is_named_by_its_content_without_the_count_of_retries() {
    let case = named("docusign");
    let event = |template: &str, retries: u8| {
        let body = format!(
            r#"{{"event":"template-modified","retryCount":{retries},"generatedDateTime":"2025-04-08T18:13:30Z","data":{{"accountId":"a","userId":"u","templateId":"{template}"}}}}"#
        );
        address(&of(&case, "", &body))
    };
    assert_eq!(event("t", 0), event("t", 1));
    assert_ne!(event("t", 0), event("other", 0));
}

/// RFC 9110, section 5.3: a proxy may join the lines of a header.
#[test]
fn the_lines_of_mollies_signatures_may_be_joined() {
    let case = named("mollie");
    let request = case.genuine();
    let genuine = request.headers["x-mollie-signature"].to_str().unwrap().to_owned();
    let other = format!("sha256={}", "0".repeat(64));
    for joined in [format!("{other}, {genuine}"), format!("{genuine},{other}")] {
        delivery(&request.clone().with("x-mollie-signature", &joined), &case.provider());
    }
    let unknown = request.with("x-mollie-signature", &format!("{other}, {other}"));
    assert!(unknown.received_by(&case.provider()).is_err());
}

/// developers.ashbyhq.com: `webhookActionId` is "the same across retries", and 401, 403, 404, 405 and 410 are not retried.
#[test]
fn the_id_that_ashby_keeps_across_retries_is_the_key() {
    let case = named("ashby");
    let key = |body: &str| of(&case, "", body).key().as_str().to_owned();
    let event = r#"{"action":"candidateHire","webhookActionId":"3f1c","data":{"updatedAt":1}}"#;
    assert_eq!(key(event), "candidateHire;3f1c");
    assert_eq!(key(event), key(&event.replace("1}}", "2}}")), "a body that was made anew");
    assert_ne!(key(event), key(&event.replace("3f1c", "3f1d")));
    let without_id = r#"{"action":"candidateHire","data":{"updatedAt":1}}"#;
    assert_ne!(key(without_id), key(&without_id.replace("1}}", "2}}")));
    assert_eq!(case.scheme.facts().retries_4xx.map(|fact| fact.value), Some(true));
}

/// gitlab-org/gitlab!49285: events of groups have an `event_name` and no `object_kind`.
#[test]
fn a_group_event_of_gitlab_has_a_type() {
    for sender in ["gitlab", "gitlab-signed"] {
        let body = r#"{"group_id":144,"user_id":64,"event_name":"user_add_to_group"}"#;
        let event = of(&named(sender), "id-1", body);
        assert_eq!(event.attributes().event_type(), Some("user_add_to_group"), "{sender}");
    }
}

#[test]
fn a_revocation_by_twitch_has_not_the_type_of_the_event_that_it_revokes() {
    let case = named("twitch");
    let revocation =
        r#"{"subscription":{"id":"s","status":"authorization_revoked","type":"channel.follow"}}"#;
    let types = [case.event.1, revocation]
        .map(|body| of(&case, "id-1", body).attributes().event_type().map(str::to_owned));
    assert_eq!(
        types.each_ref().map(Option::as_deref),
        [Some("channel.follow;enabled"), Some("channel.follow;authorization_revoked")]
    );
}

/// A header that is not signed could make a captured `pullrequest:rejected` a `pullrequest:fulfilled`.
#[test]
fn no_type_is_read_from_a_header() {
    fn is_in_body(place: &Place) -> bool {
        match place {
            Place::Json(_) | Place::Envelope(_) => true,
            Place::When(_, place) => is_in_body(place),
            Place::FirstOf(places) | Place::Joined(places) => places.iter().all(is_in_body),
            _ => false,
        }
    }
    for scheme in senders::ALL {
        assert!(scheme.event_type().is_none_or(|place| is_in_body(&place)), "{}", scheme.name());
    }
}

/// Sanity's `httpMethod` and the method of a Zendesk trigger are the user's choice. The handler must be reached, so a route for POST
/// refuses them.
#[tokio::test]
async fn a_sender_whose_method_is_configured_may_use_put_and_patch_on_a_route_that_takes_them() {
    for sender in ["sanity", "zendesk"] {
        for method in [Method::PUT, Method::PATCH] {
            let case = named(sender);
            let mut request = case.genuine();
            request.method = method.clone();
            let on_post = answers_on(post(|| async { "ran" }), case.provider(), vec![request.clone()]).await;
            assert!(on_post[0].starts_with("405"), "{sender} {method}: {on_post:?}");
            assert_eq!(answers(case.provider(), vec![request]).await, ["200 executed"], "{sender} {method}");
        }
    }
}

/// A payload of GitLab has up to 25 MB, and one of Postmark with attachments up to 35 MB.
#[tokio::test]
async fn a_body_as_large_as_the_sender_makes_it_is_accepted() {
    let body = format!(r#"{{"object_kind":"push","text":"{}"}}"#, "x".repeat(2 * 1024 * 1024));
    for sender in ["gitlab", "postmark"] {
        let case = named(sender);
        let request = case.signed(0, ("id-1", &body), NOW);
        assert_eq!(answers(case.provider(), vec![request]).await, ["200 executed"], "{sender}");
    }
}
