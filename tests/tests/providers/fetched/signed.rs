//! The providers accept what `testing` signs, and it agrees with recorded deliveries.

use idempotency_core::testing::{self, TEST_PUBLIC_KEYS};
use serde_json::Value;

use super::*;

/// The provider of a recorded delivery, with the test keys in the place of the recorded key.
fn provider_with_test_keys(sender: &str, vector: &Vector) -> Box<dyn Provider> {
    let mut vector = vector.clone();
    vector.public_key = vector.public_key.map(|_| TEST_PUBLIC_KEYS.to_owned());
    if matches!(sender, "plaid" | "wise") {
        TEST_PUBLIC_KEYS.clone_into(&mut vector.secret);
    }
    provider(sender, &vector)
}

/// What `testing` sends in the place of a recorded delivery that was signed at this time.
fn signed(sender: &str, vector: &Vector, time: Duration) -> Request {
    let mut request = vector.request();
    let (secret, body) = (vector.secret.as_str(), request.body.clone());
    let url = vector.url.as_deref().unwrap_or_default();
    request.headers = match sender {
        "aws-sns" => {
            let (headers, body) = testing::aws_sns(std::str::from_utf8(&body).unwrap(), time);
            request.body = body.into();
            headers
        }
        "google-pubsub" => testing::google_pubsub(url, vector.expected_email.as_deref().unwrap(), time),
        "livekit" => testing::livekit("APIsyntheticKey", secret, &body, time),
        "monday" => testing::monday(secret, url, 1_825_529, time),
        "netlify" => testing::netlify(secret, "deploy_created", &body),
        "paypal" => {
            let id = request.headers["paypal-transmission-id"].to_str().unwrap();
            testing::paypal(secret, id, &body, time)
        }
        "plaid" => testing::plaid(&body, time),
        "qstash" => {
            let id = request.headers["upstash-message-id"].to_str().unwrap();
            testing::qstash(secret, url, id, &body, time)
        }
        "wise" => {
            let id = request.headers["x-delivery-id"].to_str().unwrap();
            testing::wise(id, &body)
        }
        other => panic!("{other} is not known"),
    };
    request
}

/// A recorded delivery that is genuine.
fn recorded(sender: &str) -> (Vector, Request) {
    let vector = load(sender).into_iter().find(|vector| vector.valid).unwrap();
    let request = vector.request();
    (vector, request)
}

/// The time at which it was signed.
fn time_of(sender: &str, request: &Request) -> Duration {
    match sender {
        "aws-sns" => Duration::from_millis(1_335_920_046_655),
        "google-pubsub" => Duration::from_secs(1_720_000_000),
        _ => request.now,
    }
}

/// The header and the claims of the token in a request.
fn token(request: &Request) -> [Value; 2] {
    let names = ["authorization", "x-webhook-signature", "upstash-signature", "plaid-verification"];
    let text = names.iter().find_map(|name| request.headers.get(*name)).unwrap().to_str().unwrap();
    let mut parts = text.trim_start_matches("Bearer ").split('.');
    [(); 2].map(|()| {
        let part = data_encoding::BASE64URL_NOPAD.decode(parts.next().unwrap().as_bytes()).unwrap();
        serde_json::from_slice(&part).unwrap()
    })
}

/// The provider accepts both signatures, so it found that both are over the same text. Only the sender knew that of the recorded one.
#[test]
fn each_signer_signs_the_text_that_the_sender_signed_for_the_same_delivery() {
    for sender in SENDERS {
        let (vector, recorded) = recorded(sender);
        let real = provider(sender, &vector);
        let signed = signed(sender, &vector, time_of(sender, &recorded));
        let test = provider_with_test_keys(sender, &vector);
        let [expected, found] = [recorded.received_by(&*real), signed.received_by(&*test)].map(delivery);
        assert_eq!(address(&found), address(&expected), "{sender}");
        assert_eq!(found.attributes().event_type(), expected.attributes().event_type(), "{sender}");
        assert_eq!(found.fingerprint(), expected.fingerprint(), "{sender}");
    }
}

