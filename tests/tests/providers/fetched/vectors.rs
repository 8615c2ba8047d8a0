//! Every recorded delivery is accepted with its key, or refused.

use idempotency_core::testing;
use idempotency_tests::captured::Captured;
use serde_json::json;
use tracing::Level;

use super::certificates::ID;
use super::*;

#[test]
fn recorded_deliveries_are_accepted_with_their_key_or_refused() {
    let (mut accepted, mut rejected) = (0, 0);
    for sender in SENDERS {
        for vector in load(sender) {
            let id = &vector.id;
            let is_ambiguous = vector.attack.as_deref() == Some("canonicalization-ambiguity");
            match vector.request().received_by(&*provider(sender, &vector)) {
                Ok(Received::Delivery(delivery)) => {
                    assert!(vector.valid && !is_ambiguous, "{id} was accepted");
                    let is_renamed = vector.name == "upstash-message-id-changed";
                    if let Some(expected) = vector.event_id.as_ref().filter(|_| !is_renamed) {
                        assert_eq!(delivery.key().as_str(), expected, "{id}");
                    }
                    let is_bound_to_body = matches!(sender, "google-pubsub" | "monday" | "paypal" | "qstash");
                    assert_eq!(delivery.fingerprint().is_some(), is_bound_to_body, "{id}");
                    accepted += 1;
                }
                Ok(Received::Handshake(answer)) => {
                    assert_eq!(
                        (vector.name.as_str(), answer.status.as_u16()),
                        ("subscription-confirmation", 200)
                    );
                    assert!(answer.body.is_empty(), "{id}");
                    accepted += 1;
                }
                Ok(other) => panic!("{id}: {other:?}"),
                Err(rejection) => {
                    assert!(!vector.valid || is_ambiguous, "{id} was refused: {rejection}");
                    let expected =
                        if is_ambiguous { RejectionKind::Malformed } else { RejectionKind::Unauthenticated };
                    assert_eq!(rejection.kind(), expected, "{id}: {rejection}");
                    rejected += 1;
                }
            }
        }
    }
    assert!(accepted >= 32 && rejected >= 70, "{accepted} accepted, {rejected} rejected");
}

/// What is logged while the provider receives the request.
fn logged(sns: AwsSns, request: &Request) -> String {
    let log = Captured::default();
    let _listening = log.listen(Level::DEBUG);
    let _ = request.received_by(&sns);
    log.text()
}

#[test]
fn a_subscription_of_sns_that_nothing_confirms_is_a_warning_with_its_topic() {
    let vector = named("aws-sns", "subscription-confirmation");
    let sns = |topic: &str| {
        AwsSns::new(topic, PublicKeys::fixed(vector.public_key.as_ref().unwrap()).unwrap()).unwrap()
    };
    let (request, warning) = (vector.request(), "the subscription is not confirmed");
    let text = logged(sns(TOPIC), &request);
    assert_eq!(text.matches(warning).count(), 1, "{text}");
    for shown in ["WARN", "idempotency: ", &format!("topic=\"{TOPIC}\""), "with_confirmations"] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
    for hidden in ["SubscribeURL", "Token"].map(|name| body[name].as_str().unwrap()) {
        assert!(!text.contains(hidden), "{text}");
    }
    // The handler gets it; a topic of someone else; a signature that is not genuine; and a message.
    let forged = with_body(&request, "Action=ConfirmSubscription", "Action=Evil");
    let (message, _) = genuine("aws-sns");
    for (sns, request) in [
        (sns(TOPIC).with_confirmations(), &request),
        (sns(OTHER_TOPIC), &request),
        (sns(TOPIC), &forged),
        (sns(TOPIC), &message),
    ] {
        assert_eq!(logged(sns, request), "");
    }
}

#[test]
fn a_subscription_of_sns_that_ends_is_a_warning_with_its_topic() {
    let message = json!({
        "Type": "UnsubscribeConfirmation", "MessageId": ID, "TopicArn": TOPIC, "Message": "You have deactivated it.",
        "Token": "s3cret", "SubscribeURL": "https://sns.us-west-2.amazonaws.com/?Action=ConfirmSubscription&Token=s3cret",
    });
    let (headers, body) = testing::aws_sns(&message.to_string(), NOW);
    let request = Request::new(headers, body, NOW);
    let sns = || AwsSns::new(TOPIC, PublicKeys::fixed(testing::TEST_PUBLIC_KEYS).unwrap()).unwrap();
    let Ok(Received::Handshake(answer)) = request.received_by(&sns()) else { panic!("it is not answered") };
    assert_eq!(answer.status, 200);
    let text = logged(sns(), &request);
    assert_eq!(text.matches("the endpoint is unsubscribed").count(), 1, "{text}");
    for shown in ["WARN", "idempotency: ", &format!("topic=\"{TOPIC}\"")] {
        assert!(text.contains(shown), "{shown} is not in {text}");
    }
    assert!(!text.contains("s3cret"), "{text}");
    // The handler gets it.
    let delivery = delivery(request.received_by(&sns().with_confirmations()));
    assert_eq!(delivery.attributes().event_type(), Some("UnsubscribeConfirmation"));
    assert_eq!(logged(sns().with_confirmations(), &request), "");
}

#[test]
fn the_handshake_of_sns_is_passed_on_when_you_say_so_and_only_if_it_is_signed() {
    let vector = named("aws-sns", "subscription-confirmation");
    let keys = PublicKeys::fixed(vector.public_key.as_ref().unwrap()).unwrap();
    let sns = AwsSns::new(OTHER_TOPIC, keys).unwrap().with_topic(TOPIC).unwrap();
    let sns = sns.with_confirmations();
    let delivery = delivery(vector.request().received_by(&sns));
    assert_eq!(delivery.attributes().event_type(), Some("SubscriptionConfirmation"));
    assert_eq!(delivery.key().as_str(), "165545c9-2a5c-472c-8df2-7ff2be2b3b1b");
    for (from, to) in [
        ("Action=ConfirmSubscription", "Action=Evil"),
        ("\"Token\": \"2336412f37f\"", "\"Token\": \"2336412f37e\""),
        ("SubscriptionConfirmation\"", "UnsubscribeConfirmation\""),
        ("\"Type\": \"SubscriptionConfirmation\"", "\"Type\": \"Notification\""),
        ("\"SubscribeURL\"", "\"subscribeUrl\""),
    ] {
        let forged = with_body(&vector.request(), from, to);
        assert_unauthenticated(&sns, &forged, to);
        assert_unauthenticated(&*provider("aws-sns", &vector), &forged, to);
    }
}
