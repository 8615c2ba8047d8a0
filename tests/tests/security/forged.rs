//! Forged and incomplete requests reach neither a store nor the handler.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use idempotency_core::provider::{GitHub, Provider, Shopify, Slack, StandardWebhooks, Stripe, Twilio};
use idempotency_core::store::memory::MemoryStore;
use idempotency_core::{Policy, testing};
use idempotency_tests::http::{Adapter, Operation, Reply, Site, TestSender, Watched, handler, post};
use idempotency_tower::IdempotencyLayer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{Layer as _, ServiceExt as _};

const NOW: Duration = Duration::from_secs(1_767_225_600);
const TOLERANCE: Duration = Duration::from_secs(300);
const SECRET: &str = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0";
const OTHER: &str = "whsec_b3RoZXJvdGhlcm90aGVyb3RoZXI=";
const URL: &str = "https://example.com/hook";
const OPERATIONS: [Operation; 5] =
    [Operation::Claim, Operation::Renew, Operation::Complete, Operation::Release, Operation::Wait];

/// A sender: its provider, a body, and its signing function, which takes a secret and a time.
struct Sender {
    provider: Arc<dyn Provider>,
    body: &'static [u8],
    sign: fn(&str, &[u8], Duration) -> HeaderMap,
    /// Whether it signs the time.
    dated: bool,
}

fn senders() -> Vec<Sender> {
    let json = br#"{"id":"evt_1","type":"a","event_id":"Ev1","action":"opened"}"#;
    let sender = |provider: Arc<dyn Provider>, sign, dated| Sender { provider, body: json, sign, dated };
    vec![
        sender(Arc::new(Stripe::new(SECRET).unwrap()), testing::stripe, true),
        sender(Arc::new(Slack::new(SECRET).unwrap()), testing::slack, true),
        sender(
            Arc::new(StandardWebhooks::new(SECRET).unwrap()),
            |secret, body, now| testing::standard_webhooks(secret, "msg_1", body, now),
            true,
        ),
        sender(
            Arc::new(GitHub::new(SECRET).unwrap()),
            |secret, body, _| testing::github(secret, "id-1", "issues", body),
            false,
        ),
        sender(
            Arc::new(Shopify::new(SECRET).unwrap()),
            |secret, body, _| testing::shopify(secret, "id-1", "orders/create", body),
            false,
        ),
        Sender {
            provider: Arc::new(Twilio::new(SECRET, URL).unwrap()),
            body: b"MessageSid=SM2de0d6c5d0d64e3a8b3f1d3f3c2b1a09&MessageStatus=delivered",
            sign: |secret, body, _| testing::twilio(secret, URL, body),
            dated: false,
        },
    ]
}

/// The ways to forge a signed request.
fn forgeries(sender: &Sender) -> Vec<(String, HeaderMap, Vec<u8>)> {
    let body = sender.body.to_vec();
    let signed = (sender.sign)(SECRET, &body, NOW);
    let mut forgeries = vec![
        ("no header".to_owned(), HeaderMap::new(), body.clone()),
        ("another secret".to_owned(), (sender.sign)(OTHER, &body, NOW), body.clone()),
        ("an empty body".to_owned(), signed.clone(), Vec::new()),
    ];
    if sender.dated {
        let second = Duration::from_secs(1);
        for at in [Duration::ZERO, NOW - TOLERANCE - second, NOW + TOLERANCE + second] {
            forgeries.push((format!("signed at {at:?}"), (sender.sign)(SECRET, &body, at), body.clone()));
        }
    }
    for at in 0..body.len() {
        let mut changed = body.clone();
        changed[at] ^= 1;
        forgeries.push((format!("byte {at} is changed"), signed.clone(), changed));
    }
    let is_proof = |name: &HeaderName| ["signature", "hmac"].iter().any(|part| name.as_str().contains(part));
    for (name, value) in signed.iter().filter(|(name, _)| is_proof(name)) {
        let text = value.to_str().unwrap();
        let mut with = |what: &str, value: &str| {
            let mut headers = signed.clone();
            headers.insert(name, HeaderValue::from_str(value).unwrap());
            forgeries.push((format!("{name} {what}"), headers, body.clone()));
        };
        for len in 0..text.len() {
            with(&format!("is cut to {len}"), &text[..len]);
        }
        let older = text.replace("v1", "v9").replace("v0=", "v9=").replace("sha256", "sha1");
        if older != text {
            with("is of another scheme", &older);
        }
        with("is in upper case", &text.to_uppercase());
        let mut twice = signed.clone();
        twice.append(name, value.clone());
        forgeries.push((format!("{name} comes twice"), twice, body.clone()));
    }
    forgeries
}

