//! What a review found: each test states what must hold, and fails.

use std::time::Duration;

use http::{HeaderValue, Method};
use idempotency_core::provider::senders;
use idempotency_tests::vectors::Request;

use super::cases::{NOW, SECRETS};
use super::requests::{answers, provider, signed, signed_by};
use super::{address, delivery};

// ---- Genuine deliveries that are refused, or that share a key -------------------------------------------------------

/// The recording says: "same id on redelivery; replay adds replay-name".
#[tokio::test]
async fn r01_an_event_that_eventbridge_replays_from_its_archive_is_the_same_event() {
    let scheme = senders::AWS_EVENTBRIDGE;
    let event = r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{}}"#;
    let replayed = r#"{"id":"7bf7","detail-type":"x","account":"1","detail":{},"replay-name":"r"}"#;
    let requests = vec![signed(&scheme, "", event), signed(&scheme, "", replayed)];
    assert_eq!(answers(provider(&scheme), requests).await, ["200 executed", "200 replayed"]);
}

/// `class-wc-webhook.php`: "If a resource has been deleted, just include the ID in the payload."
#[tokio::test]
async fn r03_an_order_of_woocommerce_that_is_deleted_restored_and_deleted_runs_twice() {
    let scheme = senders::WOOCOMMERCE;
    let deleted = |delivery: &str| {
        signed(&scheme, "order.deleted", r#"{"id":727}"#).with("x-wc-webhook-delivery-id", delivery)
    };
    let restored = signed(&scheme, "order.restored", r#"{"id":727,"status":"processing"}"#);
    let requests = vec![deleted("7a3b"), restored, deleted("0c9d")];
    assert_eq!(
        answers(provider(&scheme), requests).await,
        ["200 executed", "200 executed", "200 executed"],
        "WooCommerce never retries, so the third is an event of its own"
    );
}

/// The same file: custom topics send `{"action":…,"arg":…}`, the first argument of the hook.
#[tokio::test]
async fn r03b_two_actions_of_woocommerce_with_the_same_argument_run_twice() {
    let scheme = senders::WOOCOMMERCE;
    let action = |delivery: &str| {
        signed(
            &scheme,
            "action.woocommerce_add_to_cart",
            r#"{"action":"woocommerce_add_to_cart","arg":"a1b2"}"#,
        )
        .with("x-wc-webhook-delivery-id", delivery)
    };
    assert_eq!(
        answers(provider(&scheme), vec![action("7a3b"), action("0c9d")]).await,
        ["200 executed", "200 executed"]
    );
}

#[tokio::test]
async fn r03c_two_shops_of_woocommerce_that_delete_the_order_of_the_same_number_both_run() {
    let scheme = senders::WOOCOMMERCE;
    let of = |secret: &str, shop: &str| {
        signed_by(&scheme, secret, "order.deleted", r#"{"id":727}"#).with("x-wc-webhook-source", shop)
    };
    let both = provider(&scheme).with_secret(SECRETS[1]).unwrap();
    let requests = vec![of(SECRETS[0], "https://a.example/"), of(SECRETS[1], "https://b.example/")];
    assert_eq!(answers(both, requests).await, ["200 executed", "200 executed"]);
}

/// DocuSign's own client libraries: "The message will be queued and retried once per day … a maximum of ten retries."
#[test]
fn r04_the_retention_of_docusign_is_twice_its_ten_days_of_retries() {
    let retention = senders::DOCUSIGN.policy().retention();
    assert!(retention >= Duration::from_secs(20 * 86_400), "{} days", retention.as_secs() / 86_400);
}

/// providers.md: "X-DocuSign-Signature-1..100, any may match".
#[test]
fn r05_a_signature_of_docusigns_eleventh_key_is_tried() {
    let scheme = senders::DOCUSIGN;
    let mut request =
        signed(&scheme, "", r#"{"event":"e","data":{"envelopeId":"1"},"generatedDateTime":"t"}"#);
    let genuine = request.headers.remove("x-docusign-signature-1").unwrap();
    for number in 1..=10 {
        let name: http::HeaderName = format!("x-docusign-signature-{number}").parse().unwrap();
        request.headers.insert(name, HeaderValue::from_static("AAAA"));
    }
    request.headers.insert("x-docusign-signature-11", genuine);
    let received = request.received_by(&provider(&scheme));
    assert!(received.is_ok(), "{received:?}");
}

/// Connect also sends `template-created`, `template-modified` and `template-deleted`, which are about no envelope.
#[test]
fn r06_an_event_of_docusign_about_a_template_is_not_refused() {
    let body = r#"{"event":"template-modified","retryCount":0,"generatedDateTime":"2025-04-08T18:13:30Z","data":{"accountId":"a","userId":"u","templateId":"t"}}"#;
    let received = signed(&senders::DOCUSIGN, "", body).received_by(&provider(&senders::DOCUSIGN));
    assert!(received.is_ok(), "{received:?}");
}

/// developers.intercom.com: the endpoint "must be able to receive a HEAD request, which we use to validate the URL".
#[tokio::test]
async fn r07_intercom_checks_its_endpoint_with_a_head_request() {
    let mut request = Request::new(http::HeaderMap::new(), "", NOW);
    request.method = Method::HEAD;
    assert_eq!(answers(provider(&senders::INTERCOM), vec![request]).await, ["200 -"]);
}

/// Sanity: `httpMethod` is one of GET, POST, PUT, PATCH and DELETE. Zendesk: POST, PUT and PATCH for triggers with a payload.
#[tokio::test]
async fn r08_senders_whose_method_is_configured_may_use_put_and_patch() {
    let mut wrong = Vec::new();
    for scheme in [senders::SANITY, senders::ZENDESK] {
        for method in [Method::PUT, Method::PATCH] {
            let mut request = signed(&scheme, "id-1", r#"{"ticket":1}"#);
            request.method = method.clone();
            let answer = answers(provider(&scheme), vec![request]).await.remove(0);
            if answer != "200 executed" {
                wrong.push(format!("{} {method}: {answer}", scheme.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// providers.md: "Identifier unique per site".
#[tokio::test]
async fn r09_two_sites_of_jira_may_have_the_same_identifier() {
    let scheme = senders::JIRA;
    let of = |secret: &str, site: &str| {
        let body = format!(
            r#"{{"webhookEvent":"jira:issue_updated","issue":{{"self":"https://{site}.atlassian.net/rest/api/2/issue/1"}}}}"#
        );
        signed_by(&scheme, secret, "1", &body)
    };
    let both = provider(&scheme).with_secret(SECRETS[1]).unwrap();
    assert_eq!(
        answers(both, vec![of(SECRETS[0], "a"), of(SECRETS[1], "b")]).await,
        ["200 executed", "200 executed"]
    );
}

/// providers.md: the secret "is html-special-chars-decoded before use".
#[test]
fn r10_woocommerce_decodes_its_secret() {
    let scheme = senders::WOOCOMMERCE;
    let provider = scheme.clone().with_secret("a&amp;b&lt;c").unwrap();
    let received = signed_by(&scheme, "a&b<c", "order.updated", "{}").received_by(&provider);
    assert!(received.is_ok(), "{received:?}");
}

/// RFC 9110, section 5.3: a proxy may join the lines of a header.
#[test]
fn r11_the_lines_of_mollies_signatures_may_be_joined() {
    let mut request = signed(&senders::MOLLIE, "", r#"{"id":"event_1"}"#);
    let genuine = request.headers["x-mollie-signature"].to_str().unwrap().to_owned();
    let joined = format!("sha256={}, {genuine}", "0".repeat(64));
    request.headers.insert("x-mollie-signature", joined.parse().unwrap());
    let received = request.received_by(&provider(&senders::MOLLIE));
    assert!(received.is_ok(), "{received:?}");
}

/// An author may copy the form of an event. Its id is then the ticket's.
#[test]
fn r15b_two_invocations_of_a_zendesk_trigger_in_the_form_of_an_event_are_two() {
    let scheme = senders::ZENDESK;
    let of = |invocation: &str, status: &str| {
        let body = format!(
            r#"{{"zendesk_event_version":"2022-11-06","type":"ticket","id":"35436","status":"{status}"}}"#
        );
        delivery(&signed(&scheme, invocation, &body), &provider(&scheme))
    };
    assert_ne!(address(&of("1", "open")), address(&of("2", "solved")), "the second never runs");
}

// ---- Types ----------------------------------------------------------------------------------------------------------

/// gitlab-org/gitlab!49285: group events have an `event_name` and no `object_kind`.
#[test]
fn r16_a_group_event_of_gitlab_has_a_type() {
    let body = r#"{"group_id":144,"user_id":64,"event_name":"user_add_to_group"}"#;
    let event = delivery(&signed(&senders::GITLAB, "id-1", body), &provider(&senders::GITLAB));
    assert_eq!(event.attributes().event_type(), Some("user_add_to_group"));
}

#[test]
fn r17_a_revocation_by_twitch_has_not_the_type_of_the_event_that_it_revokes() {
    let body = r#"{"subscription":{"id":"s","status":"authorization_revoked","type":"channel.follow"}}"#;
    let request = signed(&senders::TWITCH, "id-1", body).with("twitch-eventsub-message-type", "revocation");
    let revocation = delivery(&request, &provider(&senders::TWITCH));
    assert_ne!(revocation.attributes().event_type(), Some("channel.follow"));
}

/// GitHub's provider drops a type that the body contradicts. Here, a captured body runs under any type.
#[test]
fn r18_a_type_that_is_not_signed_is_bound_to_the_record_or_is_no_type() {
    let mut wrong = Vec::new();
    for (scheme, name, genuine, forged) in [
        (senders::SANITY, "sanity-operation", "update", "delete"),
        (senders::BITBUCKET, "x-event-key", "pullrequest:rejected", "pullrequest:fulfilled"),
        (senders::SENTRY, "sentry-hook-resource", "issue", "installation"),
    ] {
        let [genuine, forged] = [genuine, forged].map(|event_type| {
            delivery(&signed(&scheme, "id-1", r#"{"_id":"a"}"#).with(name, event_type), &provider(&scheme))
        });
        let types = [&genuine, &forged].map(|delivery| delivery.attributes().event_type());
        if types[0] != types[1] && genuine.fingerprint() == forged.fingerprint() {
            wrong.push(format!("{}: one record for {types:?}", scheme.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// providers.md: "Box rejects any future timestamp".
#[test]
fn r24_a_time_of_box_in_the_future_is_refused() {
    let mut request = signed(&senders::BOX, "", r#"{"id":"1"}"#);
    request.now = NOW - Duration::from_secs(599);
    let received = request.received_by(&provider(&senders::BOX));
    assert!(received.is_err(), "accepted 599 s before it was signed");
}
