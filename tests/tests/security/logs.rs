//! No secret is logged, at any level, by any crate, for any course of a delivery.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use idempotency_core::provider::{self, IdempotencyKey, Rejection, Slack, Stripe};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::store::redis::RedisStore;
use idempotency_core::{Policy, testing};
use idempotency_tests::captured::Captured;
use idempotency_tests::http::{Fault, Operation, Watched};
use idempotency_tests::redis_server::RedisServer;
use idempotency_tower::IdempotencyLayer;
use redis::AsyncTypedCommands as _;
use tower::{Layer as _, ServiceExt as _};
use tracing::Level;

/// Printable base64, so that these can be keys, secrets or bodies. No digest contains one by chance.
const STRIPE: &str = "whsec_U3RyaXBlU2VjcmV0U3RyaXBl";
const SLACK: &str = "slack-signing-secret-5Jx";
const PASSWORD: &str = "redis-password-8Qz";
const AUTHORIZATION: &str = "Bearer principal-token-3Vw";
const KEY: &str = "client-key-9Rt";
const ASKED: &str = "request-body-2Lm";
const ANSWERED: &str = "stored-answer-7Kp";
const COOKIE: &str = "session-cookie-4Hd";
const EVENT: &str = "evt_secretive_6Ny";
const RESOURCE: &str = "cus_secretive_1Bc";
const SECRETS: [&str; 10] =
    [STRIPE, SLACK, PASSWORD, AUTHORIZATION, KEY, ASKED, ANSWERED, COOKIE, EVENT, RESOURCE];

fn assert_hidden(text: &str, what: &str) {
    for secret in SECRETS {
        let listed = format!("{:?}", secret.as_bytes());
        let hex = data_encoding::HEXLOWER.encode(secret.as_bytes());
        let base64 = data_encoding::BASE64_NOPAD.encode(secret.as_bytes());
        for form in [secret, listed.trim_matches(['[', ']']), &hex, &base64[..base64.len() - 2]] {
            if let Some(at) = text.find(form) {
                let line = text[..at].rfind('\n').map_or(0, |at| at + 1);
                let end = text[at..].find('\n').map_or(text.len(), |len| at + len);
                panic!("{secret} shows in {what}: {}", &text[line..end]);
            }
        }
    }
}

type Sent = (u16, String);

/// A route whose body and headers in the answer are secrets.
struct Route(IdempotencyLayer);

impl Route {
    async fn send(&self, mut request: http::Request<Body>, status: u16) -> Sent {
        request.headers_mut().insert("authorization", AUTHORIZATION.parse().unwrap());
        let service = self.0.layer(tower::service_fn(move |_: http::Request<Body>| async move {
            assert!(status != 0, "the handler panics");
            let answer = http::Response::builder().status(status).header("set-cookie", COOKIE);
            Ok::<_, io::Error>(answer.header("x-answer", ANSWERED).body(Body::from(ANSWERED)).unwrap())
        }));
        // A panic in the handler also panics its caller.
        match tokio::spawn(service.oneshot(request)).await {
            Err(panicked) => (0, panicked.to_string()),
            Ok(answer) => {
                let (parts, body) = answer.expect("the service answers").into_parts();
                let bytes = axum::body::to_bytes(Body::new(body), 1 << 20).await.unwrap();
                let text = format!("{:?} {}", parts.headers, String::from_utf8_lossy(&bytes));
                (parts.status.as_u16(), text)
            }
        }
    }
}

fn keyed(key: &str, body: &'static str) -> http::Request<Body> {
    http::Request::post("/hook").header("idempotency-key", key).body(Body::from(body)).unwrap()
}

fn signed(secret: &str) -> http::Request<Body> {
    let body = format!(
        r#"{{"id":"{EVENT}","type":"customer.updated","created":1,"data":{{"object":{{"id":"{RESOURCE}"}}}},"x":"{ASKED}"}}"#
    );
    let now = Duration::from_secs(1_767_225_600);
    let mut request = http::Request::post("/hook").body(Body::from(body.clone())).unwrap();
    *request.headers_mut() = testing::stripe(secret, body.as_bytes(), now);
    request.headers_mut().extend(testing::slack(SLACK, body.as_bytes(), now));
    request
}

