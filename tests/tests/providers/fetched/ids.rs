//! A redelivery has the key of its event, and no other event has it.

use super::signer::{P256, Rsa, sha256};
use super::*;
use serde_json::json;

fn of(sender: &str, request: &Request) -> Delivery {
    let vector = load(sender).into_iter().find(|vector| vector.valid).unwrap();
    delivery(request.received_by(&*provider(sender, &vector)))
}

#[test]
fn a_redelivery_by_pubsub_is_the_same_delivery_and_another_message_is_not() {
    let google = |name: &str| of("google-pubsub", &named("google-pubsub", name).request());
    let (first, again) = (google("valid-1"), google("redelivery"));
    assert_eq!((address(&first), first.fingerprint()), (address(&again), again.fingerprint()));
    let swapped = google("body-swapped");
    assert_ne!(address(&first), address(&swapped), "another message under the same token");
    let request = named("google-pubsub", "valid-1").request();
    // The order of its fields does not count, and its content does.
    let sorted = with_body(
        &request,
        r#""messageId":"2070443601311540","message_id":"2070443601311540","#,
        r#""message_id":"2070443601311540","messageId":"2070443601311540","#,
    );
    assert_eq!(of("google-pubsub", &sorted).fingerprint(), first.fingerprint());
    let forged = of("google-pubsub", &with_body(&request, "SGVsbG8", "RXZpbCE"));
    assert_eq!(address(&first), address(&forged));
    assert_ne!(first.fingerprint(), forged.fingerprint(), "the same id with another message");
    let elsewhere = of("google-pubsub", &with_body(&request, "/mysubscription", "/another"));
    assert_ne!(address(&first), address(&elsewhere));
}

