//! A body that is not what it announced, over a real connection: what is not recorded must not look like a whole 2xx.
#![cfg(all(feature = "axum", feature = "memory", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::post;
use futures_util::stream;
use idempotency_tower::core::clock;
use idempotency_tower::provider::Stripe;
use idempotency_tower::{IdempotencyLayer, MemoryStore, testing};

struct Announcing(u64, Body);

impl http_body::Body for Announcing {
    type Data = Bytes;
    type Error = axum::Error;
    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        std::pin::Pin::new(&mut self.1).poll_frame(cx)
    }
    fn size_hint(&self) -> http_body::SizeHint {
        http_body::SizeHint::with_exact(self.0)
    }
}

fn raw() -> String {
    let body = r#"{"id":"evt_1"}"#;
    let headers = testing::stripe("s", body.as_bytes(), clock::system_unix_time());
    let mut text =
        format!("POST /h HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    for (name, value) in &headers {
        text += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    text + "\r\n" + body
}

/// Whether an HTTP/1.1 client sees a whole message, and its text.
fn exchange(addr: std::net::SocketAddr) -> (bool, String) {
    let mut stream = std::net::TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(5))).unwrap();
    stream.write_all(raw().as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return (false, text) };
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ").map(|v| v.trim().parse::<usize>().unwrap())
    });
    let whole = match length {
        Some(length) => body.len() >= length,
        None => body.ends_with("0\r\n\r\n"),
    };
    (whole, text)
}

async fn case(name: &str, announced: Option<u64>, pieces: Vec<Result<&'static str, std::io::Error>>) {
    let pieces = Arc::new(std::sync::Mutex::new(Some(pieces)));
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let handle = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let pieces = pieces.lock().unwrap().take().unwrap_or_else(|| vec![Ok("done")]);
        async move {
            let body = Body::from_stream(stream::iter(pieces.into_iter().map(|p| p.map(Bytes::from))));
            let body = match announced {
                Some(size) => Body::new(Announcing(size, body)),
                None => body,
            };
            Response::new(body)
        }
    };
    let layer = IdempotencyLayer::new(MemoryStore::new(), Stripe::new("s").unwrap());
    let app: Router = Router::new().route("/h", post(handle).layer(layer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    let (whole, text) = tokio::task::spawn_blocking(move || exchange(addr)).await.unwrap();
    let (_, _) = tokio::task::spawn_blocking(move || exchange(addr)).await.unwrap();
    let runs = runs.load(Ordering::SeqCst);
    assert_eq!(runs, 2, "{name}: it was not recorded, so the retry runs");
    assert!(!whole, "{name}: the client sees a whole answer that is not recorded: {text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_not_recorded_never_looks_whole_to_its_client() {
    let cut = || Err(std::io::Error::other("cut"));
    case("an error after all bytes", Some(4), vec![Ok("abcd"), cut()]).await;
    case("longer than announced", Some(4), vec![Ok("abcd"), Ok("ef")]).await;
    case("shorter than announced", Some(9), vec![Ok("abcd")]).await;
    case("an error in a stream", None, vec![Ok("abcd"), cut()]).await;
}