/// Sends deliveries through every course, and checks the answers that the layer makes.
async fn every_turn(store: &Watched) {
    let keys = || IdempotencyKey::per_header_principal(http::header::AUTHORIZATION);
    let route = |timeout| {
        let policy = Policy::api().with_store_timeout(timeout);
        Route(IdempotencyLayer::new(store.clone(), keys()).with_policy(policy))
    };
    let (api, quick) = (route(Duration::from_secs(60)), route(Duration::from_millis(300)));
    let mut ours = Vec::new();

    assert_eq!(api.send(keyed(KEY, ASKED), 200).await.0, 200);
    let replayed = api.send(keyed(KEY, ASKED), 200).await;
    assert!(replayed.1.contains("idempotent-replayed") && !replayed.1.contains(COOKIE));
    ours.push(api.send(keyed(KEY, "another body"), 200).await);
    ours.push(api.send(keyed(&format!("{KEY}\ttab"), ASKED), 200).await);
    ours.push(api.send(keyed(&KEY.repeat(50), ASKED), 200).await);
    let failing = format!("{KEY}-fails");
    assert_eq!(api.send(keyed(&failing, ASKED), 500).await.0, 500);
    assert_eq!(api.send(keyed(&format!("{KEY}-panics"), ASKED), 0).await.0, 0);
    for (number, operation) in
        [Operation::Claim, Operation::Complete, Operation::Release].into_iter().enumerate()
    {
        for (way, fault) in [Fault::Unavailable, Fault::AnswerLost].into_iter().enumerate() {
            store.breaks(operation, fault);
            for status in [200, 500] {
                quick.send(keyed(&format!("{KEY}-{number}-{way}-{status}"), ASKED), status).await;
            }
            store.recovers();
        }
    }
    let now = Duration::from_secs(1_767_225_600);
    let stripe = Stripe::new(STRIPE).unwrap().discarding_stale(["customer.updated"]).unwrap();
    let hook = Route(IdempotencyLayer::new(store.clone(), stripe).with_insecure_verification_time(now));
    assert_eq!(hook.send(signed(STRIPE), 200).await.0, 200);
    assert_eq!(hook.send(signed(STRIPE), 200).await.0, 200);
    ours.push(hook.send(signed("whsec_forged"), 200).await);
    let slack = Slack::new(SLACK).unwrap();
    let slack = Route(IdempotencyLayer::new(store.clone(), slack).with_insecure_verification_time(now));
    ours.push(slack.send(signed(STRIPE), 200).await);
    let closed = provider::from_fn("closed", |_| {
        Err(Rejection::unavailable("the secret cannot be read").with_source("the vault is closed"))
    });
    let closed = Route(IdempotencyLayer::new(store.clone(), closed)).send(keyed(KEY, ASKED), 200).await;
    assert!(closed.0 == 503 && !closed.1.contains("vault"), "{closed:?}");
    for (status, text) in ours {
        assert!((400..600).contains(&status) || status == 200, "{status}");
        if status != 200 {
            assert_hidden(&text, "an answer");
        }
    }
}

/// The log captures every thread of the runtime and no other test.
#[test]
fn nothing_secret_is_logged_at_any_level() {
    let captured = Captured::default();
    let heard = captured.clone();
    let listen = move || heard.listen(Level::TRACE);
    let _listening = listen();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(move || std::mem::forget(listen()))
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(whatever_happens());
    assert_hidden_and_complete(&captured.text());
}

async fn whatever_happens() {
    every_turn(&Watched::new(Arc::new(MemoryStore::new()))).await;

    let server = RedisServer::start().await;
    let user = ["ACL", "SETUSER", "app", "on", &format!(">{PASSWORD}"), "~*", "&*", "+@all"];
    let _: String = server.query(&user).await;
    let url = |password: &str| format!("redis://app:{password}@127.0.0.1:{}/", server.port());
    let redis = || RedisStore::new(url(PASSWORD), "idem").unwrap();
    every_turn(&Watched::new(Arc::new(redis()))).await;

    // Unreadable records, a wrong password, and a server that is down.
    let keys = || IdempotencyKey::per_header_principal(http::header::AUTHORIZATION);
    let names: Vec<String> = server.query(&["KEYS", "idem:*"]).await;
    assert!(names.len() > 5);
    let mut connection = server.connection().await;
    for name in &names {
        connection.set(name, ANSWERED).await.unwrap();
    }
    let route = |store: RedisStore| {
        let quick = Policy::api().with_store_timeout(Duration::from_millis(300));
        Route(IdempotencyLayer::new(store, keys()).with_policy(quick))
    };
    let mut answers = vec![route(redis()).send(keyed(KEY, ASKED), 200).await];
    let refused = RedisStore::new(url(&format!("wrong-{PASSWORD}")), "idem").unwrap();
    answers.push(route(refused.clone()).send(keyed(KEY, ASKED), 200).await);
    let error = format!("{:?}", refused.check_health().await.unwrap_err());
    assert_hidden(&error, "an error");
    let connected = route(redis());
    connected.send(keyed("before", ASKED), 200).await;
    server.kill();
    answers.push(connected.send(keyed(KEY, ASKED), 200).await);
    answers.push(route(redis()).send(keyed(KEY, ASKED), 200).await);
    for (status, text) in answers {
        assert!(status >= 400, "{status} {text}");
        assert_hidden(&text, "an answer");
    }
}

fn assert_hidden_and_complete(text: &str) {
    for (level, said) in [
        ("DEBUG", "granted"),
        ("DEBUG", "replayed"),
        ("WARN", "mismatch"),
        ("WARN", "rejected"),
        ("WARN", "in_doubt"),
        ("WARN", "outage"),
        ("WARN", "unrecorded"),
        ("WARN", "panicked"),
    ] {
        let event = format!(" idempotency: {said} ");
        let is_told = |line: &str| line.contains(&event) && line.contains(level);
        assert!(text.lines().any(is_told), "the run must have logged {said} at {level}");
    }
    assert!(
        text.contains("the secret cannot be read: the vault is closed"),
        "the cause of a rejection is logged"
    );
    // Crates that use `log` are captured as well.
    assert!(text.contains(" mio"), "the run must have been captured at every level");
    assert_hidden(text, "the log");
}
