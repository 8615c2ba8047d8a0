//! What a review found, continued: each test states what must hold, and fails.

use http::Uri;
use idempotency_core::provider::senders;
use idempotency_core::testing;
use idempotency_tests::vectors::Request;

use super::cases::{NOW, SECRETS, URL};
use super::requests::{answers, provider, signed};

/// gitlab-org/gitlab!38687: a payload has up to 25 MB. postmarkapp.com: inbound attachments have up to 35 MB.
/// [`GitHub`](idempotency_core::provider::GitHub) has its sender's limit.
#[tokio::test]
async fn r28_a_body_as_large_as_the_sender_makes_it_is_not_refused() {
    let mut wrong = Vec::new();
    let text = "x".repeat(2 * 1024 * 1024);
    for (scheme, secret) in
        [(senders::GITLAB, SECRETS[0].to_owned()), (senders::POSTMARK, format!("user:{}", SECRETS[0]))]
    {
        let body = format!(r#"{{"object_kind":"push","text":"{text}"}}"#);
        let headers = testing::scheme(&scheme, &secret, "id-1", body.as_bytes(), NOW);
        let provider = scheme.clone().with_secret(&secret).unwrap();
        let answer = answers(provider, vec![Request::new(headers, body, NOW)]).await.remove(0);
        if answer != "200 executed" {
            wrong.push(format!("{}: {answer}", scheme.name()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The recordings named `unsigned-key-swapped`: "must not be processed as a new event on the header alone".
#[tokio::test]
async fn r30_a_captured_request_under_another_unsigned_id_does_not_run_again() {
    let mut wrong = Vec::new();
    for scheme in [
        senders::RAZORPAY,
        senders::BITBUCKET,
        senders::JIRA,
        senders::SENTRY,
        senders::SANITY,
        senders::WOOCOMMERCE,
    ] {
        let captured = signed(&scheme, "id-1", r#"{"event":"payment.captured"}"#);
        let mut swapped = captured.clone();
        let unsigned: Vec<_> = captured
            .headers
            .iter()
            .filter(|(_, value)| *value == "id-1")
            .map(|(name, _)| name.clone())
            .collect();
        for name in unsigned {
            swapped.headers.insert(name, "id-2".parse().unwrap());
        }
        let answers = answers(provider(&scheme), vec![captured, swapped]).await;
        if answers[1] == "200 executed" {
            wrong.push(scheme.name());
        }
    }
    assert!(wrong.is_empty(), "runs twice: {wrong:?}");
}

/// Zendesk: a webhook in the form format has no payload, but parameters in its URL. So nothing of it is signed but the time, whose
/// age is not checked.
#[tokio::test]
async fn r31_a_zendesk_trigger_without_a_body_proves_nothing_about_its_parameters() {
    let scheme = senders::ZENDESK;
    let mut captured = signed(&scheme, "1", "");
    captured.uri = Uri::from_static("/webhooks?ticket=1&refund=0");
    let mut forged = captured.clone().with("x-zendesk-webhook-invocation-id", "2");
    forged.uri = Uri::from_static("/webhooks?ticket=2&refund=1000");
    let answers = answers(provider(&scheme), vec![captured, forged]).await;
    assert_ne!(answers[1], "200 executed", "forged parameters ran");
}

/// O3: another credential of the sender, or a secret in a form that the sender does not allow, is refused with a hint.
#[test]
fn r32_another_credential_of_the_sender_is_refused_when_the_provider_is_made() {
    let made: Vec<_> = [
        (senders::GITLAB, "glpat-abcdefghij0123456789"),
        (senders::GITLAB, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        (senders::LINEAR, "lin_api_abcdefghij0123456789"),
        (senders::PADDLE, "pdl_live_apikey_01gtgztp8f4kek3yd4g1wrksa3_q6TGTJyvoIz7LDtXT65bX7_AQO"),
        (senders::RAZORPAY, "rzp_live_abcdefghij"),
        (senders::WORKOS, "sk_live_abcdefghij0123456789"),
        // The bot's token. A secret token has letters, digits, `_` and `-` only.
        (senders::TELEGRAM, "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"),
    ]
    .into_iter()
    .filter_map(|(scheme, secret)| {
        super::with_url(&scheme, URL).with_secret(secret).is_ok().then(|| (scheme.name(), &secret[..6]))
    })
    .collect();
    assert!(made.is_empty(), "made without an error: {made:?}");
}