#[test]
fn a_message_without_an_id_has_no_key_and_a_body_that_is_no_push_is_malformed() {
    let (request, google) = genuine("google-pubsub");
    for (body, expected) in [
        (r#"{"message":{},"subscription":"s"}"#, RejectionKind::KeyMissing),
        (r#"{"message":{"messageId":7}}"#, RejectionKind::KeyMissing),
        (r#"{"message":{"messageId":{"id":"a"}}}"#, RejectionKind::KeyMissing),
        (r#"{"message":{"messageId":""}}"#, RejectionKind::Malformed),
        (r#"{"message":{"messageId":"a","messageId":"b"}}"#, RejectionKind::Malformed),
        (r#"{"message":"a"}"#, RejectionKind::Malformed),
        (r#"{"subscription":"s"}"#, RejectionKind::Malformed),
        ("[]", RejectionKind::Malformed),
        ("", RejectionKind::Malformed),
    ] {
        let request = bearing(&request, body);
        assert_eq!(refused(request.received_by(&*google)), expected, "{body}");
    }
}

/// Plaid sends no id, and two events may have equal bodies.
#[test]
fn a_request_of_plaid_that_comes_again_is_a_duplicate_and_a_retry_only_if_the_body_is_the_key() {
    let vectors = ["valid-1", "resend-same-body-new-jwt"].map(|name| named("plaid", name));
    let [first, retry] = vectors.each_ref().map(|vector| of("plaid", &vector.request()));
    assert_eq!(first.attributes().event_type(), Some("TRANSACTIONS.DEFAULT_UPDATE"));
    let captured = at(&vectors[0].request(), vectors[0].request().now + Duration::from_secs(299));
    assert_eq!(address(&first), address(&of("plaid", &captured)));
    assert_ne!(address(&first), address(&retry));
    let by_body = Plaid::new(PublicKeys::fixed(&vectors[0].secret).unwrap()).with_body_as_key();
    let [first, retry] = vectors.each_ref().map(|vector| delivery(vector.request().received_by(&by_body)));
    assert_eq!(address(&first), address(&retry));
    assert_eq!(first.key().as_str(), "26300f770500fb00358061389785b8711b8267686dce147a64bde0a74ac7db64");
    let key = P256::new();
    let plaid = |keys: PublicKeys| [Plaid::new(keys.clone()), Plaid::new(keys).with_body_as_key()];
    for plaid in plaid(PublicKeys::fixed(key.jwk("k").to_string()).unwrap()) {
        let [a, b] = [r#"{"item_id":"a"}"#, r#"{"item_id":"b"}"#].map(|body| {
            let claims = json!({"iat": NOW.as_secs(), "request_body_sha256": sha256(body.as_bytes())});
            let request = Request::new(Default::default(), body, NOW);
            delivery(request.with("plaid-verification", &key.token("k", &claims)).received_by(&plaid))
        });
        assert_ne!(address(&a), address(&b));
    }
}

#[test]
fn a_deploy_of_netlify_is_known_by_its_body_and_its_site() {
    let secret = "netlify-jws-secret";
    let netlify = Netlify::new(secret).unwrap();
    let of = |body: &str| {
        let claims = json!({"iss": "netlify", "sha256": sha256(body.as_bytes())});
        let token = signer::hs256(&json!({"alg": "HS256"}), &claims, secret.as_bytes());
        delivery(
            Request::new(Default::default(), body.to_owned(), NOW)
                .with("x-webhook-signature", &token)
                .received_by(&netlify),
        )
    };
    let (request, recorded) = genuine("netlify");
    let (first, again) =
        (delivery(request.received_by(&*recorded)), of(std::str::from_utf8(&request.body).unwrap()));
    assert_eq!(address(&first), address(&again));
    assert_eq!(first.attributes().event_type(), Some("ready"));
    let next = of(std::str::from_utf8(&with_body(&request, "22:13:20", "22:13:21").body).unwrap());
    assert_ne!(address(&first), address(&next));
}

#[test]
fn a_message_of_sns_is_known_by_its_id_in_its_topic() {
    let key = Rsa::new();
    let certificate = signer::certificate("sns.amazonaws.com", None, 0, 1);
    let sns = AwsSns::new(TOPIC, PublicKeys::fixed(certificate).unwrap()).unwrap();
    let sns = sns.with_topic(OTHER_TOPIC).unwrap();
    let of = |topic: &str, id: &str, more: &str| {
        let request = certificates::notification(&key, topic, id, "hello");
        delivery(with_body(&request, "{", &format!("{{{more}")).received_by(&sns))
    };
    let id = "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324";
    let first = of(TOPIC, id, "");
    // A redelivery may have another `UnsubscribeURL` or other attributes, which are not signed.
    let again = of(TOPIC, id, r#""MessageAttributes":{},"#);
    assert_eq!((address(&first), first.fingerprint()), (address(&again), again.fingerprint()));
    assert_ne!(address(&first), address(&of(OTHER_TOPIC, id, "")));
    assert_ne!(address(&first), address(&of(TOPIC, "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325", "")));
}

#[test]
fn a_message_of_sns_with_line_breaks_is_read_in_one_way_only() {
    let genuine = named("aws-sns", "newline-injection-source");
    let split = named("aws-sns", "newline-injection-resplit");
    assert_eq!(of("aws-sns", &genuine.request()).key().as_str(), "11111111-1111-4111-8111-111111111111");
    let rejection = split.request().received_by(&*provider("aws-sns", &split));
    assert_eq!(refused(rejection), RejectionKind::Malformed);
}

#[test]
fn an_event_of_paypal_is_known_by_its_id_and_bound_to_its_body() {
    let key = Rsa::new();
    let certificate = signer::certificate("messageverificationcerts.paypal.com", None, 0, 1);
    let paypal = PayPal::new("4JH86294D6297924G", PublicKeys::fixed(certificate).unwrap()).unwrap();
    let of = |transmission: &str, body: &str| {
        delivery(certificates::transmission(&key, transmission, body).received_by(&paypal))
    };
    let body = r#"{"id":"WH-1","event_type":"PAYMENT.SALE.COMPLETED","amount":"1"}"#;
    let (first, again) = (of("t-1", body), of("t-2", body));
    assert_eq!((address(&first), first.fingerprint()), (address(&again), again.fingerprint()));
    assert_eq!(first.attributes().event_type(), Some("PAYMENT.SALE.COMPLETED"));
    assert_ne!(address(&first), address(&of("t-1", &body.replace("WH-1", "WH-2"))));
    let changed = of("t-1", &body.replace("\"1\"", "\"2\""));
    assert_eq!(address(&first), address(&changed));
    assert_ne!(first.fingerprint(), changed.fingerprint());
}

/// PayPal signs a CRC-32, so a forged body with an equal one cannot be told from a genuine one. It is another event, or a
/// mismatch.
#[test]
fn a_body_of_paypal_that_is_forged_by_its_checksum_never_replaces_another_event() {
    for sdk in ["py", "php"] {
        let of = |name: &str| {
            let vector = named("paypal", &format!("real-{sdk}-{name}"));
            delivery(vector.request().received_by(&*provider("paypal", &vector)))
        };
        let (genuine, forged) = (of("sdk"), of("crc32-collision"));
        assert_ne!(address(&genuine), address(&forged));
        assert_ne!(genuine.fingerprint(), forged.fingerprint());
    }
}

#[test]
fn a_redelivery_by_a_sender_of_tokens_is_the_same_delivery_and_no_other_event_is() {
    for sender in ["livekit", "monday", "qstash"] {
        let of = |name: &str| {
            let vector = named(sender, name);
            delivery(vector.request().received_by(&*provider(sender, &vector)))
        };
        let (first, again, other) = (of("valid"), of("redelivery"), of("second-occurrence"));
        assert_eq!(
            (address(&first), first.fingerprint()),
            (address(&again), again.fingerprint()),
            "{sender}"
        );
        assert_ne!(address(&first), address(&other), "{sender}");
    }
    let of = |name: &str| delivery(named("qstash", name).request().received_by(&*genuine("qstash").1));
    let (genuine, swapped) = (of("valid"), of("upstash-message-id-changed"));
    assert_ne!(address(&genuine), address(&swapped));
    assert_eq!(genuine.fingerprint(), swapped.fingerprint(), "a swapped id is bound to the body");
}
