//! Public keys over HTTP, from a server on this machine.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{StatusCode, Uri};
use idempotency_core::clock::TokioClock;
use idempotency_core::provider::{CachedKeys, HttpKeys, KeySource, PlaidKeys};
use serde_json::{Value, json};

use super::signer::{P256, sha256};
use super::*;

type Seen = Arc<Mutex<Vec<String>>>;

/// A server with a document at `/key`, and what it was asked.
async fn server() -> (SocketAddr, Seen) {
    let seen = Seen::default();
    let app = Router::new().fallback(answer).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

async fn answer(State(seen): State<Seen>, uri: Uri, body: Bytes) -> impl IntoResponse {
    seen.lock().unwrap().push(format!("{uri} {}", String::from_utf8(body.to_vec()).unwrap()));
    let status = |status: u16| (StatusCode::from_u16(status).unwrap(), [("x", String::new())], Body::empty());
    match uri.path() {
        "/key" => (StatusCode::OK, [("x", String::new())], "the document".into()),
        "/largest" => (StatusCode::OK, [("x", String::new())], vec![b'x'; 64 * 1024].into()),
        "/too-large" => (StatusCode::OK, [("x", String::new())], vec![b'x'; 64 * 1024 + 1].into()),
        "/endless" => {
            let chunks =
                futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from(vec![b'x'; 1_000])));
            (StatusCode::OK, [("x", String::new())], Body::from_stream(chunks))
        }
        "/moved" => (StatusCode::FOUND, [("location", "/key".to_owned())], Body::empty()),
        path => status(path[1..].parse().unwrap_or(500)),
    }
}

#[tokio::test]
async fn a_document_is_fetched_and_is_absent_only_if_the_server_says_so() {
    let (address, seen) = server().await;
    let http = HttpKeys::new().unwrap();
    let fetch = async |path: &str| http.fetch(&format!("http://{address}{path}")).await;
    assert_eq!(fetch("/key").await.unwrap().unwrap(), "the document");
    assert_eq!(*seen.lock().unwrap(), ["/key "]);
    for path in ["/404", "/410"] {
        assert!(fetch(path).await.unwrap().is_none(), "{path}");
    }
    for path in ["/400", "/401", "/403", "/429", "/500", "/503", "/204", "/206"] {
        assert_eq!(fetch(path).await.unwrap_err().kind(), RejectionKind::Unavailable, "{path}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_large_document_is_refused() {
    let (address, seen) = server().await;
    let http = HttpKeys::new().unwrap();
    let fetch = async |path: &str| http.fetch(&format!("http://{address}{path}")).await;
    assert_eq!(fetch("/moved").await.unwrap_err().kind(), RejectionKind::Unavailable);
    assert_eq!(*seen.lock().unwrap(), ["/moved "]);
    assert_eq!(fetch("/largest").await.unwrap().unwrap().len(), 64 * 1024);
    for path in ["/too-large", "/endless"] {
        assert_eq!(fetch(path).await.unwrap_err().kind(), RejectionKind::Unavailable, "{path}");
    }
}

#[tokio::test]
async fn only_https_is_fetched_except_from_this_machine() {
    let http = HttpKeys::new().unwrap();
    for url in [
        "http://keys.example.com/a",
        "http://127.0.0.1.evil.example/a",
        "http://localhost/a",
        "http://10.0.0.1/a",
        "http://[::ffff:10.0.0.1]/a",
        "ftp://127.0.0.1/a",
        "file:///etc/passwd",
        "data:,a",
        "a",
        "",
    ] {
        let refused = http.fetch(url).await.unwrap_err();
        assert_eq!(refused.kind(), RejectionKind::Unavailable, "{url}");
        assert!(refused.to_string().starts_with("the keys' address is not a"), "{url}: {refused}");
    }
}

#[tokio::test]
async fn a_server_that_is_down_or_not_trusted_is_out_of_reach() {
    let http = HttpKeys::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let down = http.fetch(&format!("http://{address}/key")).await.unwrap_err();
    assert_eq!(down.kind(), RejectionKind::Unavailable);
    // A server with a certificate that no root certificate has signed.
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], own.signing_key.into())
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        let mut tls = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        // Fails, as the client refuses the certificate.
        let handshake = tls.complete_io(&mut socket);
        (handshake.is_err(), tls.is_handshaking())
    });
    let refused = http.fetch(&format!("https://{address}/key")).await.unwrap_err();
    assert_eq!(refused.kind(), RejectionKind::Unavailable);
    server.join().unwrap();
}

#[tokio::test]
async fn a_certificate_with_a_private_address_is_only_found_through_a_checked_url() {
    let (address, seen) = server().await;
    let cached = CachedKeys::new(HttpKeys::new().unwrap(), TokioClock::new());
    let (request, _) = genuine("aws-sns");
    let from =
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-01d088a6f77103d0fe307c0069e40ed6.pem";
    let forged = with_body(&request, from, &format!("http://{address}/key"));
    let received = receive(&AwsSns::new(TOPIC, cached).unwrap(), &forged).await;
    assert_eq!(refused(received), RejectionKind::Unauthenticated);
    assert!(seen.lock().unwrap().is_empty());
}

/// Plaid's endpoint, which knows one key.
async fn plaid_endpoint(key: &P256) -> (SocketAddr, Seen) {
    let (seen, jwk) = (Seen::default(), key.jwk("6c5516e1"));
    let shared = seen.clone();
    let app = Router::new().fallback(move |body: Bytes| {
        let question: Value = serde_json::from_slice(&body).unwrap();
        shared.lock().unwrap().push(question.to_string());
        let (status, answer) = match (question["secret"].as_str(), question["key_id"].as_str()) {
            (Some("right"), Some("6c5516e1")) => (200, json!({"key": jwk, "request_id": "r"})),
            (Some("right"), _) => (400, json!({"error_code": "INVALID_WEBHOOK_VERIFICATION_KEY_ID"})),
            _ => (400, json!({"error_code": "INVALID_API_KEYS"})),
        };
        async move { (StatusCode::from_u16(status).unwrap(), answer.to_string()) }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (address, seen)
}

#[tokio::test]
async fn plaids_endpoint_is_asked_for_a_key_by_its_id() {
    let key = P256::new();
    let (address, seen) = plaid_endpoint(&key).await;
    let claims = json!({"iat": NOW.as_secs(), "request_body_sha256": sha256(b"{}")});
    let request = |id: &str| {
        Request::new(Default::default(), "{}", NOW).with("plaid-verification", &key.token(id, &claims))
    };
    let provider = |secret: &str| {
        let source = PlaidKeys::new(HttpKeys::new().unwrap(), "client", secret).unwrap();
        let source = source.with_endpoint(format!("http://{address}/webhook_verification_key/get"));
        assert!(!format!("{source:?}").contains(secret));
        Plaid::new(CachedKeys::new(source, TokioClock::new()))
    };
    let plaid = provider("right");
    assert!(receive(&plaid, &request("6c5516e1")).await.is_ok());
    let asked = seen.lock().unwrap().pop().unwrap();
    assert_eq!(asked, r#"{"client_id":"client","key_id":"6c5516e1","secret":"right"}"#);
    assert_eq!(refused(receive(&plaid, &request("unknown")).await), RejectionKind::Unauthenticated);
    let wrong = receive(&provider("wrong"), &request("6c5516e1")).await;
    assert_eq!(refused(wrong), RejectionKind::Unavailable, "our credentials say nothing about the request");
    assert!(PlaidKeys::new(HttpKeys::new().unwrap(), "client", " ").is_err());
}