#[test]
fn livekits_and_netlifys_tokens_equal_the_recorded_ones() {
    for sender in ["livekit", "netlify"] {
        let vector = load(sender).remove(0);
        let recorded = vector.request();
        assert_eq!(signed(sender, &vector, recorded.now).headers, recorded.headers, "{sender}");
    }
}

#[test]
fn claims_are_the_recorded_ones() {
    /// Ids of the sender's, which no provider knows.
    const CHOSEN: [&str; 6] = ["kid", "userId", "shortLivedToken", "jti", "azp", "sub"];
    for sender in ["google-pubsub", "livekit", "monday", "netlify", "plaid", "qstash"] {
        let (vector, recorded) = recorded(sender);
        let signed = signed(sender, &vector, time_of(sender, &recorded));
        for (mut expected, mut found) in token(&recorded).into_iter().zip(token(&signed)) {
            let names = |part: &Value| part.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(names(&found), names(&expected), "{sender}");
            for part in [&mut expected, &mut found] {
                let is_url = part["sub"].as_str().is_some_and(|sub| sub.starts_with("https://"));
                let chosen = CHOSEN.iter().filter(|name| **name != "sub" || !is_url);
                chosen.for_each(|name| drop(part.as_object_mut().unwrap().remove(*name)));
            }
            assert_eq!(found, expected, "{sender}");
        }
    }
}

#[test]
fn headers_and_fields_that_are_not_signatures_are_the_recorded_ones() {
    for sender in SENDERS {
        let (vector, mut recorded) = recorded(sender);
        let mut signed = signed(sender, &vector, time_of(sender, &recorded));
        for name in [
            "authorization",
            "paypal-cert-url",
            "paypal-transmission-sig",
            "plaid-verification",
            "upstash-signature",
            "x-signature-sha256",
            "x-webhook-signature",
        ] {
            let was_there = recorded.headers.remove(name).is_some();
            assert_eq!(signed.headers.remove(name).is_some(), was_there, "{sender}: {name}");
        }
        assert_eq!(signed.headers, recorded.headers, "{sender}");
        let bodies = [&signed.body, &recorded.body];
        let [found, expected] = bodies.map(|body| {
            let mut body: Value = serde_json::from_slice(body).unwrap();
            let fields = body.as_object_mut().unwrap();
            fields.retain(|name, _| !name.starts_with("Sign"));
            body
        });
        assert_eq!(found, expected, "{sender}");
    }
}

#[test]
fn a_signed_confirmation_of_sns_is_passed_on() {
    let vector = named("aws-sns", "subscription-confirmation");
    let request = signed("aws-sns", &vector, Duration::from_millis(1_335_473_104_751));
    let keys = PublicKeys::fixed(TEST_PUBLIC_KEYS).unwrap();
    let found = delivery(request.received_by(&AwsSns::new(TOPIC, keys).unwrap().with_confirmations()));
    let real = PublicKeys::fixed(vector.public_key.as_ref().unwrap()).unwrap();
    let expected = vector.request().received_by(&AwsSns::new(TOPIC, real).unwrap().with_confirmations());
    assert_eq!(address(&found), address(&delivery(expected)));
}

#[test]
fn a_changed_body_or_another_secret_is_refused() {
    for sender in SENDERS {
        let (vector, recorded) = recorded(sender);
        let real = provider(sender, &vector);
        let signed = signed(sender, &vector, time_of(sender, &recorded));
        if vector.public_key.is_some() || matches!(sender, "plaid" | "wise") {
            assert_unauthenticated(&*real, &signed, "a signature by a test key");
        } else {
            let mut other = vector.clone();
            other.secret.push('x');
            assert_unauthenticated(&*provider(sender, &other), &signed, "another secret");
        }
        // Nothing signs these bodies.
        if !matches!(sender, "google-pubsub" | "monday") {
            let changed = match sender {
                "aws-sns" => with_body(&signed, "Hello", "Bye"),
                _ => bearing(&signed, "{}"),
            };
            let test = provider_with_test_keys(sender, &vector);
            assert_unauthenticated(&*test, &changed, "another body");
        }
    }
}
