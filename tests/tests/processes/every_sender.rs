//! Every webhook route of the demo servers refuses a forged delivery, and runs a recorded one once. Deliveries without a key bypass,
//! and handshakes are answered.

use std::collections::BTreeMap;

use clap::Parser as _;
use futures_util::StreamExt as _;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use idempotency_core::provider::{Scheme, senders};
use idempotency_core::testing;
use idempotency_demo::{Config, Secrets};
use idempotency_tests::demo::{Delivery, Framework, Ledger, Setup};
use idempotency_tests::vectors::{Vector, load_of};

/// How many pairs of servers run at the same time.
const AT_ONCE: usize = 4;

/// A recorded delivery of a sender, and a forgery under the same secret and at the same time.
struct Case {
    name: String,
    recorded: Vector,
    genuine: Delivery,
    forged: Delivery,
}

/// The names of all webhook routes, as the servers themselves have them.
fn names() -> Vec<String> {
    let config = Config::parse_from(["demo"]);
    let providers = idempotency_demo::webhook_providers(&config, &Secrets::from_env()).unwrap();
    providers.names().map(str::to_owned).collect()
}

fn scheme(name: &str) -> Option<&'static Scheme> {
    senders::ALL.iter().find(|scheme| scheme.name() == name)
}

/// The delivery at the route of its sender.
fn delivery(name: &str, vector: &Vector) -> Delivery {
    let request = vector.request();
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut delivery = Delivery::post(format!("/webhooks/{name}{query}"), request.headers, request.body);
    delivery.method = request.method;
    delivery
}

fn case(name: &str) -> Case {
    let vectors = load_of(name);
    let is_genuine = |vector: &&Vector| {
        // The account chooses SHA-1 or SHA-256, and the servers only accept the second.
        let is_accepted = name != "cloudinary" || vector.name == "sha256";
        let has_secret = !vector.secret.is_empty() || vector.public_key.is_some() || name == "cloudevents";
        vector.valid && is_accepted && has_secret && vector.attack.is_none() && !vector.policy_dependent
    };
    let has_event = |vector: &&Vector| vector.event_id.is_some() || vector.event_ids.is_some();
    let (events, others): (Vec<_>, Vec<_>) = vectors.iter().filter(is_genuine).partition(has_event);
    let recorded = events.into_iter().chain(others).next();
    let mut recorded = recorded.unwrap_or_else(|| panic!("{name} has no recorded delivery")).clone();
    let setting = |vector: &Vector| {
        let secrets = (vector.secret.clone(), vector.secret2.clone(), vector.public_key.clone());
        (secrets, vector.url.clone(), vector.request().now)
    };
    let is_forged =
        |vector: &&Vector| !vector.valid && !vector.policy_dependent && setting(vector) == setting(&recorded);
    let mut genuine = delivery(name, &recorded);
    let forged = match vectors.iter().find(is_forged) {
        // Nothing in these recordings proves the sender: a token does.
        _ if name == "cloudevents" => {
            "token".clone_into(&mut recorded.secret);
            let forged = genuine.clone();
            genuine.headers.insert(AUTHORIZATION, HeaderValue::from_static("Bearer token"));
            forged
        }
        Some(vector) => delivery(name, vector),
        // No forgery is recorded: another signature of the same body.
        None => {
            let header = scheme(name).and_then(|scheme| scheme.signature_header_names().first());
            let header = header.unwrap_or_else(|| panic!("{name} has no recorded forgery"));
            let mut headers = genuine.headers.clone();
            headers.insert(*header, HeaderValue::from_static("forged"));
            Delivery::post(format!("/webhooks/{name}"), headers, genuine.body.clone())
        }
    };
    if name == "contentful" {
        // The path is signed, and the recorded one is no route here.
        genuine.target = format!("/webhooks/{name}");
        let (secret, now) = (&recorded.secret, recorded.request().now);
        genuine.headers =
            testing::contentful(secret, "key-1", "Entry.publish", &genuine.target, &genuine.body, now);
    }
    Case { name: name.to_owned(), recorded, genuine, forged }
}

/// The environment variables for a recorded delivery, as the servers' help says.
fn variables(Case { name, recorded, .. }: &Case) -> Vec<(String, String)> {
    let of_name = |what| format!("{}_WEBHOOK_{what}", name.to_uppercase().replace('-', "_"));
    let secret = recorded.secret.clone();
    let public_key = || recorded.public_key.clone().unwrap();
    let mut variables = match name.as_str() {
        "shopify" => vec![("SHOPIFY_API_SECRET".to_owned(), secret)],
        "twilio" => vec![("TWILIO_AUTH_TOKEN".to_owned(), secret)],
        "slack" => vec![("SLACK_SIGNING_SECRET".to_owned(), secret)],
        "standard-webhooks" => vec![("STANDARD_WEBHOOKS_SECRET".to_owned(), secret)],
        "aws-sns" | "google-pubsub" => vec![(of_name("SECRET"), public_key())],
        "paypal" => vec![(of_name("ID"), secret), (of_name("SECRET"), public_key())],
        _ => vec![(of_name("SECRET"), secret)],
    };
    if let Some(url) = &recorded.url {
        let variable = if name == "twilio" { "PUBLIC_URL".to_owned() } else { of_name("URL") };
        variables.push((variable, url.clone()));
    }
    variables
}

/// Plays the deliveries of these senders to a server whose clock shows this time. Returns what is wrong.
async fn play(framework: Framework, now: u64, cases: &[Case]) -> Vec<String> {
    let ledger = Ledger::new();
    let setup = Setup::new(framework, "memory", &ledger).with("--verify-at", &now.to_string());
    let variables = cases.iter().flat_map(variables);
    let setup = variables.fold(setup, |setup, (name, value)| setup.with_variable(&name, &value));
    let demo = setup.start().await;
    let mut wrong = Vec::new();
    for Case { name, genuine, forged, .. } in cases {
        let first = if genuine.method != Method::POST {
            [(200, ""); 2]
        } else if scheme(name).is_some_and(Scheme::is_keyless) {
            [(200, "bypassed"); 2]
        } else {
            [(200, "executed"), (200, "replayed")]
        };
        for (delivery, expected) in
            [forged, genuine, genuine].into_iter().zip([(401, "")].into_iter().chain(first))
        {
            let answer = demo.deliver(delivery).await;
            if (answer.status.as_u16(), answer.mark()) != expected {
                let (status, mark) = (answer.status.as_u16(), answer.mark());
                wrong.push(format!("{framework:?} {name}: {status} {mark} in place of {expected:?}"));
            }
        }
    }
    wrong
}

#[tokio::test]
async fn every_webhook_route_accepts_a_recorded_delivery_once_and_refuses_a_forged_one() {
    let mut by_time: BTreeMap<u64, Vec<Case>> = BTreeMap::new();
    for case in names().iter().map(|name| case(name)) {
        let is_timeless = scheme(&case.name).is_some_and(|scheme| scheme.signature_window().is_zero());
        let time = if is_timeless { 1_767_225_600 } else { case.recorded.request().now.as_secs() };
        by_time.entry(time).or_default().push(case);
    }
    assert!(by_time.values().map(Vec::len).sum::<usize>() >= 150);
    let played = futures_util::stream::iter(&by_time).map(|(now, cases)| async {
        let [axum, actix] = Framework::BOTH.map(|framework| play(framework, *now, cases));
        let (axum, actix) = futures_util::join!(axum, actix);
        [axum, actix].concat()
    });
    let wrong: Vec<_> = played.buffer_unordered(AT_ONCE).collect().await;
    let wrong = wrong.concat();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
