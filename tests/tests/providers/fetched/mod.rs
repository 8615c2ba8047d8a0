//! Senders whose signature is a token, or is checked with a key that is fetched.

mod cache;
mod certificates;
mod claims;
mod forms;
mod ids;
mod over_http;
mod signed;
mod signer;
mod source;
mod times;
mod tokens;
mod vectors;
mod wise;

use std::time::Duration;

use bytes::Bytes;
use idempotency_core::provider::{
    AwsSns, GooglePubSub, Incoming, LiveKit, Monday, Netlify, PayPal, Plaid, Provider, PublicKeys, QStash,
    Received, Rejection, RejectionKind, Wise,
};
use idempotency_core::{Delivery, KeyDigest, Namespace, Scope, ScopedKey};
use idempotency_tests::vectors::{Request, Vector, load};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:MyTopic";
const OTHER_TOPIC: &str = "arn:aws:sns:us-west-2:123456789012:Other.fifo";
const SENDERS: [&str; 9] =
    ["aws-sns", "google-pubsub", "livekit", "monday", "netlify", "paypal", "plaid", "qstash", "wise"];

/// The provider of a recorded delivery, with the recorded key.
fn provider(sender: &str, vector: &Vector) -> Box<dyn Provider> {
    let keys = || PublicKeys::fixed(vector.public_key.as_ref().unwrap()).unwrap();
    match sender {
        "aws-sns" => Box::new(AwsSns::new(TOPIC, keys()).unwrap()),
        "google-pubsub" => {
            let expected = [&vector.expected_audience, &vector.expected_email];
            let [audience, email] = expected.map(|text| text.as_deref().unwrap());
            Box::new(GooglePubSub::new(audience, email, keys()).unwrap())
        }
        "livekit" => Box::new(LiveKit::new("APIsyntheticKey", &vector.secret).unwrap()),
        "monday" => Box::new(Monday::new(vector.url.as_ref().unwrap(), &vector.secret).unwrap()),
        "netlify" => Box::new(Netlify::new(&vector.secret).unwrap()),
        "paypal" => Box::new(PayPal::new(&vector.secret, keys()).unwrap()),
        "plaid" => Box::new(Plaid::new(PublicKeys::fixed(&vector.secret).unwrap())),
        "qstash" => {
            let qstash = QStash::new(vector.url.as_ref().unwrap(), &vector.secret).unwrap();
            Box::new(match &vector.secret2 {
                Some(next) => qstash.with_secret(next).unwrap(),
                None => qstash,
            })
        }
        "wise" => Box::new(Wise::new(PublicKeys::fixed(&vector.secret).unwrap())),
        other => panic!("{other} is not known"),
    }
}

fn named(sender: &str, name: &str) -> Vector {
    let found = load(sender).into_iter().find(|vector| vector.name == name);
    found.unwrap_or_else(|| panic!("there is no {name} of {sender}"))
}

/// A recorded delivery that is genuine, and its provider.
fn genuine(sender: &str) -> (Request, Box<dyn Provider>) {
    let name = match sender {
        "aws-sns" => "valid-notification",
        "paypal" => "real-py-sdk",
        "livekit" | "monday" | "qstash" | "wise" => "valid",
        _ => "valid-1",
    };
    let vector = named(sender, name);
    (vector.request(), provider(sender, &vector))
}

async fn receive(provider: &dyn Provider, request: &Request) -> Result<Received, Rejection> {
    let scope = Scope::endpoint("POST /webhooks");
    let incoming =
        Incoming::new(&request.method, &request.uri, &request.headers, &request.body, request.now, &scope);
    provider.receive(&incoming).await
}

fn delivery(received: Result<Received, Rejection>) -> Delivery {
    match received {
        Ok(Received::Delivery(delivery)) => delivery,
        other => panic!("not a delivery: {other:?}"),
    }
}

fn refused(received: Result<Received, Rejection>) -> RejectionKind {
    received.expect_err("it was accepted").kind()
}

fn assert_unauthenticated(provider: &dyn Provider, request: &Request, what: &str) {
    match request.received_by(provider) {
        Err(rejection) => {
            assert_eq!(rejection.kind(), RejectionKind::Unauthenticated, "{}: {what}", provider.name());
        }
        Ok(_) => panic!("{}: {what} was accepted", provider.name()),
    }
}

/// The address of its record.
fn address(delivery: &Delivery) -> KeyDigest {
    ScopedKey::new(&Namespace::default(), delivery.scope().clone(), delivery.key().clone()).digest()
}

/// The request with a part of its body replaced.
fn with_body(request: &Request, from: &str, to: &str) -> Request {
    let body = std::str::from_utf8(&request.body).unwrap();
    assert!(body.contains(from), "there is no {from} in {body}");
    bearing(request, body.replacen(from, to, 1))
}

/// The request with another body.
fn bearing(request: &Request, body: impl Into<Bytes>) -> Request {
    let mut request = request.clone();
    request.body = body.into();
    request
}

/// The request at another time.
fn at(request: &Request, now: Duration) -> Request {
    let mut request = request.clone();
    request.now = now;
    request
}