#[tokio::test]
async fn no_forged_request_reaches_a_store_or_the_handler() {
    for sender in senders() {
        let store = Watched::new(Arc::new(MemoryStore::new()));
        let calls = Arc::new(AtomicUsize::new(0));
        let layer = IdempotencyLayer::new(store.clone(), sender.provider.clone());
        let service = layer.with_insecure_verification_time(NOW).layer(tower::service_fn({
            let calls = calls.clone();
            move |_: http::Request<axum::body::Body>| {
                calls.fetch_add(1, Ordering::Relaxed);
                async { Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::empty())) }
            }
        }));
        let send = async |headers: HeaderMap, body: Vec<u8>| {
            let mut request = http::Request::post("/hook").body(axum::body::Body::from(body)).unwrap();
            *request.headers_mut() = headers;
            service.clone().oneshot(request).await.unwrap().status()
        };
        let name = sender.provider.name().to_owned();
        let forgeries = forgeries(&sender);
        assert!(forgeries.len() > 50, "{name}");
        for (what, headers, body) in forgeries {
            let status = send(headers, body).await;
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::BAD_REQUEST];
            assert!(refused.contains(&status), "{name}, {what}: {status}");
        }
        for operation in OPERATIONS {
            assert_eq!(store.count(operation), 0, "{name}: {operation:?}");
        }
        assert_eq!(calls.load(Ordering::Relaxed), 0, "{name}");
        // The genuine request is accepted, so the ones above were refused for their forgery alone.
        let genuine = (sender.sign)(SECRET, sender.body, NOW);
        assert_eq!(send(genuine, sender.body.to_vec()).await, StatusCode::OK, "{name}");
        assert_eq!((store.count(Operation::Claim), calls.load(Ordering::Relaxed)), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn no_method_that_may_carry_a_body_is_a_way_around_the_signature() {
    for sender in senders() {
        let layer = IdempotencyLayer::new(MemoryStore::new(), sender.provider.clone());
        let service = layer.layer(tower::service_fn(|_: http::Request<axum::body::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(axum::body::Body::empty()))
        }));
        for method in ["POST", "PUT", "PATCH", "DELETE", "QUERY", "PROPFIND"] {
            let body = axum::body::Body::from(sender.body);
            let request = http::Request::builder().method(method).uri("/hook").body(body).unwrap();
            let status = service.clone().oneshot(request).await.unwrap().status();
            // A method that the sender does not use is refused before the verification.
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED];
            assert!(refused.contains(&status), "{}: an unsigned {method}: {status}", sender.provider.name());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_trickles_its_body_holds_no_lease_until_the_body_is_whole() {
    for adapter in [Adapter::Axum, Adapter::Actix] {
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let done = handler(|call| async move { Reply::new(200, call.body) });
        let served = site.serve(TestSender::new(Policy::webhook()), done).await;
        let mut slow = tokio::net::TcpStream::connect(served.addr).await.unwrap();
        let head = "POST /hook HTTP/1.1\r\nhost: test\r\nx-key: slow\r\ncontent-length: 8\r\nconnection: close\r\n\r\n";
        slow.write_all(head.as_bytes()).await.unwrap();
        for (sent, byte) in b"trickled".iter().enumerate() {
            // A complete request on another connection is executed meanwhile.
            let quick = post("/hook").key(format!("quick-{sent}")).body("{}");
            served.send(quick).await.is(200, "executed");
            assert_eq!(
                site.store.count(Operation::Claim),
                sent + 1,
                "{adapter:?}: only the quick requests claim"
            );
            slow.write_all(&[*byte]).await.unwrap();
        }
        let mut answer = String::new();
        slow.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("trickled"), "{answer}");
        assert_eq!(site.store.count(Operation::Claim), 9);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_leaves_before_its_body_is_whole_reaches_no_store() {
    for adapter in [Adapter::Axum, Adapter::Actix] {
        let site = Site::new(adapter, Arc::new(MemoryStore::new()));
        let done = handler(|_| async { Reply::new(200, "done") });
        let served = site.serve(TestSender::new(Policy::webhook()), done).await;
        for body in ["", "half"] {
            let mut leaving = tokio::net::TcpStream::connect(served.addr).await.unwrap();
            let head = "POST /hook HTTP/1.1\r\nhost: test\r\nx-key: k\r\ncontent-length: 8\r\n\r\n";
            leaving.write_all([head, body].concat().as_bytes()).await.unwrap();
            leaving.shutdown().await.unwrap();
            // The connection ends with any answer of the framework.
            let _ = leaving.read_to_end(&mut Vec::new()).await;
        }
        assert_eq!((served.executions(), site.store.count(Operation::Claim)), (0, 0), "{adapter:?}");
        served.send(post("/hook").key("k").body("whole")).await.is(200, "executed");
    }
}
